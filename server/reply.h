// From a model's answers to the output tensors of a reply.
#pragma once

#include <span>
#include <vector>

#include "lathe/proto/inference.pb.h"
#include "lathe/server/served_model.h"

namespace lathe::server {

// The outputs that a request asks for, in its order, which `room` keeps; all of the model's where
// it names none. Throws InvalidArgument (R016) for one the model does not have, or that is named
// twice.
std::span<const Output* const> requested_outputs(const inference::ModelInferRequest& request,
                                                 const ServedModel& served,
                                                 std::vector<const Output*>& room);

// Runs the model on X for each output, straight into the reply where that is numbers: FP64
// [n, columns]; labels are INT64 or BYTES [n, 1] as they were in training, clusters INT64 [n, 1].
// Throws what the model throws, and Overloaded (R017) for a reply of more than max_cells numbers.
void write_outputs(const ServedModel& served, const MatrixView& X,
                   std::span<const Output* const> outputs, bool raw, Index max_cells,
                   inference::ModelInferResponse& response);

}  // namespace lathe::server
