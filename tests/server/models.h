// Small fitted pipelines to serve, and requests to them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/fitted_pipeline.h"
#include "lathe/proto/inference.pb.h"

namespace lathe::server {

// y = 1 x0 + 2 x1 + ... + offset, by linear_regression.
FittedPipeline linear_model(Index features, double offset = 0.5);

// Three species by island (text), mass and length; both kinds of cells may be missing, unknown
// islands are ignored.
FittedPipeline species_model();
// The same, but it takes neither missing cells nor unknown islands.
FittedPipeline strict_species_model();
FittedPipeline digit_model();    // classes 3, 7 and 8 by x0 and x1
FittedPipeline verbose_model();  // the same with labels of 100 letters
FittedPipeline cluster_model();  // kmeans, 2 clusters of x0 and x1
FittedPipeline scaler_model();   // standard_scaler of x0 and x1

// pca of 300 columns, then kmeans, 2 clusters: rows that take long, to a short answer.
FittedPipeline heavy_model();

// one_hot_encoder of the number x0, which is 0 or 1 and so never its mean, and of the text x1, ""
// or "b". It refuses all others.
FittedPipeline level_model();

// Uniform in [-1, 1), the same for the same seed.
Matrix random_matrix(Index rows, Index cols, std::uint64_t seed);

using Request = inference::ModelInferRequest;

// One FP64 tensor `x`.
Request matrix_request(const std::string& model, const Matrix& X, bool raw);

// Adds a typed input [n], or with a raw one when the request has raw contents.
void add_numbers(Request& request, const std::string& name, const std::vector<double>& values,
                 bool raw = false);
void add_texts(Request& request, const std::string& name, const std::vector<std::string>& values,
               bool raw = false);
// As BYTES travel: length in 4 bytes, little-endian, then the text.
std::string raw_texts(const std::vector<std::string>& values);

// Numbers of output `index`, FP64, raw or typed.
std::vector<double> numbers(const inference::ModelInferResponse& response, int index = 0);

}  // namespace lathe::server
