// standard_scaler and linear prediction on many rows, against what memory gives.
#include <benchmark/benchmark.h>

#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/moments.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/linear/ridge.h"
#include "lathe/preprocessing/standard_scaler.h"

namespace lathe {
namespace {

const Matrix& data() {
  static const Matrix X = [] {
    Random random(1, "bench_scaler");
    Matrix values = large_matrix(1000000, 20);
    for (double& x : values.reshaped()) x = 3.0 + random.normal();
    return values;
  }();
  return X;
}

void set_bytes(benchmark::State& state, std::int64_t passes) {
  state.SetBytesProcessed(state.iterations() * passes * data().size() * 8);
  state.SetLabel(std::string(kernels::level()));
}

// What reading costs and nothing else, on all threads.
void read(benchmark::State& state) {
  const Matrix& X = data();
  for (auto _ : state) {
    Vector sums(128);
    parallel_blocks(X.size(), X.size() / 128, [&](Index block, Index begin, Index end) {
      sums[block % 128] = kernels::sum(X.data() + begin, end - begin);
    });
    benchmark::DoNotOptimize(sums.data());
  }
  set_bytes(state, 1);
}

void moments(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(column_moments(data()).mean.data());
  set_bytes(state, 1);
}

void scaler_fit(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(StandardScaler{}.fit(data()).mean().data());
  set_bytes(state, 2);
}

void scaler_transform(benchmark::State& state) {
  const StandardScalerModel model = StandardScaler{}.fit(data());
  for (auto _ : state) benchmark::DoNotOptimize(model.transform(data()).data());
  set_bytes(state, 2);
}

void scaler_fit_transform(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(StandardScaler{}.fit(data()).transform(data()).data());
  }
  set_bytes(state, 4);
}

void linear_predict(benchmark::State& state) {
  const Matrix y = data().col(0);
  const auto model = Ridge{}.fit(data().topRows(1000), y.topRows(1000));
  for (auto _ : state) benchmark::DoNotOptimize(model.predict(data()).data());
  set_bytes(state, 1);
}

BENCHMARK(read)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(moments)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(scaler_fit)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(scaler_transform)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(scaler_fit_transform)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(linear_predict)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace lathe
