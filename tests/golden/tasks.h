// The tasks that golden_check knows: each computes what a case expects, with what Lathe has.
#pragma once

#include <string_view>

#include "tests/golden/case.h"

namespace lathe::golden {

// Throws NotBuilt for a setting that Lathe does not offer, NotRun where the data are not there.
using Task = void (*)(const Case& given, Results& results);

// Null where nobody knows the task.
Task find_task(std::string_view name);

void cross_val_score(const Case& given, Results& results);
void kmeans(const Case& given, Results& results);
void linear_regression(const Case& given, Results& results);
void logistic_regression(const Case& given, Results& results);
void metrics_binary_scores(const Case& given, Results& results);
void metrics_classification(const Case& given, Results& results);
void metrics_clustering_internal(const Case& given, Results& results);
void metrics_clustering_labels(const Case& given, Results& results);
void metrics_multiclass_scores(const Case& given, Results& results);
void metrics_regression(const Case& given, Results& results);
void max_abs_scaler(const Case& given, Results& results);
void min_max_scaler(const Case& given, Results& results);
void one_hot_encoder(const Case& given, Results& results);
void ordinal_encoder(const Case& given, Results& results);
void pca(const Case& given, Results& results);
void quality(const Case& given, Results& results);
void ridge(const Case& given, Results& results);
void simple_imputer(const Case& given, Results& results);
void simple_imputer_categorical(const Case& given, Results& results);
void split_groups(const Case& given, Results& results);
void split_leaving_groups_out(const Case& given, Results& results);
void split_rows(const Case& given, Results& results);
void split_stratified(const Case& given, Results& results);
void split_time_series(const Case& given, Results& results);
void standard_scaler(const Case& given, Results& results);

}  // namespace lathe::golden
