// A few rows through steps that all have unchecked rows: no scratch, no views, and one look at the
// results instead of a check at each step.
#pragma once

#include <vector>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/unchecked_rows.h"

namespace lathe {

class QuickSteps {
 public:
  // The steps must outlive it. Any of them may be without unchecked rows; then run does nothing.
  explicit QuickSteps(const std::vector<ModelPtr>& steps);

  // X and out have the shapes of the first and the last step. False, with `out` as it was, where
  // the steps or the number of rows are not for this, or a result is not finite: the checks of the
  // steps, one by one, will find what to say.
  bool run(const MatrixView& X, MatrixRef& out) const;

 private:
  static constexpr Index most_numbers = 512;  // in a buffer on the stack

  struct Step {
    const UncheckedRows* rows;
    Index n_outputs;
  };

  std::vector<Step> steps_;  // all or none
  Index most_rows_ = 0;
};

}  // namespace lathe
