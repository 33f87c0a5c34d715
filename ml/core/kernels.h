// The arithmetic of predict and transform. Each row is computed in one order of 8 lanes, at every
// instruction level and in any batch, without fused multiply-add: the same bits everywhere.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe::kernels {

double dot(const double* a, const double* b, Index n);
double squared_distance(const double* a, const double* b, Index n);
double sum(const double* a, Index n);

// out = X coef' + intercept. X: n x d, coef: t x d, intercept: t, out: n x t.
void affine(const MatrixView& X, const Matrix& coef, const Vector& intercept, MatrixRef out);

// out(i, j) = (X(i, j) - shift(j)) / scale(j); NaN stays NaN.
void standardise(const MatrixView& X, const Vector& shift, const Vector& scale, MatrixRef out);

// out(i, j) = squared Euclidean distance of row i of X to row j of centres.
void squared_distances(const MatrixView& X, const Matrix& centres, MatrixRef out);

// In place, row by row: exp(x - max) / sum (the multinomial logistic function).
void softmax(MatrixRef scores);

// 1 / (1 + exp(-x)), without overflow.
double logistic(double x);

}  // namespace lathe::kernels
