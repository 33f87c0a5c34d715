#include "lathe/ml/core/model.h"

#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
Model::~Model() = default;
Regressor::~Regressor() = default;
Classifier::~Classifier() = default;
Clusterer::~Clusterer() = default;
Transformer::~Transformer() = default;

std::string_view to_text(Role role) {
  switch (role) {
    case Role::regressor:
      return "regressor";
    case Role::classifier:
      return "classifier";
    case Role::clusterer:
      return "clusterer";
    case Role::transformer:
      return "transformer";
    case Role::outlier_detector:
      return "outlier_detector";
  }
  return "unknown";
}

Matrix predict_matrix(const Model& model, const MatrixView& X) {
  Matrix out = large_matrix(X.rows(), model.n_outputs());
  if (X.rows() == 0) {
    model.predict_into(X, out);  // still checks the width
    return out;
  }
  const Index size = row_block(X.cols() + model.n_outputs());
  parallel_blocks(X.rows(), size, [&](Index, Index begin, Index end) {
    const RowOrigin origin(begin);
    const Index numbers = (end - begin) * out.cols();
    const PastCache past(out.data() + begin * out.cols(), numbers, out.size());
    model.predict_into(X.middleRows(begin, end - begin), out.middleRows(begin, end - begin));
  });
  return out;
}

Matrix Regressor::predict(const MatrixView& X) const { return predict_matrix(*this, X); }

Matrix Transformer::transform(const MatrixView& X) const { return predict_matrix(*this, X); }

void Classifier::predict_into(const MatrixView& X, MatrixRef out) const {
  check_out(name(), X, out, 1);
  const Index n_classes = classes().size();
  const Index size = row_block(n_classes);
  for (Index begin = 0; begin == 0 || begin < X.rows(); begin += size) {
    const Index rows = std::min(size, X.rows() - begin);
    Scratch scratch(rows, n_classes);
    auto proba = scratch.matrix();
    const RowOrigin origin(begin);
    predict_proba_into(X.middleRows(begin, rows), proba);
    for (Index i = 0; i < rows; ++i) {
      Index best = 0;
      for (Index k = 1; k < n_classes; ++k) {
        if (proba(i, k) > proba(i, best)) best = k;
      }
      out(begin + i, 0) = static_cast<double>(best);
    }
  }
}

Labels Classifier::predict(const MatrixView& X) const {
  const Matrix codes = predict_matrix(*this, X);
  std::vector<std::int32_t> whole(static_cast<std::size_t>(codes.rows()));
  for (Index i = 0; i < codes.rows(); ++i) {
    whole[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(codes(i, 0));
  }
  return {std::move(whole), classes()};
}

Matrix Classifier::predict_proba(const MatrixView& X) const {
  Matrix out = large_matrix(X.rows(), classes().size());
  if (X.rows() == 0) {
    predict_proba_into(X, out);
    return out;
  }
  parallel_blocks(X.rows(), row_block(X.cols() + out.cols()), [&](Index, Index begin, Index end) {
    const RowOrigin origin(begin);
    predict_proba_into(X.middleRows(begin, end - begin), out.middleRows(begin, end - begin));
  });
  return out;
}

std::vector<std::int64_t> Clusterer::predict(const MatrixView& X) const {
  const Matrix numbers = predict_matrix(*this, X);
  std::vector<std::int64_t> clusters(static_cast<std::size_t>(numbers.rows()));
  for (Index i = 0; i < numbers.rows(); ++i) {
    clusters[static_cast<std::size_t>(i)] = static_cast<std::int64_t>(numbers(i, 0));
  }
  return clusters;
}

}  // namespace lathe
