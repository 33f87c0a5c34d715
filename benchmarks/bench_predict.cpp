// What a prediction costs in process, for one row and for a batch, and the loops under it.
#include <benchmark/benchmark.h>

#include "lathe/datasets/generators.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/preprocessing/standard_scaler.h"

namespace lathe {
namespace {

RegressionData data(Index rows, Index cols) {
  return make_regression({.n_samples = rows, .n_features = cols, .noise = 1.0});
}

void dot(benchmark::State& state) {
  const RegressionData d = data(2, state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        kernels::dot(d.X.data(), d.X.data() + d.X.cols(), static_cast<Index>(state.range(0))));
  }
  state.SetLabel(std::string(kernels::level()));
}
BENCHMARK(dot)->Arg(20)->Arg(1000);

void exponential(benchmark::State& state) {
  Vector x = Vector::LinSpaced(state.range(0), -5.0, 5.0);
  Vector work = x;
  for (auto _ : state) {
    work = x;
    kernels::exp(work.data(), work.size());
    benchmark::DoNotOptimize(work.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(exponential)->Arg(8)->Arg(1000);

// standard_scaler | linear_regression over 20 columns, into a place that is there, other rows each
// time.
void pipeline_predict(benchmark::State& state) {
  const Index rows = state.range(0);
  const RegressionData d = data(std::max<Index>(4 * rows, 256), 20);
  const ModelPtr model = (StandardScaler{} | LinearRegression{}).fit(d.X, d.y);
  Matrix out(rows, 1);
  Index begin = 0;
  for (auto _ : state) {
    model->predict_into(d.X.middleRows(begin, rows), out);
    benchmark::DoNotOptimize(out.data());
    begin = begin + 2 * rows > d.X.rows() ? 0 : begin + rows;
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
BENCHMARK(pipeline_predict)->Arg(1)->Arg(8)->Arg(100)->Arg(10000);

}  // namespace
}  // namespace lathe
