// The penalised negative log-likelihood of the multinomial logistic model, with its derivatives.
// The last class is the reference: its scores are 0, so K classes have m = K - 1 columns of
// parameters; with K = 2 this is binary logistic regression.
#pragma once

#include <cstdint>
#include <vector>

#include "lathe/ml/linear/scaled_columns.h"

namespace lathe {

struct LogisticProblem {
  Index n_parameters() const { return x.size() + (intercept ? 1 : 0); }  // of each class
  Index n_scores() const { return n_classes - 1; }

  // Of about unit variance where the penalty is small, about means that are doubles.
  ScaledColumns x;
  const RowWeights& weights;
  std::vector<std::int32_t> label;  // of each row, in [0, n_classes)
  Index n_classes = 0;
  bool intercept = true;
  // Of the scaled parameters of each column: the penalty is half of strength * squares. With K > 2
  // classes the coefficients W of all classes are penalised, W_k = u_k - mean(u).
  std::vector<double> strength;
};

using Parameters = Eigen::MatrixXd;  // n_parameters x n_scores, the intercepts last

struct LogisticValue {
  double objective = 0.0;  // sum weight * log loss + penalty
  Parameters gradient;
  Parameters diagonal;      // of the Hessian, if asked for
  Eigen::MatrixXd hessian;  // over the parameters column by column; lower triangle; if asked for
};

enum class Curvature { none, diagonal, hessian };

// One pass over the rows in O(n d K), with the Hessian in O(n d^2 K^2).
LogisticValue evaluate(const LogisticProblem& problem, const Parameters& u, Curvature curvature);

double objective_at(const LogisticProblem& problem, const Parameters& u);

// The Hessian at u times v, in one pass in O(n d K).
Parameters hessian_times(const LogisticProblem& problem, const Parameters& u, const Parameters& v);

// strength * (u - share of the row sums), which is both the gradient of the penalty at u and its
// Hessian times u.
Parameters penalty_times(const LogisticProblem& problem, const Parameters& u);

}  // namespace lathe
