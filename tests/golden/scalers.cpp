#include <algorithm>
#include <cmath>

#include "lathe/preprocessing/min_max_scaler.h"
#include "lathe/preprocessing/standard_scaler.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

// Each of n elements may be off by the tolerance, so their sum by n times that: the sums of centred
// columns are nothing but the rounding of their means.
void give_column_sums(const Case& given, const Matrix& transformed, Results& results) {
  const Matrix present = transformed.unaryExpr([](double v) { return std::isnan(v) ? 0.0 : v; });
  const Json sums = to_json(Vector(present.colwise().sum()));
  Tolerance tolerance = given.tolerance();
  tolerance.atol += tolerance.rtol * present.cwiseAbs().maxCoeff();
  tolerance.atol *= static_cast<double>(transformed.rows());
  const Json& expected = given.expected("transform_column_sums");
  results.give("transform_column_sums", sums, compare(expected, sums, tolerance) ? sums : expected);
}

void give_transform(const Case& given, const Matrix& transformed, Results& results) {
  const Json& expected_rows = given.expected("transform_rows");
  const Index rows = expected_rows.is_number_integer()
                         ? std::min(expected_rows.get<Index>(), transformed.rows())
                         : transformed.rows();
  results.give("transform_rows", rows);
  results.give("transform", to_json(Matrix(transformed.topRows(rows))));
  give_column_sums(given, transformed, results);
}

// One whole number where all columns agree.
Json counts(const Vector& values) {
  Json list = Json::array();
  for (double value : values) list.push_back(static_cast<std::int64_t>(value));
  const bool same =
      std::all_of(list.begin(), list.end(), [&](const Json& v) { return v == list[0]; });
  return same ? list[0] : list;
}

}  // namespace

void standard_scaler(const Case& given, Results& results) {
  Settings settings = given.settings();
  const StandardScaler options{.with_mean = settings.flag("with_mean", true),
                               .with_std = settings.flag("with_std", true)};
  settings.finish();
  const Data data = given.data();
  const StandardScalerModel model = options.fit(data.X);
  results.give("mean", to_json(model.mean()));
  results.give("var", to_json(model.variance()));
  results.give("scale", to_json(model.scale()));
  results.give("n_samples_seen", counts(model.n_samples_seen()));
  give_transform(given, model.transform(data.X), results);
}

void min_max_scaler(const Case& given, Results& results) {
  Settings settings = given.settings();
  MinMaxScaler options;
  if (settings.has("feature_range")) {
    options.feature_range = numbers_in(settings.get("feature_range"));
  }
  options.clip = settings.flag("clip", false);
  settings.finish();
  const Data data = given.data();
  const MinMaxScalerModel model = options.fit(data.X);
  results.give("scale", to_json(model.scale()));
  results.give("min", to_json(model.min()));
  results.give("data_min", to_json(model.data_min()));
  results.give("data_max", to_json(model.data_max()));
  results.give("data_range", to_json(model.data_range()));
  results.give("n_samples_seen", model.n_samples_seen());
  give_transform(given, model.transform(data.X), results);
}

}  // namespace lathe::golden
