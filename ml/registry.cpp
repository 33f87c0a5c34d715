#include "lathe/ml/registry.h"

#include <array>

#include "lathe/ml/cluster/kmeans.h"
#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/passthrough.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/decomposition/pca.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/ml/linear/logistic_regression.h"
#include "lathe/ml/linear/ridge.h"
#include "lathe/preprocessing/columns.h"
#include "lathe/preprocessing/drop.h"
#include "lathe/preprocessing/max_abs_scaler.h"
#include "lathe/preprocessing/min_max_scaler.h"
#include "lathe/preprocessing/one_hot_encoder.h"
#include "lathe/preprocessing/ordinal_encoder.h"
#include "lathe/preprocessing/simple_imputer.h"
#include "lathe/preprocessing/standard_scaler.h"

namespace lathe {
namespace {

// Sorted by name.
constexpr std::array entries = {
    registry_entry<Columns, ColumnsModel>(Role::transformer),
    registry_entry<Drop, DropModel>(Role::transformer),
    registry_entry<KMeans, KMeansModel>(Role::clusterer),
    registry_entry<LinearRegression, LinearRegressionModel>(Role::regressor),
    registry_entry<LogisticRegression, LogisticRegressionModel>(Role::classifier),
    registry_entry<MaxAbsScaler, MaxAbsScalerModel>(Role::transformer),
    registry_entry<MinMaxScaler, MinMaxScalerModel>(Role::transformer),
    registry_entry<OneHotEncoder, OneHotEncoderModel>(Role::transformer),
    registry_entry<OrdinalEncoder, OrdinalEncoderModel>(Role::transformer),
    registry_entry<Passthrough, PassthroughModel>(Role::transformer),
    registry_entry<Pca, PcaModel>(Role::transformer),
    registry_entry<Ridge, RidgeModel>(Role::regressor),
    registry_entry<SimpleImputer, SimpleImputerModel>(Role::transformer),
    registry_entry<StandardScaler, StandardScalerModel>(Role::transformer),
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
