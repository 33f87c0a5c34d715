#include "lathe/ml/core/scratch.h"

#include <utility>
#include <vector>

namespace lathe {
namespace {

constexpr std::size_t most_kept = 32;    // buffers of a thread
constexpr Index most_numbers = 1 << 20;  // in a buffer; larger ones are freed at once

std::vector<Vector>& free_buffers() {
  thread_local std::vector<Vector> buffers;
  return buffers;
}

}  // namespace

Scratch::Scratch(Index rows, Index cols) : rows_(rows), cols_(cols) {
  auto& buffers = free_buffers();
  if (buffers.capacity() == 0) buffers.reserve(most_kept);  // so that giving back cannot throw
  if (!buffers.empty()) {
    buffer_ = std::move(buffers.back());
    buffers.pop_back();
  }
  if (buffer_.size() < rows * cols) buffer_.resize(rows * cols);
}

Scratch::~Scratch() {
  auto& buffers = free_buffers();
  if (buffer_.size() <= most_numbers && buffers.size() < buffers.capacity()) {
    buffers.push_back(std::move(buffer_));
  }
}

}  // namespace lathe
