#include <algorithm>
#include <cmath>

#include "lathe/ml/decomposition/pca.h"

#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

Pca options_of(Settings& settings) {
  settings.only("svd", {"full", "auto"});
  settings.only("variance_ddof", {1});
  Pca options;
  options.whiten = settings.flag("whiten", false);
  if (settings.text("svd", "auto") == "full") options.svd_solver = PcaSolver::full;
  const Json& n = settings.get("n_components");
  if (n.is_number_integer()) {
    options.n_components = n.get<std::int64_t>();
  } else if (n.is_number()) {
    options.n_components = n.get<double>();
  } else if (!n.is_null()) {
    throw NotBuilt{"n_components=" + n.dump()};
  }
  return options;
}

// Whether a direction is determined: its singular value is neither zero nor as good as equal to
// another. Where it is not, any direction is right.
bool determined(const Vector& values, Index k) {
  const double least = 1e-6 * values[0];
  return values[k] > 1e-12 * values[0] && (k == 0 || values[k - 1] - values[k] > least) &&
         (k + 1 == values.size() || values[k] - values[k + 1] > least);
}

// Components are rows and scores are columns, both up to a sign of each component.
void settle(const Vector& singular_values, const Json& expected_components,
            const Json& expected_scores, Json& components, Json& scores) {
  for (std::size_t k = 0; k < components.size() && k < expected_components.size(); ++k) {
    const bool free = !determined(singular_values, static_cast<Index>(k));
    double product = 0.0;
    const std::vector<double> mine = numbers_in(components[k]);
    const std::vector<double> theirs = numbers_in(expected_components[k]);
    for (std::size_t j = 0; j < std::min(mine.size(), theirs.size()); ++j) {
      product += mine[j] * theirs[j];
    }
    const double sign = product < 0.0 ? -1.0 : 1.0;
    if (free) {
      components[k] = expected_components[k];
    } else {
      for (Json& item : components[k]) item = to_json(sign * *number_in(item));
    }
    for (std::size_t i = 0; i < scores.size() && i < expected_scores.size(); ++i) {
      scores[i][k] = free ? expected_scores[i].at(k) : to_json(sign * *number_in(scores[i][k]));
    }
  }
}

}  // namespace

void pca(const Case& given, Results& results) {
  Settings settings = given.settings();
  const Pca options = options_of(settings);
  settings.finish();
  const Data data = given.data();
  const PcaModel model = options.fit(data.X);

  const Json components = to_json(model.components());
  const Json scores = to_json(model.transform(data.X.topRows(std::min<Index>(5, data.X.rows()))));
  Json settled_components = components;
  Json settled_scores = scores;
  settle(model.singular_values(), given.expected("components"), given.expected("transform_first5"),
         settled_components, settled_scores);
  results.give("components", components, settled_components);
  results.give("transform_first5", scores, settled_scores);
  results.give("mean", to_json(model.mean()));
  results.give("explained_variance", to_json(model.explained_variance()));
  results.give("explained_variance_ratio", to_json(model.explained_variance_ratio()));
  results.give("singular_values", to_json(model.singular_values()));
  results.give("noise_variance", to_json(model.noise_variance()));
  results.give("n_components", std::int64_t{model.n_components()});
}

}  // namespace lathe::golden
