// The arrays that both sides of the comparison read (data.py writes them).
#pragma once

#include <string>

#include "lathe/ml/core/types.h"

namespace lathe::bench {

// A file of doubles, in memory that a process gets in large pages where the system has them: as
// NumPy's arrays are, so that neither side pays more for reading.
class Array {
 public:
  Array() = default;
  explicit Array(const std::string& path);
  ~Array();
  Array(Array&& other) noexcept;
  Array& operator=(Array&& other) noexcept;

  Index size() const { return size_; }
  const double* data() const { return data_; }
  Eigen::Map<const Matrix> rows(Index cols) const { return {data_, size_ / cols, cols}; }
  Eigen::Map<const Vector> vector() const { return {data_, size_}; }

 private:
  double* data_ = nullptr;
  Index size_ = 0;
};

}  // namespace lathe::bench
