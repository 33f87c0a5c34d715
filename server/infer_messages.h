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

// The bytes of a call. gRPC releases them once the reply is written, so they tell exactly which
// calls are in flight. Each thread keeps a few that are done with.
class InferBytes final : public grpc::MessageHolder<Bytes, Bytes> {
 public:
  static InferBytes* take(Activity& activity, Memory& memory) {
    auto& pool = spare();
    std::unique_ptr<InferBytes> bytes;
    if (pool.empty()) {
      bytes.reset(new InferBytes);
    } else {
      bytes = std::move(pool.back());
      pool.pop_back();
    }
    bytes->activity_ = &activity;
    bytes->held_.emplace(memory);
    activity.begin();
    return bytes.release();
  }

  // What the call holds.
  HeldMemory& held() { return *held_; }

  void Release() override {
    take_over(this);
    Activity& activity = *activity_;
    held_.reset();
    in_.Clear();
    out_.Clear();
    std::unique_ptr<InferBytes> self(this);
    auto& pool = spare();
    if (pool.size() < most_spare) pool.push_back(std::move(self));
    self.reset();
    activity.end();
  }

 private:
  static constexpr std::size_t most_spare = 16;

  InferBytes() {
    set_request(&in_);
    set_response(&out_);
  }
  static std::vector<std::unique_ptr<InferBytes>>& spare() {
    thread_local std::vector<std::unique_ptr<InferBytes>> pool;
    return pool;
  }

  Activity* activity_ = nullptr;
  std::optional<HeldMemory> held_;
  Bytes in_;
  Bytes out_;
};

// A request and its reply. A thread uses its own again for each call that it answers at once: with
// 64 in flight, a call with messages of its own takes a twelfth more processor time.
struct InferMessages {
  inference::ModelInferRequest in;
  inference::ModelInferResponse out;

  static InferMessages& of_this_thread() {
    thread_local InferMessages messages;
    return messages;
  }

  // After a call of at most `bytes`, read or written. Cleared messages keep the most that each of
  // their parts has held: those of many bytes in many parts are let go.
  void clear(std::size_t bytes) {
    constexpr std::size_t most_kept = 256 << 10;
    const int parts = in.inputs_size() + in.outputs_size() + in.raw_input_contents_size();
    if (bytes > most_kept / static_cast<std::size_t>(parts + 1)) {
      *this = {};
    } else {
      in.Clear();
      out.Clear();
    }
  }
};

class InferAllocator final : public grpc::MessageAllocator<Bytes, Bytes> {
 public:
  InferAllocator(Activity& activity, Memory& memory) : activity_(activity), memory_(memory) {}
  InferBytes* AllocateMessages() override { return InferBytes::take(activity_, memory_); }

 private:
  Activity& activity_;
  Memory& memory_;
};

}  // namespace lathe::server
