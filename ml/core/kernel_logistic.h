// What a fit of the binary logistic model reads its rows for. For fits: the bits are those of one
// level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::kernels {

// Rows of X, of which z(i, j) = X(i, j) * scale(j) - shift(j) is meant. Arrays over columns have
// room for whole registers of `width` numbers, with zeros beyond the columns.
struct LogisticRows {
  const double* X;
  std::ptrdiff_t x_stride;
  std::ptrdiff_t cols;
  const double* x_end;  // one past the last number of X that may be read
  const double* scale;  // powers of two
  const double* shift;
  const double* coef;
  double intercept;
  const std::int32_t* label;  // 0 or 1; the score is that of class 0
  const double* weight;       // null: all 1
};

struct LogisticSums {
  double* gradient;  // += weight * residual * z, over whole registers
  double residual;   // += weight * residual
  double outside;    // += weight * max(0, -margin)
  double product;    // 1 + product *= 1 + odds; not where there are weights
  double* odds;      // of each row: exp(-|margin|), so that its loss is the logarithm of 1 + odds
                     // beside what is outside; null without weights
  double* root;      // of each row: of weight * probability * (1 - probability); or null
};

// Sums of rows about `shift`, over whole registers.
struct ColumnSpread {
  double* deviation;  // += weight * (x - shift)
  double* square;     // += weight * (x - shift)^2
  double* most;       // the largest |x - shift| of all rows
};

struct LogisticTable {
  std::ptrdiff_t width;

  // Rows [0, rows). Arrays over rows have room for whole registers.
  void (*add)(const LogisticRows& from, std::ptrdiff_t rows, LogisticSums& sums);

  void (*spread)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t stride, std::ptrdiff_t cols,
                 const double* x_end, const double* shift, const double* weight,
                 const ColumnSpread& sums);
};

namespace baseline {
extern const LogisticTable logistic_table;
}
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const LogisticTable logistic_table;
}
namespace v4 {
extern const LogisticTable logistic_table;
}
#endif

const LogisticTable& logistic_table();

}  // namespace lathe::kernels
