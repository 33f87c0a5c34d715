// Fits a pipeline on a table, saves it, loads it and predicts: fit_predict TABLE.csv TARGET
#include <cstdio>
#include <exception>

#include "lathe/datasets/csv.h"
#include "lathe/ml/model_file.h"
#include "lathe/ml/registry.h"

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::fprintf(stderr, "usage: fit_predict TABLE.csv TARGET\n");
    return 2;
  }
  const lathe::Table table = lathe::read_csv(argv[1]);
  const lathe::Estimator pipeline = lathe::make_estimator(
      "columns(numeric: simple_imputer(strategy=median) | standard_scaler,"
      " categorical: one_hot_encoder(handle_unknown=ignore)) | logistic_regression");

  const lathe::FittedPipeline fitted = lathe::fit(pipeline, table, {.targets = {argv[2]}});
  lathe::save_model(fitted, "fit_predict.lathe", /*overwrite=*/true);

  const lathe::FittedPipeline loaded = lathe::load_model_file("fit_predict.lathe");
  const auto labels = std::get<lathe::Labels>(loaded.predict(table).values);
  const lathe::Labels truth = table.labels(table.column(argv[2]));
  lathe::Index right = 0;
  for (lathe::Index i = 0; i < labels.size(); ++i) right += labels.name(i) == truth.name(i);
  std::printf("%s\n%ld of %ld training rows are predicted right\n",
              fitted.contract().pipeline.c_str(), static_cast<long>(right),
              static_cast<long>(labels.size()));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
