#include "lathe/datasets/generators.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/random.h"

namespace lathe {
namespace {

std::uint64_t seed_of(std::int64_t random_state) {
  return static_cast<std::uint64_t>(random_state);
}

// Groups 0 .. n_groups - 1 in turn, then shuffled.
std::vector<std::int64_t> shuffled_groups(Index n, std::int64_t n_groups, Random random) {
  std::vector<std::int64_t> groups(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i] = static_cast<std::int64_t>(i) % n_groups;
  }
  random.shuffle(std::span<std::int64_t>(groups));
  return groups;
}

Matrix normal_matrix(Index rows, Index cols, Random random) {
  Matrix X(rows, cols);
  for (Index i = 0; i < X.size(); ++i) X.data()[i] = random.normal();
  return X;
}

void check_sizes(const ClassificationOptions& options) {
  if (options.n_informative + options.n_redundant > options.n_features) {
    throw InvalidArgument("O001", "make_classification: n_informative + n_redundant = " +
                                      std::to_string(options.n_informative + options.n_redundant) +
                                      " is out of range: it must be <= n_features = " +
                                      std::to_string(options.n_features));
  }
  const bool cube_is_small = options.n_informative < 62;
  if (cube_is_small && options.n_classes > (std::int64_t{1} << options.n_informative)) {
    throw InvalidArgument("O001",
                          "make_classification: n_classes = " + std::to_string(options.n_classes) +
                              " is out of range: it must be <= 2^n_informative = " +
                              std::to_string(std::int64_t{1} << options.n_informative));
  }
}

}  // namespace

Blobs make_blobs(const BlobsOptions& options) {
  check_options(options);
  const std::uint64_t seed = seed_of(options.random_state);

  Matrix centers(options.centers, options.n_features);
  Random place(seed, "make_blobs.centers");
  for (Index i = 0; i < centers.size(); ++i) {
    centers.data()[i] = options.center_box * (2.0 * place.uniform() - 1.0);
  }

  const auto groups =
      shuffled_groups(options.n_samples, options.centers, Random(seed, "make_blobs.y"));
  Matrix X = normal_matrix(options.n_samples, options.n_features, Random(seed, "make_blobs.X"));
  for (Index i = 0; i < X.rows(); ++i) {
    const Index group = groups[static_cast<std::size_t>(i)];
    for (Index j = 0; j < X.cols(); ++j) {
      X(i, j) = centers(group, j) + options.cluster_std * X(i, j);
    }
  }
  return {std::move(X), Labels(groups), std::move(centers)};
}

RegressionData make_regression(const RegressionOptions& options) {
  check_options(options);
  const std::uint64_t seed = seed_of(options.random_state);
  const Index informative = std::min(options.n_informative, options.n_features);

  Matrix X =
      normal_matrix(options.n_samples, options.n_features, Random(seed, "make_regression.X"));
  Matrix coef = Matrix::Zero(options.n_features, options.n_targets);
  Random weight(seed, "make_regression.coef");
  for (Index j = 0; j < informative; ++j) {
    for (Index t = 0; t < coef.cols(); ++t) coef(j, t) = 100.0 * weight.uniform();
  }

  Matrix y(options.n_samples, options.n_targets);
  Random noise(seed, "make_regression.noise");
  for (Index i = 0; i < y.rows(); ++i) {
    for (Index t = 0; t < y.cols(); ++t) {
      double sum = options.bias;
      for (Index j = 0; j < informative; ++j) sum += X(i, j) * coef(j, t);
      y(i, t) = sum + options.noise * noise.normal();
    }
  }
  return {std::move(X), std::move(y), std::move(coef)};
}

ClassificationData make_classification(const ClassificationOptions& options) {
  check_options(options);
  check_sizes(options);
  const std::uint64_t seed = seed_of(options.random_state);
  const Index informative = options.n_informative;
  const Index redundant = options.n_redundant;

  auto classes =
      shuffled_groups(options.n_samples, options.n_classes, Random(seed, "make_classification.y"));
  Matrix mixture(informative, redundant);
  Random weight(seed, "make_classification.mixture");
  for (Index i = 0; i < mixture.size(); ++i) mixture.data()[i] = 2.0 * weight.uniform() - 1.0;

  Matrix X =
      normal_matrix(options.n_samples, options.n_features, Random(seed, "make_classification.X"));
  Random flip(seed, "make_classification.flip");
  for (Index i = 0; i < X.rows(); ++i) {
    std::int64_t& label = classes[static_cast<std::size_t>(i)];
    for (Index j = 0; j < informative; ++j) {
      const bool upper = j < 62 && ((label >> j) & 1) != 0;
      X(i, j) += upper ? options.class_sep : -options.class_sep;
    }
    for (Index r = 0; r < redundant; ++r) {
      double sum = 0.0;
      for (Index j = 0; j < informative; ++j) sum += X(i, j) * mixture(j, r);
      X(i, informative + r) = sum;
    }
    const bool flipped = flip.uniform() < options.flip_y;
    const std::uint64_t other = flip.below(static_cast<std::uint64_t>(options.n_classes));
    if (flipped) label = static_cast<std::int64_t>(other);
  }
  return {std::move(X), Labels(classes)};
}

}  // namespace lathe
