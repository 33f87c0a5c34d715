// Cross-validates two pipelines on the same folds: cross_validate TABLE.csv TARGET
#include "lathe/evaluation/cross_validate.h"

#include <cstdio>
#include <exception>

#include "lathe/datasets/csv.h"
#include "lathe/ml/fitted_pipeline.h"
#include "lathe/ml/registry.h"

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: cross_validate TABLE.csv TARGET\n");
    return 2;
  }
  const lathe::Table table = lathe::read_csv(argv[1]);
  for (const char* text : {"standard_scaler | ridge(alpha=10)", "linear_regression"}) {
    const lathe::TrainingData data =
        lathe::prepare(lathe::make_estimator(text), table, {.targets = {argv[2]}});
    const lathe::CrossValidation result =
        lathe::cross_validate(data, {.splitter = lathe::KFold{.n_splits = 10}});
    std::printf("%-36s", text);
    for (const auto& scores : result.metrics) {
      std::printf("  %s %.4f +- %.4f", scores.metric.c_str(), scores.mean, scores.std);
    }
    std::printf("\n");
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
