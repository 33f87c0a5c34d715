#include <algorithm>

#include "lathe/evaluation/metrics_regression.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/ml/linear/ridge.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

struct Problem {
  Data data;
  Matrix y;
  std::vector<double> weight;
  bool one_target;  // then coefficients are a list, and the intercept a number
};

Problem problem_of(const Case& given, Settings& settings) {
  Problem problem{given.data(), {}, {}, !given.at("target").is_array()};
  problem.y = problem.data.numbers(given.targets());
  problem.weight = given.weights(settings.get("sample_weight"), problem.y.rows());
  return problem;
}

void give_model(const Problem& problem, const LinearModel& model, Results& results) {
  const Matrix predicted = model.predict(problem.data.X);
  const Matrix first = predicted.topRows(std::min<Index>(5, predicted.rows()));
  if (problem.one_target) {
    results.give("coef", to_json(Vector(model.coef().row(0))));
    results.give("intercept", to_json(model.intercept()[0]));
    results.give("predict_first5", to_json(Vector(first.col(0))));
  } else {
    results.give("coef", to_json(model.coef()));
    results.give("intercept", to_json(model.intercept()));
    results.give("predict_first5", to_json(first));
  }
}

}  // namespace

void linear_regression(const Case& given, Results& results) {
  Settings settings = given.settings();
  const LinearRegression options{.fit_intercept = settings.flag("fit_intercept", true)};
  const Problem problem = problem_of(given, settings);
  settings.finish();
  const auto model = options.fit(problem.data.X, problem.y, {.weight = problem.weight});
  give_model(problem, model, results);

  const Matrix predicted = model.predict(problem.data.X);
  double total = static_cast<double>(problem.y.rows());
  if (!problem.weight.empty()) {
    total = 0.0;
    for (double w : problem.weight) total += w;
  }
  results.give("r2", to_json(r2_score(problem.y, predicted, problem.weight)));
  // The mean over rows and targets, made a sum again.
  results.give("rss", to_json(mean_squared_error(problem.y, predicted, problem.weight) * total *
                              static_cast<double>(problem.y.cols())));
}

void ridge(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.note("objective");
  const Ridge options{.alpha = settings.number("alpha", 1.0),
                      .fit_intercept = settings.flag("fit_intercept", true)};
  const Problem problem = problem_of(given, settings);
  settings.finish();
  const auto model = options.fit(problem.data.X, problem.y, {.weight = problem.weight});
  give_model(problem, model, results);
  // In these cases R squared counts every row once, whatever the weights of the fit.
  results.give("r2", to_json(r2_score(problem.y, model.predict(problem.data.X))));
}

}  // namespace lathe::golden
