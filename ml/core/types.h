// The numbers everything is made of: rows are samples, columns are features, row-major, double.
#pragma once

#include <cstddef>
#include <cstdint>

#include <Eigen/Core>

namespace lathe {

// Objects cross the library boundary, so both sides must allocate and free them alike whatever
// -m flags each was built with; lathe::core sets this for whoever links it.
static_assert(EIGEN_MAX_ALIGN_BYTES == 64, "link lathe::core, which defines EIGEN_MAX_ALIGN_BYTES");

using Index = Eigen::Index;
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;
using RowVector = Eigen::RowVectorXd;

// What functions take. Row-major blocks are viewed in place; anything else (column-major, a
// transposed or strided expression) is copied once.
using MatrixView = Eigen::Ref<const Matrix>;
using MatrixRef = Eigen::Ref<Matrix>;

}  // namespace lathe
