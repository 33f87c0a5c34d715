#include "tests/golden/tasks.h"

#include <algorithm>
#include <utility>

namespace lathe::golden {
namespace {

constexpr std::pair<std::string_view, Task> tasks[] = {
    {"cross_val_score", cross_val_score},
    {"cv_split_group", split_groups},
    {"cv_split_kfold", split_rows},
    {"cv_split_leave_one_group_out", split_leaving_groups_out},
    {"cv_split_stratified", split_stratified},
    {"cv_split_timeseries", split_time_series},
    {"kmeans", kmeans},
    {"linear_regression", linear_regression},
    {"logistic_regression", logistic_regression},
    {"metrics_binary_scores", metrics_binary_scores},
    {"metrics_classification", metrics_classification},
    {"metrics_clustering_internal", metrics_clustering_internal},
    {"metrics_clustering_labels", metrics_clustering_labels},
    {"metrics_multiclass_scores", metrics_multiclass_scores},
    {"metrics_regression", metrics_regression},
    {"one_hot_encoder", one_hot_encoder},
    {"ordinal_encoder", ordinal_encoder},
    {"pca", pca},
    {"quality", quality},
    {"ridge", ridge},
    {"scaler_maxabs", max_abs_scaler},
    {"scaler_minmax", min_max_scaler},
    {"scaler_standard", standard_scaler},
    {"simple_imputer", simple_imputer},
    {"simple_imputer_categorical", simple_imputer_categorical},
};

}  // namespace

Task find_task(std::string_view name) {
  const auto* found = std::find_if(std::begin(tasks), std::end(tasks),
                                   [&](const auto& task) { return task.first == name; });
  return found == std::end(tasks) ? nullptr : found->second;
}

}  // namespace lathe::golden
