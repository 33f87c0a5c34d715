// Checks at the door, in one line, naming the estimator, the argument, the rule and the value.
#pragma once

#include <span>
#include <string_view>

#include "lathe/ml/core/estimator.h"

namespace lathe {

// X has rows and columns, no infinity, no NaN unless `tags.missing`, no categorical columns unless
// `tags.categorical`, finite weights >= 0 with a positive sum (and none at all unless
// `tags.weights`).
void check_fit_data(std::string_view name, const Tags& tags, const MatrixView& X,
                    const Context& context);
// The two halves of it. A fit whose sums are not finite where a cell is not may look at the cells,
// which is a pass over X, only then.
void check_fit_shape(std::string_view name, const Tags& tags, const MatrixView& X,
                     const Context& context);
void check_fit_cells(std::string_view name, const Tags& tags, const MatrixView& X,
                     const Context& context);
// y: as many rows as X, at least one column, finite; several columns only with `tags.multi_target`.
void check_fit_target(std::string_view name, const Tags& tags, const MatrixView& X,
                      const MatrixView& y);
// y: as many labels as rows of X, at least two different ones.
void check_fit_labels(std::string_view name, const MatrixView& X, const Labels& y);
// Squared distances from the mean must neither overflow nor vanish, since sums of zeros would pass
// for a perfect fit: the widest column's range is 0 or in [1e-140, 1e140].
void check_squarable(std::string_view name, const MatrixView& X);
void check_squarable(std::string_view name, double widest);  // where the range is known

namespace detail {
template <class E>
constexpr Tags tags_of() {
  if constexpr (requires { E::tags; })
    return E::tags;
  else
    return {};
}
}  // namespace detail

template <class E>
void check_fit(const E& estimator, const MatrixView& X, const Context& context) {
  check_options(estimator);
  check_fit_data(E::name, detail::tags_of<E>(), X, context);
}
template <class E>
void check_fit(const E& estimator, const MatrixView& X, const MatrixView& y,
               const Context& context) {
  check_fit(estimator, X, context);
  check_fit_target(E::name, detail::tags_of<E>(), X, y);
}
template <class E>
void check_fit(const E& estimator, const MatrixView& X, const Labels& y, const Context& context) {
  check_fit(estimator, X, context);
  check_fit_labels(E::name, X, y);
}

// At predict: the width, and the shape of `out`. Hints at .transpose() for a Vector that holds one
// row.
void check_rows(std::string_view name, const MatrixView& X, Index n_features_in);
void check_out(std::string_view name, const MatrixView& X, const MatrixRef& out, Index n_outputs);
// As check_rows, and refuses NaN and infinity by row and column.
void check_finite_rows(std::string_view name, const MatrixView& X, Index n_features_in);

// The width and infinity; NaN passes.
void check_no_infinity(std::string_view name, const MatrixView& X, Index n_features_in);

// Where a matrix is worked on in blocks of rows: while it lives, this thread's messages count rows
// from the first row of all. May be nested.
class RowOrigin {
 public:
  explicit RowOrigin(Index first_row);
  ~RowOrigin();
  RowOrigin(const RowOrigin&) = delete;
  RowOrigin& operator=(const RowOrigin&) = delete;

 private:
  Index before_;
};

// What a message calls row i of a matrix: its number, from 0, in the matrix that the caller gave.
std::string row_name(Index i);

// The name of column j for a message: the schema's, or "column j".
std::string column_name(const Schema* columns, Index j);

}  // namespace lathe
