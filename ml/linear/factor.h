// Triangular factors of scaled, centred, weighted columns Z: R'R = Z'Z + diag(penalty).
#pragma once

#include <span>
#include <vector>

#include "lathe/ml/linear/scaled_columns.h"

namespace lathe {

using Factor = Matrix;  // upper triangular

// sqrt(weight) * (value - mean) of rows [begin, end) with weight, each a row of `out`.
void weighted_rows(const ScaledColumns& columns, const RowWeights& weights, Index begin, Index end,
                   Eigen::Ref<Eigen::MatrixXd> out);

// The Gram matrix of the columns, and the penalty on its diagonal: upper triangle.
Matrix scaled_gram(const ScaledColumns& columns, const Gram& gram, const RowWeights& weights,
                   std::span<const double> penalty);

// By Cholesky of the Gram matrix of the columns: fast, and good to condition^2 rounding errors.
// Empty where it is not positive definite to working precision. O(d^3) time, O(d^2) memory.
Factor gram_factor(const ScaledColumns& columns, const Gram& gram, const RowWeights& weights,
                   std::span<const double> penalty);

// What brings the Gram matrix's column j of X to the scale of `columns`.
double scale_beside(const Gram& gram, const ScaledColumns& columns, Index j,
                    const RowWeights& weights);

// By Householder QR of blocks of rows, each stacked under the factor so far (Golub and Van Loan
// 2013, 5.2 and 12.5 for the stacking): good to condition rounding errors. O(n d^2), O(d^2).
Factor qr_factor(const ScaledColumns& columns, const RowWeights& weights,
                 std::span<const double> penalty);

// At least the 2-norm condition number, at most d times it: of a factor and its inverse.
double condition_of(const Factor& R, const Matrix& inverse);
double condition_of(const Factor& R);

// Nearly always within a factor of two of that, without the inverse: its length from those of its
// products with a few random vectors (Kenney and Laub 1994). O(d^2) time.
double estimated_condition(const Factor& R);

// The Frobenius norm of the inverse of R'R in the same way.
double estimated_inverse_norm(const Factor& R);

// The length that rounding of the raw values, and of a factor of d columns, gives to a column of
// this length, that of its penalty and that of its mean.
double rounding_noise(Index d, double length, double penalty, double offset);

// Whether each column keeps more of its own, beside the others, than its noise could give it: told
// by the inverse of the factor.
bool columns_stand_alone(const Matrix& inverse, std::span<const double> noise);

// Columns of R, the best first, that are not combinations of those before them to within the
// rounding of the data (noise: the length that rounding gives to each column).
std::vector<Index> independent_columns(const Factor& R, std::span<const double> noise);

// The factor of some of the columns, in that order.
Factor select_columns(const Factor& R, std::span<const Index> columns);

// Solves R'R x = g.
Eigen::VectorXd solve_normal(const Factor& R, const Eigen::VectorXd& g);

}  // namespace lathe
