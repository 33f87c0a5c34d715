#include "lathe/server/reply.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/server/text.h"

namespace lathe::server {

using inference::ModelInferRequest;
using inference::ModelInferResponse;
using OutputTensor = ModelInferResponse::InferOutputTensor;

namespace {

OutputTensor& add_output(const Output& output, const char* datatype, Index rows,
                         ModelInferResponse& response) {
  OutputTensor& tensor = *response.add_outputs();
  tensor.set_name(std::string(output.name));
  tensor.set_datatype(datatype);
  tensor.add_shape(rows);
  tensor.add_shape(output.columns);
  return tensor;
}

[[noreturn]] void refuse_size(const Output& output, Index rows, Index max_cells) {
  throw Overloaded("R017",
                   "output " + std::string(output.name) + " of " + std::to_string(rows) +
                       " rows x " + std::to_string(output.columns) +
                       " columns is larger than the limit of " + std::to_string(max_cells) +
                       " cells a reply",
                   "send fewer rows at a time, or raise --max-cells");
}

// Room for `size` values of T in the reply's raw bytes. A string's bytes are aligned for any
// number, on the heap and within the string itself.
template <class T>
T* raw_values(Index size, ModelInferResponse& response) {
  std::string& bytes = *response.add_raw_output_contents();
  bytes.resize(static_cast<std::size_t>(size) * sizeof(T));
  return reinterpret_cast<T*>(bytes.data());
}

template <class T, class Field>
T* typed_values(Index size, Field& field) {
  field.Resize(static_cast<int>(size), T{});
  return field.mutable_data();
}

// predict(X, out) over row blocks, so that what a model needs besides stays small.
template <class Predict>
void run(const MatrixView& X, MatrixRef out, const Predict& predict) {
  if (X.rows() == 0) return predict(X, out);  // still checks
  parallel_blocks(X.rows(), row_block(X.cols() + out.cols()), [&](Index, Index begin, Index end) {
    const RowOrigin origin(begin);
    predict(X.middleRows(begin, end - begin), out.middleRows(begin, end - begin));
  });
}

void predict(const Model& model, const MatrixView& X, MatrixRef out) {
  run(X, out, [&](const MatrixView& rows, MatrixRef part) { model.predict_into(rows, part); });
}

void predict_proba(const Classifier& model, const MatrixView& X, MatrixRef out) {
  run(X, out,
      [&](const MatrixView& rows, MatrixRef part) { model.predict_proba_into(rows, part); });
}

void write_numbers(const ServedModel& served, const MatrixView& X, const Output& output, bool raw,
                   ModelInferResponse& response) {
  OutputTensor& tensor = add_output(output, "FP64", X.rows(), response);
  const Index size = X.rows() * output.columns;
  double* values =
      raw ? raw_values<double>(size, response)
          : typed_values<double>(size, *tensor.mutable_contents()->mutable_fp64_contents());
  Eigen::Map<Matrix> out(values, X.rows(), output.columns);
  if (output.kind == Output::Kind::probabilities) {
    predict_proba(dynamic_cast<const Classifier&>(served.model()), X, out);
  } else {
    predict(served.model(), X, out);
  }
}

// Clusters, or class labels that are integers: values(code) is what a predicted number stands for.
template <class Values>
void write_integers(const Matrix& codes, const Output& output, bool raw, const Values& values,
                    ModelInferResponse& response) {
  OutputTensor& tensor = add_output(output, "INT64", codes.rows(), response);
  std::int64_t* out = raw ? raw_values<std::int64_t>(codes.rows(), response)
                          : typed_values<std::int64_t>(
                                codes.rows(), *tensor.mutable_contents()->mutable_int64_contents());
  for (Index i = 0; i < codes.rows(); ++i) out[i] = values(codes(i, 0));
}

void write_texts(const Matrix& codes, const Output& output, bool raw,
                 std::span<const std::string> texts, Index max_cells,
                 ModelInferResponse& response) {
  const auto text = [&](Index i) -> const std::string& {
    return texts[static_cast<std::size_t>(codes(i, 0))];
  };
  std::size_t bytes = 0;
  for (Index i = 0; i < codes.rows(); ++i) bytes += sizeof(std::uint32_t) + text(i).size();
  if (bytes / sizeof(double) > static_cast<std::size_t>(max_cells)) {
    refuse_size(output, codes.rows(), max_cells);
  }
  OutputTensor& tensor = add_output(output, "BYTES", codes.rows(), response);
  if (!raw) {
    auto& field = *tensor.mutable_contents()->mutable_bytes_contents();
    for (Index i = 0; i < codes.rows(); ++i) field.Add(std::string(text(i)));
    return;
  }
  std::string& field = *response.add_raw_output_contents();
  field.reserve(bytes);
  for (Index i = 0; i < codes.rows(); ++i) {
    const auto length = static_cast<std::uint32_t>(text(i).size());
    field.append(reinterpret_cast<const char*>(&length), sizeof length);
    field.append(text(i));
  }
}

void write_codes(const ServedModel& served, const MatrixView& X, const Output& output, bool raw,
                 Index max_cells, ModelInferResponse& response) {
  Matrix codes(X.rows(), 1);
  predict(served.model(), X, codes);
  if (output.kind == Output::Kind::integers) {
    const auto number = [](double value) { return static_cast<std::int64_t>(value); };
    return write_integers(codes, output, raw, number, response);
  }
  const Classes& classes = dynamic_cast<const Classifier&>(served.model()).classes();
  if (classes.is_text()) {
    return write_texts(codes, output, raw, classes.texts(), max_cells, response);
  }
  const auto label = [labels = classes.integers()](double code) {
    return labels[static_cast<std::size_t>(code)];
  };
  write_integers(codes, output, raw, label, response);
}

}  // namespace

std::span<const Output* const> requested_outputs(const ModelInferRequest& request,
                                                 const ServedModel& served,
                                                 std::vector<const Output*>& room) {
  if (request.outputs_size() == 0) return served.every_output();
  room.clear();
  for (const auto& wanted : request.outputs()) {
    const auto output = std::ranges::find(served.outputs(), wanted.name(), &Output::name);
    if (output == served.outputs().end()) {
      throw InvalidArgument(
          "R016",
          "model " + in_quotes(served.name()) + " has no output " + in_quotes(wanted.name()),
          "it has " + listed(served.outputs(), 8, &Output::name));
    }
    if (std::ranges::find(room, &*output) != room.end()) {
      throw InvalidArgument("R016", "output " + in_quotes(wanted.name()) + " is asked for twice");
    }
    room.push_back(&*output);
  }
  return room;
}

void write_outputs(const ServedModel& served, const MatrixView& X,
                   std::span<const Output* const> outputs, bool raw, Index max_cells,
                   ModelInferResponse& response) {
  for (const Output* output : outputs) {
    if (output->columns != 0 && X.rows() > max_cells / output->columns) {
      refuse_size(*output, X.rows(), max_cells);
    }
    const bool numbers =
        output->kind == Output::Kind::numbers || output->kind == Output::Kind::probabilities;
    if (numbers) {
      write_numbers(served, X, *output, raw, response);
    } else {
      write_codes(served, X, *output, raw, max_cells, response);
    }
  }
}

}  // namespace lathe::server
