// The largest eigenvalues by a block Krylov space of a polynomial of the matrix. Internal to
// decompositions.
#pragma once

#include <optional>

#include "lathe/ml/core/types.h"
#include "lathe/ml/decomposition/top_eigen.h"

namespace lathe {

// The k largest eigenvalues of S as top_eigenpairs has them. Nothing where the space would have to
// be large, and where an eigenvalue may have more vectors than a block has columns: what the space
// has then may not be all there are.
std::optional<EigenPairs> filtered_krylov(const Matrix& S, Index k);

}  // namespace lathe
