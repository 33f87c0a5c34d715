#include "lathe/ml/core/kernels.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/kernel_cluster_table.h"
#include "lathe/ml/core/kernel_logistic.h"
#include "lathe/ml/core/kernel_moments.h"
#include "lathe/ml/core/kernel_residuals.h"
#include "lathe/ml/core/kernel_score_table.h"
#include "lathe/ml/core/kernel_table.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/large_memory.h"

namespace lathe::kernels {
namespace {

Level choose() {
  const char* asked = std::getenv("LATHE_KERNELS");
  const std::string_view wanted = asked != nullptr ? asked : "";
#ifdef LATHE_X86_LEVELS
  __builtin_cpu_init();
  const bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi2");
  const bool has_v4 = has_v3 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (has_v4 && (wanted.empty() || wanted == v4::table.level)) return Level::v4;
  if (has_v3 && (wanted.empty() || wanted == v3::table.level)) return Level::v3;
#endif
  if (wanted.empty() || wanted == baseline::table.level) return Level::baseline;
  throw InvalidArgument(
      "O005", "LATHE_KERNELS=" + std::string(wanted) + " is not a level of this processor",
      "baseline always is; x86-64-v3 and x86-64-v4 may be");
}

}  // namespace

Level chosen_level() {
  static const Level level = choose();
  return level;
}

const Table& table() {
#ifdef LATHE_X86_LEVELS
  static const Table& chosen = at_level(baseline::table, v3::table, v4::table);
  return chosen;
#else
  return baseline::table;
#endif
}

const MomentsTable& moments_table() {
#ifdef LATHE_X86_LEVELS
  return at_level(baseline::moments_table, v3::moments_table, v4::moments_table);
#else
  return baseline::moments_table;
#endif
}

const LogisticTable& logistic_table() {
#ifdef LATHE_X86_LEVELS
  static const LogisticTable& chosen =
      at_level(baseline::logistic_table, v3::logistic_table, v4::logistic_table);
  return chosen;
#else
  return baseline::logistic_table;
#endif
}

const TileTable& tile_table() {
#ifdef LATHE_X86_LEVELS
  static const TileTable& chosen = at_level(baseline::tile_table, v3::tile_table, v4::tile_table);
  return chosen;
#else
  return baseline::tile_table;
#endif
}

const ResidualTable& residual_table() {
#ifdef LATHE_X86_LEVELS
  static const ResidualTable& chosen =
      at_level(baseline::residual_table, v3::residual_table, v4::residual_table);
  return chosen;
#else
  return baseline::residual_table;
#endif
}

const ClusterTable& cluster_table() {
#ifdef LATHE_X86_LEVELS
  static const ClusterTable& chosen =
      at_level(baseline::cluster_table, v3::cluster_table, v4::cluster_table);
  return chosen;
#else
  return baseline::cluster_table;
#endif
}

const ClusterSumTable& cluster_sum_table() {
#ifdef LATHE_X86_LEVELS
  static const ClusterSumTable& chosen =
      at_level(baseline::cluster_sum_table, v3::cluster_sum_table, v4::cluster_sum_table);
  return chosen;
#else
  return baseline::cluster_sum_table;
#endif
}

const ScoreTable& score_table() {
#ifdef LATHE_X86_LEVELS
  static const ScoreTable& chosen =
      at_level(baseline::score_table, v3::score_table, v4::score_table);
  return chosen;
#else
  return baseline::score_table;
#endif
}

const RoughTable& rough_table() {
#ifdef LATHE_X86_LEVELS
  static const RoughTable& v4_table =
      __builtin_cpu_supports("avx512vnni") != 0 ? v4_vnni::rough_table : v4::rough_table;
  static const RoughTable& chosen = at_level(baseline::rough_table, v3::rough_table, v4_table);
  return chosen;
#else
  return baseline::rough_table;
#endif
}

std::string_view level() { return table().level; }

double dot(const double* a, const double* b, Index n) { return table().dot(a, b, n); }

double squared_distance(const double* a, const double* b, Index n) {
  return table().squared_distance(a, b, n);
}

double sum(const double* a, Index n) { return table().sum(a, n); }

bool all_finite(const double* a, Index n) { return table().all_finite(a, n); }

void affine(const MatrixView& X, const Matrix& coef, const Vector& intercept, MatrixRef out) {
  table().affine(X.data(), X.rows(), coef.cols(), X.outerStride(), coef.data(), intercept.data(),
                 coef.rows(), out.data(), out.outerStride());
}

void standardise(const MatrixView& X, const Vector& shift, const Vector& scale, MatrixRef out) {
  const auto call = goes_past_cache(out.data()) ? table().standardise_past : table().standardise;
  call(X.data(), X.rows(), X.cols(), X.outerStride(), shift.data(), scale.data(), out.data(),
       out.outerStride());
}

void squared_distances(const MatrixView& X, const Matrix& centres, MatrixRef out) {
  table().squared_distances(X.data(), X.rows(), centres.cols(), X.outerStride(), centres.data(),
                            centres.rows(), out.data(), out.outerStride());
}

void softmax(MatrixRef scores) {
  const Table& t = table();
  for (Index i = 0; i < scores.rows(); ++i) {
    double* row = scores.data() + i * scores.outerStride();
    const double most = *std::max_element(row, row + scores.cols());
    for (Index k = 0; k < scores.cols(); ++k) {
      row[k] = row[k] == most ? 0.0 : row[k] - most;  // also where the largest is infinite
    }
    t.exp(row, scores.cols());
    const double total = t.sum(row, scores.cols());
    for (Index k = 0; k < scores.cols(); ++k) row[k] /= total;
  }
}

void exp(double* x, Index n) { table().exp(x, n); }

void logistic(double* x, Index n) { table().logistic(x, n); }

double logistic(double x) {
  table().logistic(&x, 1);
  return x;
}

}  // namespace lathe::kernels
