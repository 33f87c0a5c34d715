// What a fixed order of summation costs: each kernel as the library calls it, whose bits are the
// same for any number of threads, beside the same loops where each thread sums its share of the
// rows. In turn, at least 15 runs; the medians of the ratios, and in the end their geometric mean.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "lathe/ml/core/gram.h"
#include "lathe/ml/core/kernel_logistic.h"
#include "lathe/ml/core/kernel_moments.h"
#include "lathe/ml/core/kernel_residuals.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/moments.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"
#include "lathe/ml/linear/logistic_objective.h"
#include "lathe/ml/linear/row_gradient.h"

#include "benchmarks/measure.h"

namespace lathe {
namespace {

using bench::median;
using bench::random_rows;
using bench::seconds_of;

// The rows in equal shares, one for each thread, in blocks of `size`: body(thread, begin, end).
template <class Body>
void shared_blocks(Index rows, Index size, Body body) {
  const Index share = ((rows + thread_limit() - 1) / thread_limit() + 7) / 8 * 8;
  parallel_for(thread_limit(), [&](Index thread) {
    const Index last = std::min(rows, (thread + 1) * share);
    for (Index begin = thread * share; begin < last; begin += size) {
      body(static_cast<std::size_t>(thread), begin, std::min(last, begin + size));
    }
  });
}

// An accumulator for each thread, kept from run to run.
class ThreadSums {
 public:
  ThreadSums(Index rows, Index cols) {
    for (int t = 0; t < thread_limit(); ++t) sums_.push_back(large_matrix(rows, cols));
  }
  void clear() {
    for (Matrix& sum : sums_) sum.setZero();
  }
  double* operator[](std::size_t thread) { return sums_[thread].data(); }
  const double* total() {
    for (std::size_t t = 1; t < sums_.size(); ++t) sums_[0] += sums_[t];
    return sums_[0].data();
  }

 private:
  std::vector<Matrix> sums_;
};

Index whole_steps(Index cols) {
  const Index step = kernels::tile_table().step;
  return (cols + step - 1) / step * step;
}

// [X, y, 1] shifted by the first row, as `pack` reads it.
class Packing {
 public:
  Packing(const Matrix& X, const Matrix& y, bool ones)
      : X_(X),
        y_(y),
        cols_(whole_steps(X.cols() + y.cols() + (ones ? 1 : 0))),
        shift_(static_cast<std::size_t>(cols_)),
        x_scale_(shift_.size()),
        y_scale_(shift_.size()) {
    const auto d = static_cast<std::size_t>(X.cols());
    const auto t = static_cast<std::size_t>(y.cols());
    std::fill_n(x_scale_.begin(), d, 1.0);
    std::fill_n(y_scale_.begin() + X.cols(), t, 1.0);
    for (std::size_t j = 0; j < d; ++j) shift_[j] = X(0, static_cast<Index>(j));
    if (ones) shift_[d + t] = -1.0;
  }

  Index cols() const { return cols_; }

  kernels::PackSource from(Index row) const {
    kernels::PackSource source{};
    source.X = X_.data() + row * X_.cols();
    source.x_stride = X_.cols();
    source.x_cols = X_.cols();
    source.x_end = X_.data() + X_.size();
    source.y = y_.data() + row * y_.cols();
    source.y_stride = y_.cols();
    source.y_cols = y_.cols();
    source.shift = shift_.data();
    source.x_scale = x_scale_.data();
    source.y_scale = y_scale_.data();
    return source;
  }

