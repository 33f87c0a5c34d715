// The messages of a ModelInfer, used again and again: making them anew is a twentieth of a small
// call. Only transport.cpp includes this.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <google/protobuf/arena.h>
#include <grpcpp/support/message_allocator.h>

#include "lathe/proto/inference.pb.h"

namespace lathe::server {

// Calls being answered. `started` tells a pause between two calls from the end of all.
struct Activity {
  std::atomic<std::int64_t> running{0};
  std::atomic<std::uint64_t> started{0};

  void begin() {
    running.fetch_add(1, std::memory_order_relaxed);
    started.fetch_add(1, std::memory_order_relaxed);
  }
  void end() { running.fetch_sub(1, std::memory_order_relaxed); }
};

// What a message holds on to, about: clearing one frees nothing.
inline std::size_t bytes_held(const inference::ModelInferRequest& request) {
  std::size_t bytes = request.id().size() + request.model_name().size() +
                      request.model_version().size() + 256 * request.parameters().size();
  for (const std::string& raw : request.raw_input_contents()) bytes += 32 + raw.size();
  for (const auto& input : request.inputs()) {
    bytes += 64 + input.name().size() + input.datatype().size() + 256 * input.parameters().size();
    if (!input.has_contents()) continue;
    const auto& typed = input.contents();
    const int numbers = typed.bool_contents_size() + typed.int_contents_size() +
                        typed.int64_contents_size() + typed.uint_contents_size() +
                        typed.uint64_contents_size() + typed.fp32_contents_size() +
                        typed.fp64_contents_size();
    bytes += sizeof(double) * static_cast<std::size_t>(numbers);
    for (const std::string& text : typed.bytes_contents()) bytes += 32 + text.size();
  }
  return bytes + 64 * static_cast<std::size_t>(request.outputs_size());
}

inline std::size_t bytes_held(const inference::ModelInferResponse& response) {
  std::size_t bytes = 256 * response.parameters().size();
  for (const std::string& raw : response.raw_output_contents()) bytes += 32 + raw.size();
  for (const auto& output : response.outputs()) {
    bytes += 64;
    if (!output.has_contents()) continue;
    const auto& typed = output.contents();
    bytes += sizeof(double) *
             static_cast<std::size_t>(typed.fp64_contents_size() + typed.int64_contents_size());
    for (const std::string& text : typed.bytes_contents()) bytes += 32 + text.size();
  }
  return bytes;
}

// gRPC releases the messages once the reply is written, so they tell exactly which calls are in
// flight. Each thread keeps a few that are done with. They live on an arena whose first block is
// used again: clearing a message instead would free and make anew the contents of each tensor.
class InferMessages final
    : public grpc::MessageHolder<inference::ModelInferRequest, inference::ModelInferResponse> {
 public:
  static InferMessages* take(Activity& activity) {
    auto& pool = spare();
    std::unique_ptr<InferMessages> messages;
    if (pool.empty()) {
      messages.reset(new InferMessages);
    } else {
      messages = std::move(pool.back());
      pool.pop_back();
    }
    messages->make(activity);
    return messages.release();
  }

  void Release() override {
    Activity& activity = *activity_;
    arena_.Reset();
    std::unique_ptr<InferMessages> self(this);
    auto& pool = spare();
    if (pool.size() < most_spare) pool.push_back(std::move(self));
    self.reset();
    activity.end();
  }

 private:
  using Arena = google::protobuf::Arena;
  static constexpr std::size_t most_spare = 16;
  static constexpr std::size_t block_bytes = 16 << 10;  // a dozen tensors of a row

  InferMessages() : arena_(block_.data(), block_.size()) {}
  void make(Activity& activity) {
    activity_ = &activity;
    set_request(Arena::CreateMessage<inference::ModelInferRequest>(&arena_));
    set_response(Arena::CreateMessage<inference::ModelInferResponse>(&arena_));
    activity.begin();
  }
  static std::vector<std::unique_ptr<InferMessages>>& spare() {
    thread_local std::vector<std::unique_ptr<InferMessages>> pool;
    return pool;
  }

  Activity* activity_ = nullptr;
  alignas(std::max_align_t) std::array<char, block_bytes> block_;
  Arena arena_;
};

class InferAllocator final
    : public grpc::MessageAllocator<inference::ModelInferRequest, inference::ModelInferResponse> {
 public:
  explicit InferAllocator(Activity& activity) : activity_(activity) {}
  InferMessages* AllocateMessages() override { return InferMessages::take(activity_); }

 private:
  Activity& activity_;
};

}  // namespace lathe::server
