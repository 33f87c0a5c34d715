// k-means: what an iteration costs with all distances and with bounds, whether the cost model chose
// the faster way, what one fixed answer costs beside a free order of summation, and how near to the
// arithmetic peak the distances come.
//
//   bench_kmeans                 the counters: chosen (1: bounds), right (1: the other was slower)
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "lathe/ml/cluster/kmeans.h"
#include "lathe/ml/cluster/lloyd.h"
#include "lathe/ml/cluster/scored_centres.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/core/scratch.h"

#include "benchmarks/measure.h"
#include "benchmarks/peer/hardware.h"

namespace lathe {
namespace {

using bench::median;
using bench::seconds_of;

// Blobs that overlap, and one row in ten anywhere. The same data for the same shape.
const Matrix& blobs(Index n, Index d, Index k) {
  static std::map<std::array<Index, 3>, Matrix> made;
  Matrix& X = made[{n, d, k}];
  if (X.size() > 0) return X;
  Random random(1, "bench_kmeans");
  Matrix centres(k, d);
  for (double& c : centres.reshaped()) c = 8.0 * random.uniform() - 4.0;
  X.resize(n, d);
  for (Index i = 0; i < n; ++i) {
    const auto c = static_cast<Index>(random.below(static_cast<std::uint64_t>(k)));
    const bool noise = random.below(10) == 0;
    for (Index j = 0; j < d; ++j) {
      X(i, j) = noise ? 16.0 * random.uniform() - 8.0 : centres(c, j) + 1.7 * random.normal();
    }
  }
  return X;
}

Matrix first_rows(const Matrix& X, Index k) { return X.topRows(k); }

// 20 iterations from given centres, both ways in turn; the time is that of the way chosen.
void iterations(benchmark::State& state) {
  const Index k = state.range(2);
  const Matrix& X = blobs(state.range(0), state.range(1), k);
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  const Matrix centres = first_rows(X, k);
  Lloyd all(rows, k, Assignment::all_distances);
  Lloyd bounded(rows, k, Assignment::bounds);
  const bool bounds = choose_assignment(rows, k) == Assignment::bounds;
  std::vector<double> times[2];
  for (auto _ : state) {
    times[0].push_back(seconds_of([&] { benchmark::DoNotOptimize(all.run(centres, 20, 0.0)); }));
    times[1].push_back(
        seconds_of([&] { benchmark::DoNotOptimize(bounded.run(centres, 20, 0.0)); }));
    state.SetIterationTime(times[bounds ? 1 : 0].back());
  }
  double median[2];
  for (int way = 0; way < 2; ++way) {
    std::sort(times[way].begin(), times[way].end());
    median[way] = times[way][times[way].size() / 2];
  }
  state.counters["all_ms"] = 1e3 * median[0];
  state.counters["bounds_ms"] = 1e3 * median[1];
  state.counters["right"] = median[bounds ? 1 : 0] <= median[bounds ? 0 : 1] ? 1.0 : 0.0;
  state.SetLabel(std::string(bounds ? "bounds" : "all distances") + " chosen, " +
                 std::string(kernels::level()));
}
BENCHMARK(iterations)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({100000, 16, 10})
    ->Args({1000000, 8, 16})
    ->Args({50000, 128, 100})
    ->Args({20000, 784, 10})
    ->Args({100000, 32, 20})
    ->Args({100000, 64, 10})
    ->Args({100000, 16, 64})
    ->Args({100000, 4, 100})
    ->Args({50000, 64, 4})
    ->Args({100000, 32, 64})
    ->Args({20000, 256, 10})
    ->Args({50000, 8, 256})
    ->Args({20000, 64, 256})
    ->Args({10000, 64, 512})
    ->Args({100000, 32, 4})
    ->Args({100000, 32, 8})
    ->Args({100000, 24, 16})
    ->Args({100000, 48, 10})
    ->Args({50000, 48, 64})
    ->Args({100000, 24, 64})
    ->Args({20000, 16, 256});

// What the multipliers can do with doubles, on all threads; with floats it is twice that.
double peak_gflops() {
  static const double peak = [] {
    double best = 0.0;
    for (int run = 0; run < 3; ++run) {
      std::vector<double> done(static_cast<std::size_t>(8 * thread_limit()));
      const double time = seconds_of([&] {
        parallel_for(thread_limit(), [&](Index t) {
          double sink = 0.0;
          done[static_cast<std::size_t>(8 * t)] = bench::multiply_adds(4000000, &sink);
          benchmark::DoNotOptimize(sink);
        });
      });
      double operations = 0.0;
      for (const double d : done) operations += d;
      best = std::max(best, 1e-9 * operations / time);
    }
    return best;
  }();
  return peak;
}

// One pass of distances and nearest centres, as a share of what the multipliers can do.
void nearest(benchmark::State& state) {
  const Index n = state.range(0);
  const Index d = state.range(1);
  const Index k = state.range(2);
  const Matrix& X = blobs(n, d, k);
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  ScoredCentres scored(rows, k, true);
  scored.pack(first_rows(X, k));
  std::vector<std::int32_t> label(static_cast<std::size_t>(n));
  for (auto _ : state) {
    parallel_blocks(n, 480, [&](Index, Index begin, Index end) {
      Vector work(scored.work_size());
      std::array<const double*, 2 * ScoredCentres::piece> here{};
      for (Index i = begin; i < end; i += ScoredCentres::piece) {
        const Index rows_here = std::min(ScoredCentres::piece, end - i);
        const Index ahead = std::min(ScoredCentres::piece, end - i - rows_here);
        for (Index r = 0; r < rows_here + ahead; ++r) {
          here[static_cast<std::size_t>(r)] = &X(i + r, 0);
        }
        scored.nearest(here.data(), rows_here, ahead, work.data(), label.data() + i);
      }
    });
    benchmark::DoNotOptimize(label.data());
  }
  const double gflop = 2e-9 * static_cast<double>(n * d * k);
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(gflop, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] =
      Counter(gflop / (2.0 * peak_gflops()), Counter::kIsIterationInvariantRate);
}
BENCHMARK(nearest)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({100000, 16, 10})
    ->Args({1000000, 8, 16})
    ->Args({50000, 128, 100})
    ->Args({20000, 784, 10});

// How often a row is added to a cluster's sums or taken from them in 20 iterations: all at the
// start, then those that change.
double moves_of_a_row(Lloyd& lloyd, const Matrix& X, const Matrix& start) {
  std::vector<std::int32_t> before;
  for (Index i = 0; i < X.rows(); ++i) {
    before.push_back(static_cast<std::int32_t>(nearest_centre(&X(i, 0), start).index));
  }
  Index moves = X.rows();
  for (std::int64_t iterations = 1; iterations <= 20; ++iterations) {
    const auto labels = lloyd.run(start, iterations, 0.0).labels;
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (labels[i] != before[i]) moves += 2;
      before[i] = static_cast<std::int32_t>(labels[i]);
    }
  }
  return static_cast<double>(moves) / static_cast<double>(X.rows());
}

// Scores of all rows, and after each piece its sums by cluster, as at a start: on the grids that
// make their order unimportant, and added up as they come. `share` is the difference, as often as
// rows move, beside the whole of 20 iterations.
void one_answer(benchmark::State& state) {
  const Index d = state.range(1);
  const Index k = state.range(2);
  const Matrix& X = blobs(state.range(0), d, k);
  const MatrixView view(X);
  const ClusterRows rows(view, {});
  Lloyd lloyd(rows, k, choose_assignment(rows, k));
  const double moves = moves_of_a_row(lloyd, X, first_rows(X, k));
  const LloydResult result = lloyd.run(first_rows(X, k), 20, 0.0);
  ClusterSums sums(rows, k);
  ScoredCentres scored(rows, k, true);
  scored.pack(result.centres);
  const auto label = [&](Index i) { return result.labels[static_cast<std::size_t>(i)]; };
  const auto each_piece = [&](Index begin, Index end, auto&& sum) {
    Scratch work(1, scored.work_size());
    std::array<const double*, 2 * ScoredCentres::piece> at{};
    std::array<std::int32_t, ScoredCentres::piece> found{};
    for (Index i = begin; i < end; i += ScoredCentres::piece) {
      const Index n = std::min(ScoredCentres::piece, end - i);
      const Index ahead = std::min(ScoredCentres::piece, end - i - n);
      for (Index r = 0; r < n + ahead; ++r) at[static_cast<std::size_t>(r)] = rows.row(i + r);
      scored.nearest(at.data(), n, ahead, work.matrix().data(), found.data());
      benchmark::DoNotOptimize(found);
      sum(i, i + n);
    }
  };
  std::vector<double> fixed;
  std::vector<double> free;
  std::vector<double> whole;
  for (auto _ : state) {
    fixed.push_back(seconds_of([&] {
      parallel_blocks(X.rows(), rows.block_rows, [&](Index, Index begin, Index end) {
        ClusterSums::Part part(sums);
        each_piece(begin, end, [&](Index first, Index last) {
          Changes changes;
          for (Index r = first; r < last; ++r) changes.add(r, -1, label(r));
          part.change(changes);
        });
      });
      sums.merge();
    }));
    free.push_back(seconds_of([&] {
      parallel_blocks(X.rows(), rows.block_rows, [&](Index, Index begin, Index end) {
        Matrix part = Matrix::Zero(k, d);
        each_piece(begin, end, [&](Index first, Index last) {
          for (Index r = first; r < last; ++r) part.row(label(r)) += X.row(r);
        });
        benchmark::DoNotOptimize(part.data());
      });
    }));
    whole.push_back(
        seconds_of([&] { benchmark::DoNotOptimize(lloyd.run(first_rows(X, k), 20, 0.0)); }));
  }
  const double saved = moves * (median(fixed) - median(free));
  state.counters["moves"] = moves;
  state.counters["fixed_ms"] = 1e3 * median(fixed);
  state.counters["free_ms"] = 1e3 * median(free);
  state.counters["share"] = saved / median(whole);
}
BENCHMARK(one_answer)
    ->Iterations(15)
    ->Unit(benchmark::kMillisecond)
    ->Args({100000, 16, 10})
    ->Args({1000000, 8, 16})
    ->Args({50000, 128, 100})
    ->Args({20000, 784, 10});

// Greedy k-means++ and ten starts.
void ten_starts(benchmark::State& state) {
  const Matrix& X = blobs(state.range(0), state.range(1), state.range(2));
  const KMeans kmeans{.n_clusters = state.range(2), .random_state = 1};
  for (auto _ : state) benchmark::DoNotOptimize(kmeans.fit(X));
}
BENCHMARK(ten_starts)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond)
    ->Args({100000, 16, 10})
    ->Args({1797, 64, 10});

}  // namespace
}  // namespace lathe
