#include "lathe/ml/registry.h"

#include <array>

#include "lathe/ml/cluster/kmeans.h"
#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/passthrough.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/decomposition/pca.h"

namespace lathe {
namespace {

// Sorted by name.
constexpr std::array entries = {
    registry_entry<KMeans, KMeansModel>(Role::clusterer),
    registry_entry<Passthrough, PassthroughModel>(Role::transformer),
    registry_entry<Pca, PcaModel>(Role::transformer),
};

constexpr Registry standard(entries);

}  // namespace

const Registry& registry() { return standard; }

ModelPtr load_model(std::string_view name, InputArchive& archive) {
  if (name == Pipeline::name) return load_pipeline(archive);
  const EstimatorEntry* entry = standard.find(name);
  return entry != nullptr ? entry->load(archive) : nullptr;
}

}  // namespace lathe
