#include "tests/golden/nist.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <regex>

#include "lathe/datasets/csv.h"
#include "lathe/datasets/profile.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/preprocessing/standard_scaler.h"

namespace lathe::golden {
namespace {

constexpr double zero = 1e-12;  // what a certified 0 may come out as

double published(const Json& value) {
  return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

// Correct digits: minus the logarithm of the relative error, at most 15; of a certified 0, 15 where
// it comes out below 1e-12, of infinity where above 1e12, and 0 elsewhere.
double digits(double value, double certified) {
  if (value == certified) return 15.0;
  if (certified == 0.0) return std::abs(value) < zero ? 15.0 : 0.0;
  if (std::isinf(certified)) return value > 1.0 / zero ? 15.0 : 0.0;
  const double error = std::abs(value - certified) / std::abs(certified);
  return std::isnan(error) ? 0.0 : std::clamp(-std::log10(error), 0.0, 15.0);
}

std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::floor(value * 10.0) / 10.0);
  return text;
}

// One figure after the other: its digits, and whether they reach its floor.
class Judge {
 public:
  Judge(const Case& given, Results& results) : given_(given), results_(results) {}

  void figure(const std::string& key, const Json& value, double floor) {
    const Json& certified = reference(key);
    if (certified.is_null()) return;
    results_.give(key, value);
    double least = 15.0;
    if (certified.is_array()) {
      for (std::size_t i = 0; i < certified.size(); ++i) {
        least = std::min(least, digits(*number_in(value.at(i)), published(certified[i])));
      }
    } else {
      least = digits(*number_in(value), published(certified));
    }
    report_.passed = report_.passed && least >= floor;
    report_.text += (report_.text.empty() ? "digits: " : ", ") + key + " " + short_number(least) +
                    " (floor " + short_number(floor) + ")";
  }

  NistReport finish() {
    for (const char* part : {"exact", "certified"}) {
      for (const auto& [key, value] : given_.at(part).items()) {
        const bool figure = key != "note" && !key.ends_with("_kind");
        const bool seen = results_.values().contains(key) ||
                          std::find(report_.not_built.begin(), report_.not_built.end(), key) !=
                              report_.not_built.end();
        if (figure && !seen) report_.not_built.push_back(key);
      }
    }
    return report_;
  }

 private:
  // With 17 digits where there are any, else the published 15.
  const Json& reference(const std::string& key) const {
    for (const char* part : {"exact", "certified"}) {
      const auto found = given_.at(part).find(key);
      if (found != given_.at(part).end()) return *found;
    }
    return given_.at("no such key");
  }

  const Case& given_;
  Results& results_;
  NistReport report_;
};

Table table_of(const Case& given) {
  const auto path = given.file().parent_path() / given.at("file").get<std::string>();
  if (!std::filesystem::exists(path)) throw NotRun{path.filename().string() + " is not there"};
  return read_csv(path.string());
}

double attainable(const Case& given, const char* key) {
  const Json& limits = given.at("attainable");
  if (!limits.is_object() || !limits.contains(key))
    throw NotBuilt{"a case without " + std::string(key)};
  return limits.at(key).get<double>();
}

// A term is a column or a power of one, by repeated multiplication: pow() misrounds some.
Vector term_of(const Table& table, const std::string& term) {
  const std::regex power(R"((\w+)\^(\d+))");
  std::smatch parts;
  const bool raised = std::regex_match(term, parts, power);
  const std::string column = raised ? parts[1].str() : term;
  if (!table.find(column)) throw NotBuilt{"term " + term};
  const auto cells = table.numeric(table.column(column));
  const Vector x = Eigen::Map<const Vector>(cells.data(), static_cast<Index>(cells.size()));
  Vector value = x;
  for (int k = raised ? std::stoi(parts[2]) : 1; k > 1; --k) value.array() *= x.array();
  return value;
}

void give_summary(const LinearSummary& summary, bool intercept, double floor, Judge& judge) {
  std::vector<double> errors;
  if (intercept) errors.push_back(summary.intercept_standard_error[0]);
  for (double error : summary.standard_error.row(0)) errors.push_back(error);
  judge.figure("standard_deviations", to_json(errors), floor);
  judge.figure("residual_standard_deviation", to_json(summary.residual_sd[0]), floor);
  judge.figure("r_squared", to_json(summary.r_squared[0]), floor);
  judge.figure("f_statistic", to_json(summary.f_statistic[0]), floor);
  judge.figure("residual_degrees_of_freedom", summary.residual_dof, 15.0);
  judge.figure("sum_of_squares_regression", to_json(summary.regression_squares[0]), floor);
  judge.figure("sum_of_squares_residual", to_json(summary.residual_squares[0]), floor);
}

NistReport least_squares(const Case& given, Results& results) {
  const Table table = table_of(given);
  std::vector<std::string> terms = texts_in(given.at("terms"));
  const bool intercept = std::erase(terms, "intercept") > 0;
  Matrix X(table.rows(), static_cast<Index>(terms.size()));
  for (std::size_t j = 0; j < terms.size(); ++j) {
    X.col(static_cast<Index>(j)) = term_of(table, terms[j]);
  }
  const auto model = LinearRegression{.fit_intercept = intercept}.fit(X, term_of(table, "y"));

  std::vector<double> estimates;
  if (intercept) estimates.push_back(model.intercept()[0]);
  for (double coefficient : model.coef().row(0)) estimates.push_back(coefficient);

  // A tenth of a digit below what survives reading the decimals, in whole tenths.
  const double limit = attainable(given, "lre_min_rounded_powers");
  const double floor = std::min(14.5, std::floor((limit - 0.1) * 10.0) / 10.0);
  Judge judge(given, results);
  judge.figure("estimates", to_json(estimates), floor);
  give_summary(model.summary(), intercept, limit < 9.0 ? 8.0 : 9.0, judge);
  return judge.finish();
}

NistReport summary(const Case& given, Results& results) {
  const Table table = table_of(given);
  const StandardScalerModel model = StandardScaler{}.fit(term_of(table, "y"));
  const double n = static_cast<double>(table.rows());
  const double variance = model.variance()[0] * (n / (n - 1.0));

  const double limit = attainable(given, "lre_sd") - 0.1;
  Judge judge(given, results);
  judge.figure("mean", to_json(model.mean()[0]), 14.5);
  judge.figure("standard_deviation", to_json(std::sqrt(variance)), std::min(limit, 14.5));
  judge.figure("variance", to_json(variance), std::min(limit - 0.3, 14.5));  // twice the error
  const ColumnProfile profiled =
      profile(table).columns.at(static_cast<std::size_t>(table.column("y")));
  judge.figure("lag1_autocorrelation", to_json(profiled.autocorrelation), std::min(limit, 14.5));
  judge.figure("sum", to_json(profiled.mean * n), 14.5);
  judge.figure("min", to_json(profiled.min), 15.0);
  judge.figure("max", to_json(profiled.max), 15.0);
  return judge.finish();
}

}  // namespace

bool is_nist(const Json& json) {
  return json.is_object() && json.contains("kind") && json.contains("certified");
}

NistReport check_nist(const Case& given, Results& results) {
  const Json& kind = given.at("kind");
  if (kind == "linear_least_squares") return least_squares(given, results);
  if (kind == "univariate_summary") return summary(given, results);
  throw NotBuilt{"kind=" + kind.dump()};
}

}  // namespace lathe::golden
