// The loops of predict and transform. Eight lanes everywhere, in one order and without fused
// multiply-add: a narrower machine takes several registers for one, and the bits stay the same.
#include <cstdint>

#include "lathe/ml/core/kernel_exp.h"
#include "lathe/ml/core/kernel_lanes.h"
#include "lathe/ml/core/kernel_table.h"

namespace lathe::kernels::LATHE_KERNEL_LEVEL {
namespace {

template <class V>
inline V load(const double* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

// Adds up the lanes in one fixed tree: halves onto each other until one is left.
inline double fold(Quad low, Quad high) {
  const Quad four = low + high;
  const Pair two =
      __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
  return two[0] + two[1];
}

// The sum of term<V>(i), the terms i, i + 1, ... of one V, over [0, n): term i goes to lane i
// mod 8. The tail goes in pieces of four, two and one, which cost less than a trip through memory.
template <class Term>
inline double lane_sum(ptrdiff_t n, Term term) {
  ptrdiff_t i = 0;
#ifdef __AVX512F__
  Lanes total = {};
  for (; i + lanes <= n; i += lanes) total += term.template operator()<Lanes>(i);
  Quad low = __builtin_shufflevector(total, total, 0, 1, 2, 3);
  Quad high = __builtin_shufflevector(total, total, 4, 5, 6, 7);
#else  // GCC sends 64-byte vectors through memory where they are no register
  Quad low = {};
  Quad high = {};
  for (; i + lanes <= n; i += lanes) {
    low += term.template operator()<Quad>(i);
    high += term.template operator()<Quad>(i + 4);
  }
#endif
  const ptrdiff_t tail = n - i;
  if ((tail & 4) != 0) {
    low += term.template operator()<Quad>(i);
    i += 4;
  }
  Quad& into = (tail & 4) != 0 ? high : low;  // where lane i mod 8 is
  Pair here = __builtin_shufflevector(into, into, 0, 1);
  Pair next = __builtin_shufflevector(into, into, 2, 3);
  if ((tail & 2) != 0) {
    here += term.template operator()<Pair>(i);
    i += 2;
  }
  if ((tail & 1) != 0) {
    const double last = term.template operator()<double>(i);
    if ((tail & 2) != 0)
      next[0] += last;
    else
      here[0] += last;
  }
  into = __builtin_shufflevector(here, next, 0, 1, 2, 3);
  return fold(low, high);
}

double dot(const double* a, const double* b, ptrdiff_t n) {
  return lane_sum(n, [=]<class V>(ptrdiff_t i) { return load<V>(a + i) * load<V>(b + i); });
}

double squared_distance(const double* a, const double* b, ptrdiff_t n) {
  return lane_sum(n, [=]<class V>(ptrdiff_t i) {
    const V difference = load<V>(a + i) - load<V>(b + i);
    return difference * difference;
  });
}

double sum(const double* a, ptrdiff_t n) {
  return lane_sum(n, [=]<class V>(ptrdiff_t i) { return load<V>(a + i); });
}

// x * 0 is NaN for NaN and infinity, and a zero for all else.
bool all_finite(const double* a, ptrdiff_t n) {
  return lane_sum(n, [=]<class V>(ptrdiff_t i) { return load<V>(a + i) * 0.0; }) == 0.0;
}

void affine(const double* X, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t stride, const double* coef,
            const double* intercept, ptrdiff_t targets, double* out, ptrdiff_t out_stride) {
  for (ptrdiff_t i = 0; i < rows; ++i, X += stride, out += out_stride) {
    for (ptrdiff_t t = 0; t < targets; ++t) out[t] = dot(X, coef + t * cols, cols) + intercept[t];
  }
}

// Columns j, j + 1, ... of one V where as many are left. Returns the first that is not done.
template <class V>
inline ptrdiff_t standardise_piece(ptrdiff_t cols, ptrdiff_t j, const double* X,
                                   const double* shift, const double* scale, double* out) {
  constexpr ptrdiff_t piece = sizeof(V) / sizeof(double);
  if (cols - j < piece) return j;
  const V scaled = (load<V>(X + j) - load<V>(shift + j)) / load<V>(scale + j);
  __builtin_memcpy(out + j, &scaled, sizeof scaled);
  return j + piece;
}

void standardise(const double* X, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t stride,
                 const double* shift, const double* scale, double* out, ptrdiff_t out_stride) {
  const ptrdiff_t whole = cols - cols % width;
  for (ptrdiff_t i = 0; i < rows; ++i, X += stride, out += out_stride) {
    for (ptrdiff_t j = 0; j < whole; j += width) {
      at(out + j) = (at(X + j) - at(shift + j)) / at(scale + j);
    }
    ptrdiff_t j = whole;  // the tail in pieces that a sum over `out` will load as they were stored
    if constexpr (width > 4) j = standardise_piece<Quad>(cols, j, X, shift, scale, out);
    if constexpr (width > 2) j = standardise_piece<Pair>(cols, j, X, shift, scale, out);
    if (j < cols) out[j] = (X[j] - shift[j]) / scale[j];
  }
}

// To an address that is a multiple of the register, past the cache where the level has that.
inline void store_past(double* p, Wide a) {
#if defined(__AVX512F__)
  _mm512_stream_pd(p, a);
#elif defined(__AVX2__)
  _mm256_stream_pd(p, a);
#else
  at(p) = a;
#endif
}

// Rows one after the other are one array, in whose registers the columns go round: so all are whole
// and written whole, but for its ends.
void standardise_past(const double* X, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t stride,
                      const double* shift, const double* scale, double* out, ptrdiff_t out_stride) {
  constexpr ptrdiff_t most_cols = 256;
  if (stride != cols || out_stride != cols || cols < width || cols > most_cols) {
    standardise(X, rows, cols, stride, shift, scale, out, out_stride);
    return;
  }
  double shifts[most_cols + width];
  double scales[most_cols + width];
  for (ptrdiff_t j = 0; j < cols + width; ++j) {
    shifts[j] = shift[j < cols ? j : j - cols];
    scales[j] = scale[j < cols ? j : j - cols];
  }
  const ptrdiff_t end = rows * cols;
  ptrdiff_t i = 0;
  ptrdiff_t j = 0;  // the column of i
  const auto one = [&] {
    out[i] = (X[i] - shifts[j]) / scales[j];
    ++i;
    if (++j == cols) j = 0;
  };
  while (i < end && reinterpret_cast<std::uintptr_t>(out + i) % sizeof(Wide) != 0) one();
  for (; i + width <= end; i += width) {
    store_past(out + i, (at(X + i) - at(shifts + j)) / at(scales + j));
    j += width;
    if (j >= cols) j -= cols;
  }
  while (i < end) one();
#if defined(__FMA__)
  _mm_sfence();
#endif
}

void squared_distances(const double* X, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t stride,
                       const double* centres, ptrdiff_t n_centres, double* out,
                       ptrdiff_t out_stride) {
  for (ptrdiff_t i = 0; i < rows; ++i, X += stride, out += out_stride) {
    for (ptrdiff_t c = 0; c < n_centres; ++c) {
      out[c] = squared_distance(X, centres + c * cols, cols);
    }
  }
}

// body(the numbers of a register at p) over n of them; the tail goes through a padded copy.
template <class Body>
void in_registers(double* x, ptrdiff_t n, Body body) {
  const ptrdiff_t whole = n - n % width;
  for (ptrdiff_t i = 0; i < whole; i += width) body(x + i);
  if (whole == n) return;
  double tail[width] = {};
  for (ptrdiff_t i = whole; i < n; ++i) tail[i - whole] = x[i];
  body(tail);
  for (ptrdiff_t i = whole; i < n; ++i) x[i] = tail[i - whole];
}

void exp(double* x, ptrdiff_t n) {
  in_registers(x, n, [](double* p) { at(p) = exp_of(at(p)); });
}

void logistic(double* x, ptrdiff_t n) {
  in_registers(x, n, [](double* p) {
    const Wide given = at(p);
    const Wide e = exp_of(given > 0.0 ? -given : given);  // of something <= 0 never overflows
    at(p) = (given > 0.0 ? Wide{} + 1.0 : e) / (1.0 + e);
  });
}

}  // namespace

const Table table = {LATHE_KERNEL_LEVEL_NAME,
                     dot,
                     squared_distance,
                     sum,
                     all_finite,
                     affine,
                     standardise,
                     standardise_past,
                     squared_distances,
                     exp,
                     logistic};

}  // namespace lathe::kernels::LATHE_KERNEL_LEVEL
