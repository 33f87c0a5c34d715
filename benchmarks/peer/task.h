// One job of the comparison on our side: its arrays, and a run of it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lathe/ml/linear/linear_regression.h"

#include "benchmarks/peer/arrays.h"

namespace lathe::bench {

struct Run {
  double seconds = 0.0;
  std::map<std::string, std::vector<double>> figures;  // what both sides must agree on
  std::uint64_t bits = 0;                              // of the whole answer
};

class Task {
 public:
  // job: as jobs.py describes it. Reads the arrays and does what is not timed.
  Task(const std::string& folder, const nlohmann::json& job);

  Run run(std::uint64_t seed) const { return run_(seed); }

 private:
  using Runner = std::function<Run(std::uint64_t)>;

  LinearRegression linear_regression() const;  // refined where the job's name says so
  Runner regression() const;
  Runner clustering() const;
  Runner reduction() const;
  Runner scaling() const;
  Runner classification() const;
  Runner validation() const;
  Runner one_row() const;

  nlohmann::json job_;
  std::string name_;
  Index k_ = 0;
  Array rows_;
  Array target_;
  Array start_;
  Eigen::Map<const Matrix> X_{nullptr, 0, 0};
  Eigen::Map<const Vector> y_{nullptr, 0};
  Runner run_;
};

}  // namespace lathe::bench
