// Data for the tests of the kernels, and what all of them promise.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/types.h"

namespace lathe {

inline Matrix random_matrix(Index rows, Index cols, std::uint64_t seed, double spread = 0.0) {
  Random random(seed, "kernels_test");
  Matrix X(rows, cols);
  for (Index i = 0; i < X.size(); ++i) {
    X.data()[i] = random.normal() * std::exp(spread * random.normal());
  }
  return X;
}

inline std::uint64_t bits(double v) { return std::bit_cast<std::uint64_t>(v); }

// Equal bit by bit, NaN and the sign of zero too.
inline bool same_bits(const MatrixView& a, const MatrixView& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) {
      if (bits(a(i, j)) != bits(b(i, j))) return false;
    }
  }
  return true;
}

inline constexpr const char* kernel_levels[] = {"baseline", "x86-64-v3", "x86-64-v4"};

// For a process of its own in which no kernel has run (a level is chosen once): 42 where the check
// holds at the level, or the processor has it not; else 0.
template <class Check>
int holds_at(const char* level, Check check) {
  setenv("LATHE_KERNELS", level, 1);
  try {
    if (kernels::level() != level) return 0;
  } catch (const InvalidArgument&) {
    return 42;
  }
  return check() ? 42 : 0;
}

// Every tail of the eight lanes, and long runs.
inline const std::vector<Index> lengths{0,  1,  2,  3,  4,  5,  6,   7,    8,   9,
                                        10, 11, 12, 13, 14, 15, 16,  17,   23,  24,
                                        31, 32, 33, 63, 64, 65, 100, 1000, 4097};

// What is done to a matrix: the result of each row must not depend on the others, nor on where the
// row lies.
template <class Kernel>
void expect_rows_independent(const Matrix& X, Index n_out, Kernel kernel) {
  Matrix whole(X.rows(), n_out);
  kernel(X, whole);

  for (Index i = 0; i < X.rows(); ++i) {
    Matrix one(1, n_out);
    kernel(X.row(i), one);
    ASSERT_TRUE(same_bits(one, whole.row(i))) << "row " << i << " alone";
  }

  Matrix wide =
      Matrix::Constant(X.rows() + 2, X.cols() + 3,
                       std::numeric_limits<double>::quiet_NaN());  // misaligned and strided
  wide.block(1, 1, X.rows(), X.cols()) = X;
  Matrix wide_out = Matrix::Constant(X.rows() + 1, n_out + 3, 7.0);
  kernel(wide.block(1, 1, X.rows(), X.cols()), wide_out.block(1, 2, X.rows(), n_out));
  ASSERT_TRUE(same_bits(wide_out.block(1, 2, X.rows(), n_out), whole)) << "strided";
  wide_out.block(1, 2, X.rows(), n_out).setConstant(7.0);
  ASSERT_TRUE((wide_out.array() == 7.0).all()) << "wrote beside its place";

  const Eigen::MatrixXd upright = X;
  Matrix again(X.rows(), n_out);
  kernel(upright, again);
  ASSERT_TRUE(same_bits(again, whole)) << "column-major";
}

}  // namespace lathe
