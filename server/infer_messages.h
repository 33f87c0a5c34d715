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
#include "lathe/server/messages.h"

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

// gRPC releases this once the reply is written, so it tells exactly which calls are in flight. Each
// thread keeps a few that are done with. The messages live on an arena whose first block is used
// again: clearing a message instead would free and make anew the contents of each tensor.
class InferMessages final : public grpc::MessageHolder<Bytes, Bytes> {
 public:
  inference::ModelInferRequest* in = nullptr;
  inference::ModelInferResponse* out = nullptr;

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
    request()->Clear();
    response()->Clear();
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

  InferMessages() : arena_(block_.data(), block_.size()) {
    set_request(&bytes_in_);
    set_response(&bytes_out_);
  }
  void make(Activity& activity) {
    activity_ = &activity;
    in = Arena::CreateMessage<inference::ModelInferRequest>(&arena_);
    out = Arena::CreateMessage<inference::ModelInferResponse>(&arena_);
    activity.begin();
  }
  static std::vector<std::unique_ptr<InferMessages>>& spare() {
    thread_local std::vector<std::unique_ptr<InferMessages>> pool;
    return pool;
  }

  Activity* activity_ = nullptr;
  Bytes bytes_in_;
  Bytes bytes_out_;
  alignas(std::max_align_t) std::array<char, block_bytes> block_;
  Arena arena_;
};

class InferAllocator final : public grpc::MessageAllocator<Bytes, Bytes> {
 public:
  explicit InferAllocator(Activity& activity) : activity_(activity) {}
  InferMessages* AllocateMessages() override { return InferMessages::take(activity_); }

 private:
  Activity& activity_;
};

}  // namespace lathe::server
