// The heavy loops of predict and transform, compiled once for each instruction level and chosen at
// start. Raw pointers only: nothing here may share an inline function with files built with other
// flags. Each family of kernels (kernels_*.cpp) has a table like this one.
#pragma once

#include <cstddef>

namespace lathe::kernels {

// Row-major arrays; `stride` counts the numbers from one row to the next. Same bits at every level.
struct Table {
  const char* level;  // "baseline", "x86-64-v3", "x86-64-v4"

  double (*dot)(const double* a, const double* b, std::ptrdiff_t n);
  double (*squared_distance)(const double* a, const double* b, std::ptrdiff_t n);
  double (*sum)(const double* a, std::ptrdiff_t n);
  bool (*all_finite)(const double* a, std::ptrdiff_t n);
  void (*affine)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t cols, std::ptrdiff_t stride,
                 const double* coef, const double* intercept, std::ptrdiff_t targets, double* out,
                 std::ptrdiff_t out_stride);
  void (*standardise)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t cols,
                      std::ptrdiff_t stride, const double* shift, const double* scale, double* out,
                      std::ptrdiff_t out_stride);
  void (*standardise_past)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t cols,
                           std::ptrdiff_t stride, const double* shift, const double* scale,
                           double* out, std::ptrdiff_t out_stride);  // past the cache
  void (*squared_distances)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t cols,
                            std::ptrdiff_t stride, const double* centres, std::ptrdiff_t n_centres,
                            double* out, std::ptrdiff_t out_stride);
  void (*exp)(double* x, std::ptrdiff_t n);       // in place
  void (*logistic)(double* x, std::ptrdiff_t n);  // in place: 1 / (1 + exp(-x))
};

namespace baseline {
extern const Table table;
}
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const Table table;
}
namespace v4 {
extern const Table table;
}
#endif

// The best level this processor has, or what LATHE_KERNELS asks for (baseline, x86-64-v3,
// x86-64-v4) where the processor has it.
enum class Level { baseline, v3, v4 };
Level chosen_level();

// The one of the chosen level.
template <class T>
const T& at_level(const T& baseline, const T& v3, const T& v4) {
  const Level level = chosen_level();
  return level == Level::v4 ? v4 : level == Level::v3 ? v3 : baseline;
}

const Table& table();

}  // namespace lathe::kernels
