// The input tensors of a request: checked, and read whatever form they come in.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/types.h"
#include "lathe/proto/inference.pb.h"
#include "lathe/server/datatype.h"

namespace lathe::server {

// One input, pointing into the request. Everything about it is checked by the constructor (its
// datatype, shape, and that the values are all there, once, and in the right place) but the values.
class Tensor {
 public:
  // Throws InvalidArgument (R005 ... R009) naming the input.
  Tensor(const inference::ModelInferRequest& request, int index);

  std::string_view name() const { return input_->name(); }
  std::string label() const;                         // input "x", for messages
  int dims() const { return input_->shape_size(); }  // 1 or 2
  Index rows() const { return rows_; }
  Index cols() const { return cols_; }  // 1 when dims() is 1
  bool is_text() const { return type_ == DataType::BYTES; }
  const std::string& datatype() const { return input_->datatype(); }

  // The numbers where they lie, row-major, if they are doubles and aligned; else null.
  const double* in_place() const;
  // All numbers in order, `stride` apart. Not for text. Throws InvalidArgument (R010) for one that
  // a double cannot hold exactly, or that is out of its datatype's range.
  void copy_to(double* out, Index stride) const;
  // All texts in order. For text only. Throws InvalidArgument (R009) where lengths do not add up.
  std::vector<std::string_view> texts() const;

 private:
  void check_shape();
  void check_raw_size() const;
  void check_typed_size() const;

  const inference::ModelInferRequest::InferInputTensor* input_;
  const std::string* raw_;  // null: typed
  DataType type_ = DataType::FP64;
  std::size_t raw_bytes_ = 0;  // of an element
  Index rows_ = 0;
  Index cols_ = 1;
};

}  // namespace lathe::server
