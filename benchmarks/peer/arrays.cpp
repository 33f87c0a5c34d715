#include "benchmarks/peer/arrays.h"

#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace lathe::bench {
namespace {

std::size_t bytes_of(Index size) { return static_cast<std::size_t>(size) * sizeof(double); }

}  // namespace

Array::Array(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat about {};
  if (file < 0 || fstat(file, &about) != 0) throw std::runtime_error("cannot open " + path);
  size_ = about.st_size / static_cast<Index>(sizeof(double));
  void* place =
      mmap(nullptr, bytes_of(size_), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) throw std::runtime_error("no memory for " + path);
  madvise(place, bytes_of(size_), MADV_HUGEPAGE);
  data_ = static_cast<double*>(place);
  std::size_t at = 0;
  while (at < bytes_of(size_)) {
    const ssize_t n = read(file, reinterpret_cast<char*>(data_) + at, bytes_of(size_) - at);
    if (n <= 0) throw std::runtime_error("cannot read " + path);
    at += static_cast<std::size_t>(n);
  }
  close(file);
}

Array::~Array() {
  if (data_ != nullptr) munmap(data_, bytes_of(size_));
}

Array::Array(Array&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Array& Array::operator=(Array&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace lathe::bench
