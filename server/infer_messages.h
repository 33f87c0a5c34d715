// The messages of a ModelInfer, used again and again: making them anew is a twentieth of a small
// call. Only transport.cpp includes this.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <grpcpp/support/message_allocator.h>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/hand_over.h"
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
// thread keeps a few that are done with.
class InferMessages final : public grpc::MessageHolder<Bytes, Bytes> {
 public:
  inference::ModelInferRequest in;
  inference::ModelInferResponse out;

  static InferMessages* take(Activity& activity, Memory& memory) {
    auto& pool = spare();
    std::unique_ptr<InferMessages> messages;
    if (pool.empty()) {
      messages.reset(new InferMessages);
    } else {
      messages = std::move(pool.back());
      pool.pop_back();
    }
    messages->activity_ = &activity;
    messages->held_.emplace(memory);
    activity.begin();
    return messages.release();
  }

  HeldMemory& held() { return *held_; }

  // To be called before the request is read.
  void look_at_request() { request_is_small_ = bound_of_size(bytes_in_) <= most_kept; }

  // All that is left is the reply, which may wait long for its client. Throws as HeldMemory.
  void keep_only_reply() {
    held().add(bytes_out_.Length());
    if (!is_small()) {
      in = {};
      out = {};
    }
    held().set(bytes_out_.Length());
  }

  void Release() override {
    take_over(this);
    Activity& activity = *activity_;
    held_.reset();
    std::unique_ptr<InferMessages> self(this);
    auto& pool = spare();
    if (pool.size() < most_spare && is_small()) {
      in.Clear();
      out.Clear();
      bytes_in_.Clear();
      bytes_out_.Clear();
      pool.push_back(std::move(self));
    }
    self.reset();
    activity.end();
  }

 private:
  static constexpr std::size_t most_spare = 16;
  static constexpr std::size_t most_kept = 2 << 10;  // bytes, of a request and of a reply
  static constexpr int most_parts = 64;              // each of which may keep as much

  InferMessages() {
    set_request(&bytes_in_);
    set_response(&bytes_out_);
  }
  bool is_small() const {
    return request_is_small_ && bytes_out_.Length() <= most_kept &&
           in.inputs_size() + in.outputs_size() + in.raw_input_contents_size() <= most_parts;
  }
  static std::vector<std::unique_ptr<InferMessages>>& spare() {
    thread_local std::vector<std::unique_ptr<InferMessages>> pool;
    return pool;
  }

  Activity* activity_ = nullptr;
  std::optional<HeldMemory> held_;
  Bytes bytes_in_;
  Bytes bytes_out_;
  bool request_is_small_ = false;
};

class InferAllocator final : public grpc::MessageAllocator<Bytes, Bytes> {
 public:
  InferAllocator(Activity& activity, Memory& memory) : activity_(activity), memory_(memory) {}
  InferMessages* AllocateMessages() override { return InferMessages::take(activity_, memory_); }

 private:
  Activity& activity_;
  Memory& memory_;
};

}  // namespace lathe::server
