// The inverse factor W of scaled, centred, weighted columns Z, so that Z W is orthonormal, from
// Cholesky's: rows times W are formed block by block in cache, and the factor of their Gram matrix
// repairs it (CholeskyQR2 and 3: Yamamoto, Nakatsukasa, Yanagisawa and Fukaya 2015; Fukaya and
// others 2020). Good to condition rounding errors up to a condition of about 1e13. No copy of X.
#pragma once

#include <span>

#include "lathe/ml/linear/factor.h"

namespace lathe {

// `inverse` is that of gram_factor, or empty where that failed; then the columns themselves are the
// start. Empty where the passes do not come to an orthonormal basis. O(n d^2) time for each of one
// to five passes, O(d^2) memory.
Matrix repaired_inverse(const ScaledColumns& columns, const RowWeights& weights,
                        std::span<const double> penalty, Matrix inverse);

}  // namespace lathe
