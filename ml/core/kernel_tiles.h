// Dense products through packed register tiles: the family behind gram.h and product.h. For fits:
// multiply_add is one rounding where the level has it, so bits are those of one level.
//
// Packed rows stand in panels of `panel` columns, each row of a panel beside the next; the last
// panel is narrower, a multiple of `step`. A panel serves as either operand of a tile.
#pragma once

#include <cstddef>

namespace lathe::kernels {

// What `pack` reads: rows of [X, y, 1], the last only where shift there is -1. Each cell becomes
// root * (value * scale - shift). `shift`, `x_scale` and `y_scale` have one number for each packed
// column, padding included; x_scale is 0 beyond X, y_scale 0 but at y's columns.
struct PackSource {
  const double* X;
  std::ptrdiff_t x_stride;
  std::ptrdiff_t x_cols;
  const double* x_end;  // one past the last number of X that may be read
  const double* y;
  std::ptrdiff_t y_stride;
  std::ptrdiff_t y_cols;
  const double* shift;
  const double* x_scale;
  const double* y_scale;
  const double* root;  // of each row's weight; null: all 1
};

// Of packed doubles or floats; the latter take half the time, and their sums over the rows of one
// call are floats before they are added to C.
template <class Number>
struct PackedTiles {
  std::ptrdiff_t panel;
  std::ptrdiff_t step;

  // Rows [first, last) to those places of panels that have room for `capacity` rows; `cols` as
  // packed.
  void (*pack)(const PackSource& from, std::ptrdiff_t first, std::ptrdiff_t last,
               std::ptrdiff_t cols, Number* out, std::ptrdiff_t capacity);
  // C(i, j) += sum over rows a(r, i) b(r, j) for panel j of b and panels [first, last) of a; with
  // `triangle`, where both are the same, of those up to j only the tiles that reach the diagonal.
  // Negative where `subtract`. C: row-major, room for whole tiles.
  void (*cross)(const Number* a, std::ptrdiff_t a_capacity, std::ptrdiff_t a_cols,
                std::ptrdiff_t first, std::ptrdiff_t last, const Number* b,
                std::ptrdiff_t b_capacity, std::ptrdiff_t b_cols, std::ptrdiff_t j,
                std::ptrdiff_t rows, bool triangle, bool subtract, double* C,
                std::ptrdiff_t c_stride);
  // C += a'a of `rows` packed rows, the tiles that reach the upper triangle; C: cols x cols.
  // Meanwhile `next_size` numbers from `next` on are fetched into the cache.
  void (*triangle)(const Number* a, std::ptrdiff_t capacity, std::ptrdiff_t cols,
                   std::ptrdiff_t rows, double* C, const double* next, std::ptrdiff_t next_size);
};

struct TileTable : PackedTiles<double> {
  PackedTiles<float> floats;

  // The transpose: packed cell (k, i) is root(i) * (X(i, k) - shift(k)), for k in [0, rows) and
  // panels [first, last). X: x_rows x rows, row-major; zeros up to a multiple of `step`.
  void (*pack_upright)(const double* X, std::ptrdiff_t x_stride, std::ptrdiff_t x_rows,
                       std::ptrdiff_t rows, const double* shift, const double* root, double* out,
                       std::ptrdiff_t capacity, std::ptrdiff_t first, std::ptrdiff_t last);
  // out(r, j) = A(r, j) - shift(j); meanwhile each row's next `cols` numbers are fetched.
  void (*centre)(const double* A, std::ptrdiff_t a_stride, std::ptrdiff_t rows, std::ptrdiff_t cols,
                 const double* shift, double* out, std::ptrdiff_t out_stride);
  // C += A B for panel j of the packed B: A is rows x k, row-major, as it is; C likewise.
  void (*multiply)(const double* A, std::ptrdiff_t a_stride, std::ptrdiff_t rows, std::ptrdiff_t k,
                   const double* b, std::ptrdiff_t b_capacity, std::ptrdiff_t b_cols,
                   std::ptrdiff_t j, double* C, std::ptrdiff_t c_stride, std::ptrdiff_t c_cols);

  // Products in floats, of which the largest size in each group of rows is kept: half the time.
  // Columns are packed up to a multiple of `rough_step`. B: k x cols, row-major.
  std::ptrdiff_t rough_group;
  std::ptrdiff_t rough_step;
  void (*rough_pack)(const double* B, std::ptrdiff_t b_stride, std::ptrdiff_t k,
                     std::ptrdiff_t cols, float* out);
  // most(g, j): the largest size of (A - shift) scale B in group g and packed column j; squares[g]:
  // of the longest row of (A - shift) scale. work: rough_group x k.
  void (*rough_largest)(const double* A, std::ptrdiff_t a_stride, std::ptrdiff_t rows,
                        std::ptrdiff_t k, const double* shift, double scale, const float* b,
                        std::ptrdiff_t cols, float* work, float* most, double* squares);
};

namespace baseline {
extern const TileTable tile_table;
}
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const TileTable tile_table;
}
namespace v4 {
extern const TileTable tile_table;
}
#endif

const TileTable& tile_table();

}  // namespace lathe::kernels
