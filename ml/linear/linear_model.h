// What linear_regression and ridge learn: y = W x + b, and how it was found.
#pragma once

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/unchecked_rows.h"
#include "lathe/ml/linear/least_squares.h"

namespace lathe {

class LinearModel : public Regressor, public UncheckedRows {
 public:
  ~LinearModel() override;
  Index n_features_in() const override { return coef_.cols(); }
  Index n_targets() const override { return coef_.rows(); }
  void predict_into(const MatrixView& X, MatrixRef out) const override;
  void rows_into(const double* X, Index rows, Index stride, double* out,
                 Index out_stride) const override;
  std::vector<Attribute> attributes() const override;
  bool converged() const override { return solver_.settled; }
  std::vector<std::string> warnings() const override;

  const Matrix& coef() const { return coef_; }                     // n_targets x n_features
  const Vector& intercept() const { return intercept_; }           // n_targets
  Index rank() const { return static_cast<Index>(solver_.rank); }  // of the centred columns
  const SolverInfo& solver() const { return solver_; }

 protected:
  LinearModel() = default;
  explicit LinearModel(LeastSquares&& fitted);

  void check_coef() const;  // for loading constructors
  static void coef_state(auto& self, auto& archive) {
    auto& solver = self.solver_;
    archive(self.coef_, self.intercept_, solver.path, solver.condition, solver.steps, solver.rank,
            solver.settled);
  }

 private:
  Matrix coef_;
  Vector intercept_;
  SolverInfo solver_;
};

}  // namespace lathe
