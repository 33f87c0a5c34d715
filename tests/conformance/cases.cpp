#include "tests/conformance/cases.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/registry.h"

namespace lathe::conformance {
namespace {

constexpr double missing_cell = std::numeric_limits<double>::quiet_NaN();

constexpr Invariances least_squares{
    .shift = true, .scale = true, .duplicate = true, .constant = true, .repetition = true};
constexpr Invariances penalised{.shift = true, .constant = true, .repetition = true};
constexpr Invariances through_zero{.repetition = true};
constexpr Invariances distances{.shift = true, .constant = true};
constexpr Invariances from_a_start{.repetition = true};
constexpr Invariances scaled{.shift = true, .scale = true};

double whole_millionths(double x) { return std::round(std::ldexp(x, 20)) / std::ldexp(1.0, 20); }

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"linear_regression", Data::numbers, least_squares},
      {"linear_regression(fit_intercept=false)", Data::numbers, through_zero},
      {"ridge", Data::numbers, penalised},
      {"ridge(alpha=0)", Data::numbers, least_squares},
      {"ridge(alpha=30.5, fit_intercept=false)", Data::numbers, through_zero},
      {"logistic_regression", Data::numbers, penalised},
      {"logistic_regression(C=0.1)", Data::numbers, penalised, "flag"},
      {"logistic_regression(fit_intercept=false)", Data::numbers, through_zero},
      {"logistic_regression(penalty=none, class_weight=balanced)",
       Data::numbers,
       {.shift = true, .scale = true, .duplicate = true, .constant = true}},
      {"logistic_regression(class_weight=[[low, 2], [mid, 0.5]])", Data::numbers, penalised},
      {"kmeans(n_clusters=3)", Data::numbers, distances},
      {"kmeans(n_clusters=4, init=random, n_init=2, random_state=5)", Data::numbers, distances},
      {"kmeans(n_clusters=2, init=[[0, 0, 0, 0, 0], [1, 4, 5, 1, 2]])", Data::numbers,
       from_a_start},
      {"pca", Data::numbers, {.shift = true}},
      {"pca(n_components=2)", Data::numbers, distances},
      {"pca(n_components=0.9, whiten=true)", Data::numbers, distances},
      {"pca(n_components=2, svd_solver=covariance_eigh)", Data::numbers, distances},
      {"pca(n_components=2, svd_solver=randomized)", Data::numbers, distances},
      {"standard_scaler", Data::numbers, scaled},
      {"standard_scaler(with_mean=false)", Data::missing, {.scale = true}},
      {"max_abs_scaler", Data::missing, {.scale = true}},
      {"min_max_scaler", Data::numbers, scaled},
      {"min_max_scaler(feature_range=[-2, 3], clip=true)", Data::missing, scaled},
      {"simple_imputer", Data::missing},
      {"simple_imputer(strategy=median, add_indicator=true)", Data::missing},
      {"simple_imputer(strategy=most_frequent)", Data::mixed},
      {"simple_imputer(strategy=constant, fill_value=-3.5)", Data::missing},
      {"one_hot_encoder(handle_unknown=ignore)", Data::categories},
      {"one_hot_encoder(drop=first, min_frequency=2)", Data::categories},
      {"ordinal_encoder", Data::categories},
      {"ordinal_encoder(handle_unknown=use_encoded_value, unknown_value=-1, "
       "encoded_missing_value=-2)",
       Data::mixed},
      {"passthrough", Data::mixed},
      {"drop", Data::mixed},
      {"columns(numeric: simple_imputer | standard_scaler, categorical: one_hot_encoder)",
       Data::mixed},
      {"columns(a: min_max_scaler, [\"size\"]: ordinal_encoder, colour: drop, "
       "remainder=passthrough)",
       Data::mixed},
      {"standard_scaler | pca(n_components=2) | logistic_regression",
       Data::numbers,
       {.shift = true, .scale = true, .repetition = false}},
      {"columns(numeric: simple_imputer(strategy=median), categorical: "
       "simple_imputer(strategy=most_frequent) | one_hot_encoder(handle_unknown=ignore)) | ridge",
       Data::mixed},
      {"simple_imputer | min_max_scaler | kmeans(n_clusters=2)", Data::missing, scaled},
  };
  return all;
}

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.text; }

