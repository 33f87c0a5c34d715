// Small data sets with a known truth, for tests and examples. The same options give the same data;
// the numbers are not scikit-learn's, which come from another generator.
//
//   const Blobs blobs = make_blobs({.n_samples = 300, .centers = 4});
//   KMeans{.n_clusters = 4}.fit(blobs.X);
#pragma once

#include <cstdint>
#include <string_view>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/options.h"
#include "lathe/ml/core/types.h"

namespace lathe {

// Options out of range are an InvalidArgument, O001, as for estimators. Each takes time linear in
// the numbers it makes (make_regression and make_classification: times the informative columns).

struct BlobsOptions {
  static constexpr std::string_view name = "make_blobs";

  std::int64_t n_samples = 100;
  std::int64_t n_features = 2;
  std::int64_t centers = 3;
  double cluster_std = 1.0;
  double center_box = 10.0;
  std::int64_t random_state = 0;

  static void describe(auto& self, auto&& field) {
    field("n_samples", self.n_samples, at_least(0), "rows");
    field("n_features", self.n_features, at_least(1), "columns");
    field("centers", self.centers, at_least(1), "clusters, of sizes that differ by one at most");
    field("cluster_std", self.cluster_std, at_least(0.0), "standard deviation about the centre");
    field("center_box", self.center_box, at_least(0.0), "centres lie in [-center_box, center_box)");
    field("random_state", self.random_state, at_least(0), "seed");
  }
};

struct Blobs {
  Matrix X;        // n_samples x n_features, rows in random order
  Labels y;        // the row of `centers` that each came from
  Matrix centers;  // centers x n_features
};

// Round normal clusters about uniformly drawn centres.
Blobs make_blobs(const BlobsOptions& options = {});

struct RegressionOptions {
  static constexpr std::string_view name = "make_regression";

  std::int64_t n_samples = 100;
  std::int64_t n_features = 10;
  std::int64_t n_informative = 5;
  std::int64_t n_targets = 1;
  double bias = 0.0;
  double noise = 0.0;
  std::int64_t random_state = 0;

  static void describe(auto& self, auto&& field) {
    field("n_samples", self.n_samples, at_least(0), "rows");
    field("n_features", self.n_features, at_least(1), "columns");
    field("n_informative", self.n_informative, at_least(0),
          "columns that matter, the first ones; all, where there are fewer");
    field("n_targets", self.n_targets, at_least(1), "columns of y");
    field("bias", self.bias, any_value, "the constant");
    field("noise", self.noise, at_least(0.0), "standard deviation of what is added to y");
    field("random_state", self.random_state, at_least(0), "seed");
  }
};

struct RegressionData {
  Matrix X;     // n_samples x n_features, standard normal
  Matrix y;     // n_samples x n_targets: X coef + bias + noise
  Matrix coef;  // n_features x n_targets: uniform in [0, 100), 0 where not informative
};

// A linear truth.
RegressionData make_regression(const RegressionOptions& options = {});

struct ClassificationOptions {
  static constexpr std::string_view name = "make_classification";

  std::int64_t n_samples = 100;
  std::int64_t n_features = 20;
  std::int64_t n_informative = 2;
  std::int64_t n_redundant = 2;
  std::int64_t n_classes = 2;
  double class_sep = 1.0;
  double flip_y = 0.01;
  std::int64_t random_state = 0;

  static void describe(auto& self, auto&& field) {
    field("n_samples", self.n_samples, at_least(0), "rows");
    field("n_features", self.n_features, at_least(1), "columns");
    field("n_informative", self.n_informative, at_least(1), "columns that tell the classes");
    field("n_redundant", self.n_redundant, at_least(0), "columns that are mixtures of those");
    field("n_classes", self.n_classes, at_least(1), "classes, 2^n_informative at most");
    field("class_sep", self.class_sep, at_least(0.0), "half the distance of neighbouring classes");
    field("flip_y", self.flip_y, between(0.0, 1.0), "share of the rows that get a random class");
    field("random_state", self.random_state, at_least(0), "seed");
  }
};

struct ClassificationData {
  Matrix X;  // columns: informative, redundant, then pure noise (standard normal)
  Labels y;  // 0 .. n_classes - 1
};

// After Guyon 2003 ("Design of experiments for the NIPS 2003 variable selection benchmark"), with
// one cluster a class: class k is standard normal about corner k of a cube of side 2 class_sep.
// Besides each option alone, throws InvalidArgument O001 where they do not fit each other.
ClassificationData make_classification(const ClassificationOptions& options = {});

}  // namespace lathe
