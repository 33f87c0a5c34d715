#include "lathe/ml/core/scratch.h"

#include <utility>
#include <vector>

namespace lathe {
namespace {

constexpr Index kept_at_most = 1 << 20;  // numbers in one buffer; larger ones are given back

std::vector<Vector>& free_buffers() {
  thread_local std::vector<Vector> buffers;
  return buffers;
}

}  // namespace

Scratch::Scratch(Index rows, Index cols) : rows_(rows), cols_(cols) {
  auto& buffers = free_buffers();
  if (!buffers.empty()) {
    buffer_ = std::move(buffers.back());
    buffers.pop_back();
  }
  if (buffer_.size() < rows * cols) buffer_.resize(rows * cols);
}

Scratch::~Scratch() {
  if (buffer_.size() <= kept_at_most) free_buffers().push_back(std::move(buffer_));
}

}  // namespace lathe
