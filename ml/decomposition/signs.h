// Which way the components point. Internal to decompositions.
#pragma once

#include "lathe/ml/core/types.h"
#include "lathe/ml/decomposition/spectrum.h"

namespace lathe {

// Turns row c of `vectors` so that the score of largest size along it, over the rows of X, is
// positive (the first row that has it); where nothing varies along it (c >= rank), its first entry
// of largest size. O(n d) time for each, in blocks of rows; O(p^2 + d) memory.
void set_signs(const MatrixView& X, const Spectrum& spectrum, Index rank, Matrix& vectors);

}  // namespace lathe
