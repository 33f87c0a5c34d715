#include <algorithm>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "lathe/ml/cluster/kmeans.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

KMeans options_of(Settings& settings, const Matrix& X) {
  settings.only("algorithm", {"lloyd"});
  settings.note("tol_meaning");
  KMeans options;
  options.n_clusters = settings.integer("n_clusters", options.n_clusters);
  options.n_init = settings.integer("n_init", options.n_init);
  options.max_iter = settings.integer("max_iter", options.max_iter);
  options.tol = settings.number("tol", options.tol);
  if (settings.has("random_state")) options.random_state = settings.integer("random_state", 0);
  const Json& init = settings.get("init");
  if (init.is_array()) {
    options.init = matrix_in(init);
  } else if (!init.is_null()) {
    settings.only("init", {"k-means++", "random"});
    options.init = init == "random" ? KMeansInit::random : KMeansInit::kmeans_plus_plus;
  }
  if (settings.has("init_rows")) {
    Matrix centres(static_cast<Index>(settings.get("init_rows").size()), X.cols());
    Index j = 0;
    for (const Json& row : settings.get("init_rows")) {
      const Index i = row.get<Index>();
      if (i < 0 || i >= X.rows()) throw std::runtime_error("init_rows: no row " + row.dump());
      centres.row(j++) = X.row(i);
    }
    options.init = centres;
  }
  return options;
}

// The expected number of each computed cluster, from rows that both have; none unless each computed
// cluster meets one expected cluster, and no two the same.
std::optional<std::vector<std::size_t>> renaming(const std::vector<std::int64_t>& labels,
                                                 const Json& expected, std::size_t k) {
  if (!expected.is_array() || expected.size() != labels.size()) return std::nullopt;
  std::vector<std::size_t> names(k, k);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto from = static_cast<std::size_t>(labels[i]);
    const auto to = expected[i].get<std::size_t>();
    if (to >= k || (names[from] != k && names[from] != to)) return std::nullopt;
    names[from] = to;
  }
  std::vector<std::size_t> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t j = 0; j < k; ++j) {
    if (sorted[j] != j) return std::nullopt;
  }
  return names;
}

}  // namespace

void kmeans(const Case& given, Results& results) {
  const Data data = given.data();
  Settings settings = given.settings();
  const KMeans options = options_of(settings, data.X);
  settings.finish();
  const KMeansModel model = options.fit(data.X);

  const auto k = static_cast<std::size_t>(options.n_clusters);
  std::vector<std::size_t> names(k);
  std::iota(names.begin(), names.end(), std::size_t{0});
  if (!std::holds_alternative<Matrix>(options.init)) {
    names = renaming(model.labels(), given.expected("labels"), k).value_or(names);
  }
  std::vector<std::int64_t> sizes(k, 0);
  for (std::int64_t label : model.labels()) ++sizes[static_cast<std::size_t>(label)];

  const Json centers = to_json(model.cluster_centers());
  const Json counts = to_json(sizes);
  Json named_centers = centers;
  Json named_counts = counts;
  Json named_labels = Json::array();
  for (std::size_t j = 0; j < k; ++j) {
    named_centers[names[j]] = centers[j];
    named_counts[names[j]] = counts[j];
  }
  for (std::int64_t label : model.labels()) {
    named_labels.push_back(names[static_cast<std::size_t>(label)]);
  }
  results.give("centers", centers, named_centers);
  results.give("labels", to_json(model.labels()), named_labels);
  results.give("cluster_sizes", counts, named_counts);
  results.give("inertia", to_json(model.inertia()));
  results.give("n_iter", model.n_iter());
}

// A spread over seeds, judged as the case says: the mean of single starts within 3 %, the best of
// 50 within 0.1 %; less is better.
void quality(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.only("estimator", {"kmeans k-means++"});
  KMeans options{.n_clusters = settings.integer("n_clusters", 8), .n_init = 1};
  settings.finish();
  const Data data = given.data();

  const Json& each = given.expected("inertia_per_seed_n_init_1");
  std::vector<double> inertias;
  for (std::size_t seed = 0; seed < each.size(); ++seed) {
    options.random_state = static_cast<std::int64_t>(seed);
    inertias.push_back(options.fit(data.X).inertia());
  }
  const double mean =
      std::accumulate(inertias.begin(), inertias.end(), 0.0) / static_cast<double>(inertias.size());
  options.n_init = 50;
  const double best = options.fit(data.X).inertia();

  const auto within = [&](const char* key, double value, double factor) {
    const auto expected = number_in(given.expected(key));
    const bool good = expected && value <= *expected * factor;
    results.give(key, to_json(value), good ? given.expected(key) : to_json(value));
  };
  results.give("inertia_per_seed_n_init_1", to_json(inertias), each);
  within("inertia_mean", mean, 1.03);
  within("best_inertia_of_50_starts", best, 1.001);
}

}  // namespace lathe::golden
