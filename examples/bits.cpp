// Prints the bits of fitted coefficients and predictions, so that programs built with other
// compiler flags can be compared: they must be the same.
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "lathe/datasets/generators.h"
#include "lathe/ml/cluster/kmeans.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/decomposition/pca.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/ml/linear/ridge.h"
#include "lathe/preprocessing/standard_scaler.h"

namespace {

void print(const char* what, const lathe::Matrix& numbers) {
  std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a over the bytes
  for (lathe::Index i = 0; i < numbers.size(); ++i) {
    unsigned char bytes[sizeof(double)];
    std::memcpy(bytes, numbers.data() + i, sizeof bytes);
    for (const unsigned char byte : bytes) hash = (hash ^ byte) * 1099511628211ULL;
  }
  std::printf("%-28s %ld x %ld %016" PRIx64 "\n", what, static_cast<long>(numbers.rows()),
              static_cast<long>(numbers.cols()), hash);
}

}  // namespace

int main() {
  // Matrices are made here and freed in the library, and the other way round.
  const auto data = lathe::make_regression({.n_samples = 1003, .n_features = 13, .noise = 0.5});
  const lathe::RidgeModel ridge = lathe::Ridge{.alpha = 0.1}.fit(data.X, data.y);
  print("ridge coef", ridge.coef());
  print("ridge predict", ridge.predict(data.X));
  print("ridge predict, one row", ridge.predict(data.X.row(7)));

  const auto ols = lathe::LinearRegression{}.fit(data.X, data.y);
  print("linear_regression predict", ols.predict(data.X));

  const auto pipeline = lathe::StandardScaler{} | lathe::Pca{.n_components = 3} | lathe::Ridge{};
  const lathe::ModelPtr model = pipeline.fit(data.X, data.y);
  print("pipeline predict", lathe::predict_matrix(*model, data.X));

  const auto clusters = lathe::KMeans{.n_clusters = 4}.fit(data.X);
  print("kmeans centres", clusters.cluster_centers());
  print("kmeans predict", lathe::predict_matrix(clusters, data.X));
  return 0;
}
