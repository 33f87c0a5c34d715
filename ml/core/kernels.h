// The arithmetic of predict and transform. Each row is computed in one order of 8 lanes, at every
// instruction level and in any batch, without fused multiply-add: the same bits everywhere.
#pragma once

#include <string_view>

#include "lathe/ml/core/types.h"

namespace lathe::kernels {

// The instruction level in use: "baseline", "x86-64-v3", "x86-64-v4". The best that the processor
// has, unless the environment variable LATHE_KERNELS names another.
std::string_view level();

double dot(const double* a, const double* b, Index n);
double squared_distance(const double* a, const double* b, Index n);
double sum(const double* a, Index n);
bool all_finite(const double* a, Index n);  // neither NaN nor infinity

// out = X coef' + intercept. X: n x d, coef: t x d, intercept: t, out: n x t.
void affine(const MatrixView& X, const Matrix& coef, const Vector& intercept, MatrixRef out);

// out(i, j) = (X(i, j) - shift(j)) / scale(j); NaN stays NaN.
void standardise(const MatrixView& X, const Vector& shift, const Vector& scale, MatrixRef out);

// out(i, j) = squared Euclidean distance of row i of X to row j of centres.
void squared_distances(const MatrixView& X, const Matrix& centres, MatrixRef out);

// In place, row by row: exp(x - max) / sum (the multinomial logistic function).
void softmax(MatrixRef scores);

// In place: exp(x), within 1 ulp; the same bits on every machine, which the system's exp has not.
void exp(double* x, Index n);

// 1 / (1 + exp(-x)), without overflow; the first in place.
void logistic(double* x, Index n);
double logistic(double x);

}  // namespace lathe::kernels
