// Iterative refinement of least squares with residuals in double-double (Wilkinson 1963; Björck
// 1967; Higham 2002, 20.4): the solution is right to the last digit wherever the factor is good
// enough to make each correction smaller than the one before.
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "lathe/ml/linear/residual_rows.h"
#include "lathe/ml/linear/scaled_columns.h"

namespace lathe {

// The correction of the coefficients that a gradient asks for, as well as the factor can tell: by
// the inverse W of the triangular factor, if that is given, as W W' gradient in double-double,
// which keeps the digits that cancel between columns that nearly depend on one another.
struct Correction {
  std::function<DoubleDoubles(const Eigen::VectorXd& gradient)> solve;
  const Matrix* inverse = nullptr;
};

struct Refined {
  std::vector<DoubleDoubles> coef;  // of each target, in the scaled columns
  DoubleDoubles centre;             // b + mean(x) coef of each: mean(y), to the last digit
  std::vector<double> squares;      // weighted residual sum of squares (plus penalty) of each
  int steps = 0;                    // corrections after the first solution
  bool settled = true;              // to the last digit of each coefficient
  bool converged =
      true;  // to rounding of the double-double sums; false where the factor is too poor
};

// The error beside a number that rounding it to double hides.
constexpr double last_digit = 0x1p-58;
// Beside the length of all coefficients: such a coefficient is zero.
constexpr double negligible = 0x1p-80;

// What an error of length 1 comes to at most, in each coefficient and in mean(x) coef. Lengths are
// those of coefficients, or of the coordinates that the inverse W of a factor gives them.
struct Reach {
  std::vector<double> coef;
  double offset = 0.0;
};

// Judges corrections, each of which should leave a small share of the one before.
class Convergence {
 public:
  // rate: the share of an error that a correction is expected to leave. The first `free` ones may
  // be of any length. wanted: the error that a coefficient or the intercept may keep, beside it;
  // or beside all of them, if that is more: least.
  Convergence(double rate, int free, Reach reach, double wanted = last_digit,
              double least = negligible)
      : rate_(rate), free_(free), reach_(std::move(reach)), wanted_(wanted), least_(least) {}

  // Whether `delta` is not worth adding to `coef`: it is no smaller than half the one before.
  bool stalls(const DoubleDoubles& delta, const DoubleDoubles& coef);
  // The same of coordinates along the columns of W, whose length this is.
  bool stalls(double length, const DoubleDoubles& delta, const DoubleDoubles& coef);
  // After a correction of the start that is right to doubles, and is not judged: the next one
  // should leave a small share of it, if it was longer by far than what doubles leave.
  void start_from(const DoubleDoubles& delta, const DoubleDoubles& coef);
  // Whether, once it was added, no more is left than is wanted.
  bool ends(const ScaledColumns& x, DoubleDouble centre, const DoubleDoubles& coef) const;
  // Whether errors of this length, in the same coordinates, do not change what counts.
  bool hides(double length, const DoubleDoubles& coef) const;

  bool settled = true;  // as in Refined
  bool converged = true;

 private:
  double rate_;
  int free_;
  Reach reach_;
  double wanted_;
  double least_;
  double last_ = 0.0;  // length of the last correction
  double left_ = 0.0;  // of the error after it
};

Reach reach_of_coef(const ScaledColumns& x);

constexpr int most_corrections = 40;

// The raw rows behind scaled columns, their targets and weights.
class ScaledRows {
 public:
  ScaledRows(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights);

  // Of y - centre - (x - mean) coef, y being target t: sum weight r (x - mean) for each of the
  // scaled columns, sum weight r and sum weight r^2.
  ResidualSums sums(std::size_t t, const DoubleDoubles& coef, DoubleDouble centre) const;
  // In doubles (ResidualRows::rough_sums): what rounding left of the means is in the centre.
  ResidualSums rough_sums(std::size_t t, const DoubleDoubles& coef, DoubleDouble centre) const;
  DoubleDoubles residuals(std::size_t t, const DoubleDoubles& coef, DoubleDouble centre) const;

 private:
  DoubleDoubles raw(const DoubleDoubles& coef) const;
  ResidualRows::Target target(std::size_t t) const;

  const ScaledColumns& x_;
  const ScaledColumns& y_;
  std::vector<RowRange> ranges_;
  ResidualRows rows_;
};

// What a refinement begins with.
struct RefinementStart {
  std::vector<DoubleDoubles> coef = {};  // of each target; none: 0
  // Of some seven digits: one more correction comes before all others, by residuals in doubles. It
  // is not judged, since these have no digits where the fit is exact. X is finite.
  bool rough = false;
};

// Minimises sum weight (y - b - x w)^2 + sum penalty w^2 for each target y, b being what makes the
// weighted mean of the residuals 0 where the columns are centred. `rate` is the share of an error
// that a correction is expected to leave. One pass over the rows for each step
// (kernel_residuals.h): O(n d) each, nothing of length n is kept. wanted: the error that each
// coefficient and intercept may keep, beside it.
Refined refine(const ScaledColumns& x, const ScaledColumns& y, const RowWeights& weights,
               std::span<const double> penalty, const Correction& correct, double rate,
               const RefinementStart& start = {}, double wanted = last_digit);

// The z that solves (X'X + diag(penalty)) z = side for each `side`, X'X of the scaled, centred and
// weighted columns, to the last digit: by the same passes, with nothing to fit.
std::vector<DoubleDoubles> solve_refined(const ScaledColumns& x, const RowWeights& weights,
                                         std::span<const double> penalty, const Correction& correct,
                                         double rate, const std::vector<DoubleDoubles>& sides);

// sum share_i (x_i - mean) over the rows of the scaled columns, to the last digit: one such pass.
DoubleDoubles combine_rows(const ScaledColumns& x, std::span<const double> shares);

// centre - mean(x) w, in the scaled columns.
DoubleDouble intercept_of(const ScaledColumns& x, DoubleDouble centre, const DoubleDoubles& coef);

}  // namespace lathe
