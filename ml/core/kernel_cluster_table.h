// The heavy loops of k-means, compiled once for each instruction level. Distances are sums of
// squared differences, so equal rows are at distance 0 and data far from 0 lose nothing; fused
// multiply-adds make their last bits those of one level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::kernels {

// Row-major arrays; `stride` counts the numbers from one row to the next. Centres are packed for
// the level: d columns of lanes(k) numbers each, those beyond k infinitely far.
struct ClusterTable {
  std::ptrdiff_t (*lanes)(std::ptrdiff_t k);
  void (*pack)(const double* const* centres, std::ptrdiff_t k, std::ptrdiff_t d, double* packed);

  // out: rows x lanes(k), squared distances.
  void (*distances)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t stride, std::ptrdiff_t d,
                    const double* packed, std::ptrdiff_t k, double* out);

  // The nearest centre of each row where no other has a squared distance of at most `near` times
  // the least plus `tiny`, else -1. work: 8 x lanes(k).
  void (*nearest)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t stride, std::ptrdiff_t d,
                  const double* packed, std::ptrdiff_t k, double near, double tiny, double* work,
                  std::int32_t* label);

  // The first of the k <= lanes packed rows is a centre that `closest` does not know yet: it is
  // told. sums[c] += sum_i w_i min(closest_i, distance of row i to c). weight: null for ones.
  void (*potentials)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t stride, std::ptrdiff_t d,
                     const double* packed, std::ptrdiff_t k, const double* weight, double* closest,
                     double* work, double* sums);
};

// Of d columns: the mean, weighted squares about it, the least and greatest number. Of no rows: 0,
// 0, infinity, -infinity.
struct ColumnMoments {
  double* mean;
  double* squares;
  double* least;
  double* greatest;
};

// Sums by cluster, and what one pass over the rows tells.
struct ClusterSumTable {
  // High and low parts of weight * (x - origin), rounded to multiples that add up without rounding
  // in any order, are added to to[i] (d high parts, then d low parts), and taken from from[i],
  // which is null or not to[i]. weight: null for ones. What is found `ahead` numbers after each is
  // fetched from memory meanwhile.
  void (*move_rows)(const double* const* rows, std::ptrdiff_t n, std::ptrdiff_t ahead,
                    std::ptrdiff_t d, const double* origin, const double* high_grid,
                    const double* low_grid, const double* weight, double* const* from,
                    double* const* to);

  // Adds rows to the moments of the columns of others, whose weights' sum is `before`. False where
  // a sum is not finite, as it never is with a number that is not. weight: null for ones; `weights`
  // is their sum. After the rows, `ahead` more are fetched from memory.
  bool (*add_moments)(const double* X, std::ptrdiff_t rows, std::ptrdiff_t ahead,
                      std::ptrdiff_t stride, std::ptrdiff_t d, const double* weight, double weights,
                      double before, const ColumnMoments& moments);
};

namespace baseline {
extern const ClusterTable cluster_table;
extern const ClusterSumTable cluster_sum_table;
}  // namespace baseline
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const ClusterTable cluster_table;
extern const ClusterSumTable cluster_sum_table;
}  // namespace v3
namespace v4 {
extern const ClusterTable cluster_table;
extern const ClusterSumTable cluster_sum_table;
}  // namespace v4
#endif

const ClusterTable& cluster_table();  // of the chosen level
const ClusterSumTable& cluster_sum_table();

}  // namespace lathe::kernels
