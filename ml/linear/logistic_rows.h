// Blocks of rows as the logistic objective reads them, their probabilities and their loss.
#pragma once

#include <cmath>
#include <vector>

#include "lathe/ml/linear/logistic_objective.h"

namespace lathe {

constexpr Index logistic_block = 128;  // with what is made of them they stay in the second cache

// Probabilities of a block of rows from their scores; what is left of 1 is summed, not subtracted,
// so that probabilities near 1 keep their digits.
struct RowProbabilities {
  explicit RowProbabilities(Index n_classes)
      : of(logistic_block, n_classes),
        rest(logistic_block, n_classes),
        best(static_cast<std::size_t>(logistic_block)) {}

  // scores: of all classes but the last, whose score is 0.
  void find(const Matrix& scores, Index rows);

  Matrix of;    // logistic_block x n_classes
  Matrix rest;  // 1 - of
  std::vector<Index> best;
  Vector highest{logistic_block};  // score
  Vector others{logistic_block};   // sum of exp(score - highest) but of the best class
};

// The sum of weight * log(1 + x): one logarithm of a product does for many rows of one weight. What
// is kept is the product less 1, so that small x lose nothing.
class LogSum {
 public:
  void add(double weight, double x) {
    if (weight != weight_ || product_ > 1e200) {
      sum_ += weight_ * std::log1p(product_);
      weight_ = weight;
      product_ = 0.0;
    }
    product_ += x + product_ * x;
  }
  double total() const { return sum_ + weight_ * std::log1p(product_); }

 private:
  double weight_ = 0.0;
  double product_ = 0.0;
  double sum_ = 0.0;
};

// Rows of the raw columns less their means, with a last column of ones for the intercept: what
// multiplies them takes their scales.
class LogisticRows {
 public:
  explicit LogisticRows(const LogisticProblem& problem);

  // A block to read into.
  Matrix block() const;
  void read(Index begin, Index rows, Matrix& block) const;

  const Eigen::VectorXd& scale() const { return scale_; }  // of each parameter; 1 for the intercept

 private:
  const LogisticProblem& problem_;
  std::vector<double> shift_;
  Eigen::VectorXd scale_;
  bool adjacent_ = false;
};

}  // namespace lathe
