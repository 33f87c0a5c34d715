// ModelStreamInfer. Only transport.cpp includes this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include <grpcpp/grpcpp.h>

#include "lathe/datasets/utf8.h"
#include "lathe/server/core.h"
#include "lathe/server/hand_over.h"

namespace lathe::server {

// Requests are answered in turn; reading goes on while replies are written, and replies that wait
// travel together: a system call for each would be most of the cost. What waits is bounded, so a
// client that does not read is not read from. An error of one request is its reply, and the stream
// goes on.
class InferStream final : public grpc::ServerBidiReactor<Bytes, Bytes> {
 public:
  InferStream(Core& core, const grpc::CallbackServerContext& context)
      : core_(core),
        context_(context),
        counted_(core.calls, CallMetrics::stream),
        request_held_(core.inference.memory()),
        replies_held_(core.inference.memory()) {
    hand_over(this);
    StartRead(&bytes_in_);
  }

  void OnReadDone(bool ok) override {
    take_over(this);
    if (!ok) return end_reading();
    const auto arrived = Work::Clock::now();
    core_.activity.begin();
    request_bytes_ = std::numeric_limits<std::size_t>::max();  // if it cannot be read
    message_.clear_error_message();  // and not Clear(), which would free what is in it
    auto& response = *message_.mutable_infer_response();
    response.Clear();
    bool later = false;
    const grpc::Status status = answer([&] {
      const Work work =
          core_.read(bytes_in_, request_, request_held_, context_, arrived, request_bytes_);
      if (!work.is_long) return core_.inference.model_infer(work, request_, response);
      core_.post(work, request_, response, context_,
                 [this](const grpc::Status& late) { answered(late); });
      later = true;
    });
    if (!later) answered(status);
  }

  void OnWriteDone(bool ok) override {
    take_over(this);
    core_.activity.end();
    Next next;
    {
      const std::lock_guard lock(mutex_);
      bytes_ -= replies_[first_].Length();
      replies_[first_].Clear();
      replies_held_.shrink_to(bytes_);
      first_ = (first_ + 1) % most_waiting;
      --waiting_;
      writing_ = false;
      broken_ = broken_ || !ok;
      next = decide();
    }
    go_on(next);
  }

  void OnDone() override {
    take_over(this);
    for (; waiting_ > 0; --waiting_) core_.activity.end();
    delete this;
  }

 private:
  static constexpr std::size_t most_waiting = 16;      // replies
  static constexpr std::size_t most_bytes = 1 << 20;   // of them, beyond which reading pauses
  static constexpr std::size_t most_kept = 64 << 10;   // of a message that is used again
  static constexpr std::size_t most_room = 128 << 10;  // of a request, once it is read

  struct Next {
    bool read = false;
    const Bytes* write = nullptr;
    bool more_follows = false;
    bool finish = false;
  };

  void answered(grpc::Status status) {
    Bytes reply;
    if (status.ok()) {
      status = answer([&] {
        write_message(message_, reply);
        hold(reply.Length());
      });
    }
    if (!status.ok()) {
      message_.set_error_message(status.error_message());
      message_.mutable_infer_response()->Clear();
      set_id_of_refused();
      write_message(message_, reply);
    }
    const std::size_t size = reply.Length();
    if (size > most_kept) message_ = {};
    ++answers_;
    if (is_too_large_to_keep()) request_ = {};
    request_held_.set(0);
    Next next;
    {
      const std::lock_guard lock(mutex_);
      replies_[(first_ + waiting_) % most_waiting].Swap(&reply);
      ++waiting_;
      bytes_ += size;
      reading_ = false;
      next = decide();
    }
    go_on(next);
  }

  // Small requests are looked at now and then: each may leave room in another place.
  bool is_too_large_to_keep() const {
    constexpr std::size_t small = 4 << 10;
    if (request_bytes_ > most_kept) return true;
    const bool looks = request_bytes_ > small || answers_ % 16 == 0;
    return looks && request_.SpaceUsedLong() > most_room;
  }

  // Counts a reply that will wait to be written. Refusals are small, and not counted.
  void hold(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    replies_held_.set(bytes_ + bytes);
  }

  // A request that could not be read may have an id that no client could read.
  void set_id_of_refused() {
    const std::string& id = request_.id();
    if (find_invalid_utf8(id) == id.size()) message_.mutable_infer_response()->set_id(id);
  }

  void end_reading() {
    Next next;
    {
      const std::lock_guard lock(mutex_);
      reading_ = false;
      ended_ = true;
      next = decide();
    }
    go_on(next);
  }

  // With the lock held.
  Next decide() {
    Next next;
    if (broken_ && !reading_) ended_ = true;
    if (!ended_ && !reading_ && waiting_ < most_waiting && bytes_ < most_bytes) {
      next.read = reading_ = true;
    }
    if (!writing_ && !broken_ && waiting_ > 0) {
      writing_ = true;
      next.write = &replies_[first_];
      next.more_follows = waiting_ > 1;
    }
    if (ended_ && !writing_ && !finished_) next.finish = finished_ = true;
    return next;
  }

  // Without it: another thread may go on with the stream from the first of these calls, and after
  // the last one end it.
  void go_on(const Next& next) {
    hand_over(this);
    if (next.finish) {
      counted_.end(broken_ ? grpc::StatusCode::CANCELLED : grpc::StatusCode::OK);
      return Finish(broken_ ? grpc::Status(grpc::StatusCode::CANCELLED, "the client is gone")
                            : grpc::Status::OK);
    }
    if (next.write != nullptr) {
      grpc::WriteOptions options;
      if (next.more_follows) options.set_buffer_hint();
      StartWrite(next.write, options);
    }
    if (next.read) StartRead(&bytes_in_);
  }

  Core& core_;
  const grpc::CallbackServerContext& context_;
  CountedCall counted_;
  Bytes bytes_in_;
  HeldMemory request_held_;
  std::size_t request_bytes_ = 0;
  std::uint64_t answers_ = 0;
  inference::ModelInferRequest request_;
  inference::ModelStreamInferResponse message_;
  std::array<Bytes, most_waiting> replies_;  // a ring: `waiting_` of them from `first_` on

  std::mutex mutex_;  // of what follows
  HeldMemory replies_held_;
  std::size_t first_ = 0;
  std::size_t waiting_ = 0;  // answered and not yet written
  std::size_t bytes_ = 0;    // of those
  bool reading_ = true;      // or answering
  bool writing_ = false;
  bool ended_ = false;   // nothing more will be read
  bool broken_ = false;  // nor written
  bool finished_ = false;
};

// A stream that is refused.
class RefusedStream final : public grpc::ServerBidiReactor<Bytes, Bytes> {
 public:
  RefusedStream(Core& core, const grpc::Status& status) {
    CountedCall(core.calls, CallMetrics::stream).end(status.error_code());
    hand_over(this);
    Finish(status);
  }
  void OnDone() override {
    take_over(this);
    delete this;
  }
};

}  // namespace lathe::server
