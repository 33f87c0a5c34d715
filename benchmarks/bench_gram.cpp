// The Gram matrix and the products behind it, as a share of the machine's peak.
#include <algorithm>
#include <numeric>
#include <vector>

#include <benchmark/benchmark.h>

#include "lathe/ml/core/gram.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/product.h"

#include "benchmarks/measure.h"
#include "benchmarks/peer/hardware.h"

namespace lathe {
namespace {

using bench::random_rows;
using bench::seconds_of;

// Fused multiply-adds of all threads, operations per second: the best of some rounds.
double measure_peak() {
  const Index threads = thread_limit();
  std::vector<double> sink(static_cast<std::size_t>(threads) * 8);
  std::vector<double> done(static_cast<std::size_t>(threads));
  double best = 0.0;
  for (int round = 0; round < 7; ++round) {
    const double seconds = seconds_of([&] {
      parallel_for(threads, [&](Index t) {
        const auto i = static_cast<std::size_t>(t);
        done[i] = bench::multiply_adds(2'000'000, &sink[8 * i]);
      });
    });
    best = std::max(best, std::accumulate(done.begin(), done.end(), 0.0) / seconds);
  }
  return best;
}

double peak() {
  static const double value = measure_peak();
  return value;
}

// Useful operations, not those spent on what a tile has beside the triangle.
void report(benchmark::State& state, double operations) {
  const auto runs = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * runs * 1e-9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(operations * runs / peak(), benchmark::Counter::kIsRate);
  state.SetLabel(std::string(kernels::level()));
}

double gram_operations(Index n, Index d) {
  return static_cast<double>(n) * static_cast<double>(d) * static_cast<double>(d + 1);
}

void gram(benchmark::State& state) {
  const Index n = state.range(0);
  const Index d = state.range(1);
  const Matrix X = random_rows(n, d);
  const Matrix y = random_rows(n, 1);
  for (auto _ : state) benchmark::DoNotOptimize(centred_gram(X, y).xx.data());
  report(state, gram_operations(n, d));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->Args({100000, 50})
      ->Args({1000000, 20})
      ->Args({20000, 500})
      ->Args({5000, 2000})
      ->Args({200000, 100})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}
BENCHMARK(gram)->Apply(shapes);

void row_products(benchmark::State& state) {
  const Index n = state.range(0);
  const Index d = state.range(1);
  const Matrix X = random_rows(n, d);
  for (auto _ : state) benchmark::DoNotOptimize(row_gram(X).data());
  report(state, gram_operations(d, n));
}
BENCHMARK(row_products)
    ->Args({500, 20000})
    ->Args({2000, 5000})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void multiply_rows(benchmark::State& state) {
  const Index n = state.range(0);
  const Index k = state.range(1);
  const Index m = state.range(2);
  const Matrix A = random_rows(n, k);
  const Matrix B = random_rows(k, m);
  Matrix out = large_matrix(n, m);
  for (auto _ : state) {
    multiply(A, B, out, A.row(0));
    benchmark::DoNotOptimize(out.data());
  }
  report(state, 2.0 * static_cast<double>(n * k * m));
}
void thin(benchmark::internal::Benchmark* b) {
  b->Args({2000, 5000, 30})
      ->Args({10000, 784, 60})
      ->Args({100000, 50, 50})
      ->Args({2000, 2000, 2000})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
}
BENCHMARK(multiply_rows)->Apply(thin);

void transposed(benchmark::State& state) {
  const Index n = state.range(0);
  const Index d = state.range(1);
  const Index m = state.range(2);
  const Matrix A = random_rows(n, d);
  const Matrix B = random_rows(n, m);
  for (auto _ : state) benchmark::DoNotOptimize(transposed_product(A, B, A.row(0)).data());
  report(state, 2.0 * static_cast<double>(n * d * m));
}
BENCHMARK(transposed)->Apply(thin);

}  // namespace
}  // namespace lathe