 private:
  const Matrix& X_;
  const Matrix& y_;
  Index cols_;
  std::vector<double> shift_;
  std::vector<double> x_scale_;
  std::vector<double> y_scale_;
};

constexpr Index block_rows = 128;

std::vector<double>& all_costs() {
  static std::vector<double> costs;
  return costs;
}

void compare(benchmark::State& state, const std::function<void()>& fixed,
             const std::function<void()>& free) {
  fixed();
  free();
  std::vector<double> ratios;
  for (auto _ : state) {
    const double ours = seconds_of(fixed);
    ratios.push_back(ours / seconds_of(free));
  }
  state.counters["fixed_over_free"] = median(ratios);
  all_costs().push_back(median(ratios));
  state.SetLabel(std::string(kernels::level()));
}

void gram(benchmark::State& state) {
  const Matrix X = random_rows(state.range(0), state.range(1));
  const Matrix y = random_rows(state.range(0), 1);
  const kernels::TileTable& table = kernels::tile_table();
  const Packing packing(X, y, true);
  const Index cols = packing.cols();
  ThreadSums sums(cols, cols);
  ThreadSums packed(block_rows, cols);
  compare(
      state, [&] { benchmark::DoNotOptimize(centred_gram(X, y).xx.data()); },
      [&] {
        sums.clear();
        shared_blocks(X.rows(), block_rows, [&](std::size_t thread, Index begin, Index end) {
          table.pack(packing.from(begin), 0, end - begin, cols, packed[thread], block_rows);
          const Index ahead = std::min(block_rows, X.rows() - end);
          table.triangle(packed[thread], block_rows, cols, end - begin, sums[thread],
                         X.data() + end * X.cols(), ahead * X.cols());
        });
        benchmark::DoNotOptimize(sums.total());
      });
}

void transposed(benchmark::State& state) {
  const Matrix A = random_rows(state.range(0), state.range(1));
  const Matrix B = random_rows(state.range(0), state.range(2));
  const Matrix none(A.rows(), 0);
  const kernels::TileTable& table = kernels::tile_table();
  const Packing left(A, none, false);
  const Packing right(B, none, false);
  ThreadSums sums(left.cols(), right.cols());
  ThreadSums packed_left(block_rows, left.cols());
  ThreadSums packed_right(block_rows, right.cols());
  const Index a_panels = (left.cols() + table.panel - 1) / table.panel;
  const Index b_panels = (right.cols() + table.panel - 1) / table.panel;
  compare(
      state, [&] { benchmark::DoNotOptimize(transposed_product(A, B, A.row(0)).data()); },
      [&] {
        sums.clear();
        shared_blocks(A.rows(), block_rows, [&](std::size_t thread, Index begin, Index end) {
          const Index rows = end - begin;
          double* a = packed_left[thread];
          double* b = packed_right[thread];
          table.pack(left.from(begin), 0, rows, left.cols(), a, block_rows);
          table.pack(right.from(begin), 0, rows, right.cols(), b, block_rows);
          for (Index j = 0; j < b_panels; ++j) {
            table.cross(a, block_rows, left.cols(), 0, a_panels, b, block_rows, right.cols(), j,
                        rows, false, false, sums[thread], right.cols());
          }
        });
        benchmark::DoNotOptimize(sums.total());
      });
}

// Residuals and their products with the columns, in double-double.
void residuals(benchmark::State& state) {
  const Matrix X = random_rows(state.range(0), state.range(1));
  const Matrix y = random_rows(state.range(0), 1);
  const Index d = X.cols();
  const Matrix coef = Matrix::Constant(1, d, 0.25);
  const Vector intercept = Vector::Constant(1, 0.5);
  const RowVector centre = RowVector::Zero(d);
  const Target::Numbers target(y.data(), y.rows(), 1, Eigen::OuterStride<>(1));
  const MatrixView view(X);
  const RowsBut rows(view, target, {}, {});

  const kernels::ResidualTable& table = kernels::residual_table();
  const Index vectors = (d + table.width - 1) / table.width;
  const Index padded = vectors * table.width;
  std::vector<double> ones(static_cast<std::size_t>(padded), 0.0);
  std::fill_n(ones.begin(), d, 1.0);
  std::vector<double> high = ones;
  for (double& c : high) c *= 0.25;
  const std::vector<double> low(ones.size(), 0.0);
  ThreadSums sums(1, 2 * padded + 4);
  ThreadSums work(table.work_rows, padded);
  compare(
      state, [&] { benchmark::DoNotOptimize(rows.gradient(coef, intercept, centre).xr.data()); },
      [&] {
        sums.clear();
        shared_blocks(X.rows(), X.rows(), [&](std::size_t thread, Index begin, Index end) {
          const kernels::ResidualRows from{X.data() + begin * d,
                                           d,
                                           vectors,
                                           X.data() + X.size(),
                                           ones.data(),
                                           high.data(),
                                           low.data(),
                                           y.data() + begin,
                                           1,
                                           1.0,
                                           0.5,
                                           0.0,
                                           nullptr,
                                           1.0};
          double* out = sums[thread];
          table.add(from, end - begin, out, out + padded, out + 2 * padded, work[thread]);
        });
        benchmark::DoNotOptimize(sums.total());
      });
}

// Loss and gradient of the binary logistic model: blocks of rows, whose losses are one logarithm.
void logistic(benchmark::State& state) {
  const Matrix X = random_rows(state.range(0), state.range(1));
  const Index d = X.cols();
  std::vector<std::int32_t> label(static_cast<std::size_t>(X.rows()));
  for (std::size_t i = 0; i < label.size(); ++i) label[i] = static_cast<std::int32_t>(i % 2);
  const RowWeights weights = RowWeights::of({}, X.rows());
  const LogisticProblem problem{scale_columns(X, weights, true),
                                weights,
                                label,
                                2,
                                true,
                                std::vector<double>(static_cast<std::size_t>(d), 1.0)};
  const Parameters u = Parameters::Constant(d + 1, 1, 0.01);

  const kernels::LogisticTable& table = kernels::logistic_table();
  const Index padded = (d + table.width - 1) / table.width * table.width;
  const std::vector<double> scale(static_cast<std::size_t>(padded), 1.0);
  const std::vector<double> shift(scale.size(), 0.2);
  std::vector<double> coef(scale.size(), 0.0);
  std::fill_n(coef.begin(), d, 0.01);
  ThreadSums sums(1, padded);
  constexpr Index block = 128;
  compare(
      state,
      [&] { benchmark::DoNotOptimize(evaluate(problem, u, Curvature::none).gradient.data()); },
      [&] {
        sums.clear();
        shared_blocks(X.rows(), block, [&](std::size_t thread, Index begin, Index end) {
          const kernels::LogisticRows from{
              X.data() + begin * d, d,           d,    X.data() + X.size(),  scale.data(),
              shift.data(),         coef.data(), 0.01, label.data() + begin, nullptr};
          kernels::LogisticSums found{};
          found.gradient = sums[thread];
          table.add(from, end - begin, found);
          benchmark::DoNotOptimize(std::log1p(found.product));
        });
        benchmark::DoNotOptimize(sums.total());
      });
}

// Means and variances. The sums of a block are about a shift of its own, so a thread takes one
// block: half of the rows, laid side by side in pairs as the library does.
void moments(benchmark::State& state) {
  const Matrix X = random_rows(state.range(0), state.range(1));
  const kernels::MomentsTable& table = kernels::moments_table();
  const Index together = X.cols() % 8 == 0 ? 1 : 2;
  const Index cols = X.cols() * together;
  ThreadSums sums(kernels::n_column_sums, cols);
  const Index share = X.rows() / thread_limit() / together * together;
  compare(
      state, [&] { benchmark::DoNotOptimize(column_moments(X).mean.data()); },
      [&] {
        parallel_for(thread_limit(), [&](Index t) {
          table.column_sums(X.data() + t * share * X.cols(), share / together, cols, cols, nullptr,
                            nullptr, nullptr, sums[static_cast<std::size_t>(t)], cols);
        });
        benchmark::DoNotOptimize(sums.total());
      });
}

void shapes(benchmark::internal::Benchmark* b) {
  b->Args({100000, 50})->Args({1000000, 20})->Args({20000, 500})->Args({5000, 2000});
}
void settings(benchmark::internal::Benchmark* b) {
  b->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(21);
}
BENCHMARK(gram)->Apply(shapes)->Args({200000, 100})->Apply(settings);
BENCHMARK(residuals)->Apply(shapes)->Apply(settings);
BENCHMARK(logistic)->Args({50000, 20})->Args({200000, 50})->Apply(settings);
BENCHMARK(transposed)
    ->Args({2000, 5000, 30})
    ->Args({10000, 784, 60})
    ->Args({100000, 50, 50})
    ->Apply(settings);
BENCHMARK(moments)->Args({1000000, 20})->Args({200000, 50})->Apply(settings);

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) {
  // Workspaces are kept by malloc from run to run, or pages would be most of what is measured.
  mallopt(M_MMAP_THRESHOLD, 1 << 25);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  const std::vector<double>& costs = lathe::all_costs();
  if (costs.empty()) return 0;
  double logarithms = 0.0;
  for (const double cost : costs) logarithms += std::log(cost);
  std::printf("fixed order over free order: geometric mean %.3f, most %.3f, of %zu kernels\n",
              std::exp(logarithms / static_cast<double>(costs.size())),
              *std::max_element(costs.begin(), costs.end()), costs.size());
  return 0;
}