std::string case_name(const testing::TestParamInfo<Case>& info) {
  std::string name = std::to_string(info.index) + "_";
  for (const char c : info.param.text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += c;
    } else if (name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

Table make_table(Data data, Index rows) {
  const auto n = static_cast<std::size_t>(rows);
  Random random(7, "conformance");
  std::vector<std::vector<double>> x(5, std::vector<double>(n));
  std::vector<double> y(n), y2(n), flag(n), w(n);
  std::vector<std::optional<std::string>> kind(n), colour(n), size(n);
  const char* const colours[] = {"red", "blue", "green", "violet"};
  for (std::size_t i = 0; i < n; ++i) {
    const double a = random.normal();
    const double b = 3.0 * random.normal() + 1.0;
    const double c = 10.0 * random.uniform();
    const double values[] = {a, b, c, a + 0.2 * random.normal(),
                             std::floor(5.0 * random.uniform())};
    for (std::size_t j = 0; j < 5; ++j) x[j][i] = whole_millionths(values[j]);
    const std::uint64_t shade = random.below(4);
    const double score = 2.0 * a - b + 0.5 * c + 0.7 * static_cast<double>(shade);
    y[i] = whole_millionths(score + 0.5 * random.normal());
    y2[i] = whole_millionths(a * b + random.normal());
    const double noisy = score + random.normal();
    kind[i] = noisy < 0.5 ? "low" : noisy < 4.0 ? "mid" : "high";
    flag[i] = noisy + 2.0 * random.normal() < 2.0 ? -1.0 : 4.0;
    w[i] = static_cast<double>(random.below(4));
    colour[i] = colours[shade];
    size[i] = a < 0.3 ? "small" : "tall";
    if (data == Data::numbers) continue;
    if (random.below(8) == 0) x[1][i] = missing_cell;
    if (random.below(8) == 0) x[3][i] = missing_cell;
    if (random.below(8) == 0) colour[i] = std::nullopt;
  }
  Table table;
  const bool texts = data == Data::mixed || data == Data::categories;
  for (std::size_t j = 0; j < (texts ? 2U : 5U); ++j) {
    if (data == Data::categories) {
      for (double& cell : x[j]) {
        if (!std::isnan(cell)) cell = std::clamp(std::round(cell), -1.0, 1.0) + 0.0;  // no -0
      }
    }
    table.add_numeric(std::string(1, static_cast<char>('a' + j)), std::move(x[j]));
  }
  if (texts) {
    table.add_texts("colour", colour);
    table.add_texts("size", size);
  }
  table.add_numeric("y", std::move(y));
  table.add_numeric("y2", std::move(y2));
  table.add_texts("kind", kind);
  table.add_numeric("flag", std::move(flag));
  table.add_numeric("w", std::move(w));
  return table;
}

Estimator estimator_of(const Case& c) { return make_estimator(c.text); }

FitOptions fit_options(const Case& c) {
  FitOptions options;
  options.seed = 11;
  const Role role = estimator_of(c).role();
  if (!c.target.empty()) {
    options.targets = {std::string(c.target)};
  } else if (role == Role::regressor) {
    options.targets = {"y"};
  } else if (role == Role::classifier) {
    options.targets = {"kind"};
  }
  for (const char* name : {"y", "y2", "kind", "flag", "w"}) {
    if (options.targets.empty() || options.targets[0] != name) options.drop.emplace_back(name);
  }
  return options;
}

TrainingData training(const Case& c, const Table& table) {
  return prepare(estimator_of(c), table, fit_options(c));
}

TrainingData training(const Case& c, Index rows) { return training(c, make_table(c.data, rows)); }

ModelPtr fit_model(const TrainingData& data) {
  return data.pipeline.fit(data.X, data.target(),
                           {.weight = data.weight, .columns = &data.inputs, .seed = 11});
}

FittedPipeline fit_table(const Case& c, Index rows) {
  return fit(training(c, rows), fit_options(c));
}

Matrix answers(const Model& model, const MatrixView& X) {
  const auto* classifier = dynamic_cast<const Classifier*>(&model);
  const Matrix predicted = predict_matrix(model, X);
  if (classifier == nullptr) return predicted;
  Matrix both(X.rows(), 1 + classifier->classes().size());
  both << predicted, classifier->predict_proba(X);
  return both;
}

bool same_bits(const MatrixView& a, const MatrixView& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (Index i = 0; i < a.rows(); ++i) {
    const auto bytes = static_cast<std::size_t>(a.cols()) * sizeof(double);
    const double* const left = a.data() + i * a.outerStride();
    const double* const right = b.data() + i * b.outerStride();
    if (bytes > 0 && std::memcmp(left, right, bytes) != 0) return false;
  }
  return true;
}

double difference(const MatrixView& a, const MatrixView& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  double largest = 1.0;
  double worst = 0.0;
  for (Index i = 0; i < a.rows(); ++i) {
    for (Index j = 0; j < a.cols(); ++j) {
      if (std::isnan(a(i, j)) && std::isnan(b(i, j))) continue;
      const double gap = std::abs(a(i, j) - b(i, j));
      if (!std::isfinite(gap)) return std::numeric_limits<double>::infinity();
      worst = std::max(worst, gap);
      largest = std::max(largest, std::abs(b(i, j)));
    }
  }
  return worst / largest;
}

std::string state_bytes(const ModelPtr& model) {
  OutputArchive archive;
  archive(model);
  return archive.bytes();
}

}  // namespace lathe::conformance
