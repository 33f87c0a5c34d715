// Orthonormal bases of tall matrices. Internal to decompositions.
#pragma once

#include "lathe/ml/core/types.h"

namespace lathe {

// Makes the columns of Q (n x b, n >= b) orthonormal, keeping the space that the first j of them
// span for each j: CholeskyQR twice, through tile products (Yamamoto, Nakatsukasa, Yanagisawa and
// Fukaya 2015), or Householder QR where the columns are too dependent for that. Columns of zeros or
// dependent ones are filled up with other directions. O(n b^2) time, O(n b) memory.
void orthonormalise(Matrix& Q);

}  // namespace lathe
