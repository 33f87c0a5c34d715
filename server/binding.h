// From the tensors of a request to the rows of a model.
#pragma once

#include <string>
#include <vector>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/served_model.h"

namespace lathe::server {

// Views of the request's bytes where they can be used as they are, else a matrix of its own.
struct Rows {
  struct Unknown {  // a text that training did not see: the first one of its column
    Index row = 0;
    Index column = 0;
    std::string text;
  };

  const double* data = nullptr;  // row-major
  Index rows = 0;
  Index cols = 0;
  Matrix owned;
  std::vector<Unknown> unknown;
  std::string ignored;  // inputs that are not columns of the model

  Eigen::Map<const Matrix> view() const { return {data, rows, cols}; }
};

// The inputs are one 2-D tensor with the columns in the contract's order, where those are all
// numeric or all categorical, or one tensor per column ([n] or [n, 1]) by name, in any order.
// Categorical cells are BYTES; NaN is a missing cell, and so is empty text that is no level. At
// most `max_cells` cells.
//
// Throws InvalidArgument, naming the input or column: R004 no inputs, R005 ... R010 from Tensor,
// R011 width or missing columns, R012 a column of another kind, R013 lengths differ or a column is
// there twice; and Overloaded (R017) past max_cells.
Rows bind(const inference::ModelInferRequest& request, const ServedModel& served, Index max_cells);

}  // namespace lathe::server
