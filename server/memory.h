// What requests hold while they are answered, and replies until they are sent: gRPC's quota counts
// only what it has received, and not what that takes once it is unpacked and read.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace lathe::server {

class Memory {
 public:
  explicit Memory(std::size_t limit) : limit_(limit) {}

  std::size_t limit() const { return limit_; }
  std::size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  friend class HeldMemory;
  // Throws Overloaded: R017 where `all` are past the limit by themselves, R020 where others hold
  // what `more` would need.
  void take(std::size_t more, std::size_t all);
  void give_back(std::size_t bytes) noexcept { held_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::size_t limit_;
  std::atomic<std::size_t> held_{0};
};

// The share of one request, given back at its end. One thread at a time.
class HeldMemory {
 public:
  static constexpr std::size_t small = 4 << 10;  // not counted: most calls touch no shared count

  explicit HeldMemory(Memory& memory) : memory_(&memory) {}
  HeldMemory(HeldMemory&& other) noexcept
      : memory_(other.memory_),
        bytes_(std::exchange(other.bytes_, 0)),
        counted_(std::exchange(other.counted_, 0)) {}
  HeldMemory& operator=(HeldMemory&&) = delete;
  ~HeldMemory() { lower(0); }

  std::size_t limit() const { return memory_->limit(); }
  std::size_t bytes() const { return bytes_; }
  // Throws Overloaded (R017, R020), and then holds what it held.
  void set(std::size_t bytes) {
    const std::size_t more = counted(bytes);
    if (more <= counted_) return lower(bytes);
    memory_->take(more - counted_, more);
    counted_ = more;
    bytes_ = bytes;
  }
  void add(std::size_t bytes) { set(bytes_ + bytes); }
  void shrink_to(std::size_t bytes) noexcept {
    if (bytes < bytes_) lower(bytes);
  }

 private:
  static std::size_t counted(std::size_t bytes) { return bytes > small ? bytes : 0; }
  void lower(std::size_t bytes) noexcept {
    const std::size_t left = counted(bytes);
    if (left < counted_) memory_->give_back(counted_ - left);
    counted_ = left;
    bytes_ = bytes;
  }

  Memory* memory_;
  std::size_t bytes_ = 0;
  std::size_t counted_ = 0;
};

}  // namespace lathe::server
