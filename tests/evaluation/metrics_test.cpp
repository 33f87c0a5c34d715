#include "lathe/evaluation/metrics.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/evaluation/error_code.h"

namespace lathe {
namespace {

using testing::HasSubstr;

TEST(Metric, TextReadsBackToAnEqualMetric) {
  const Metric metric = make_metric("f1(average=macro)");

  EXPECT_EQ(metric, Metric(F1{.average = F1Average::macro}));
  EXPECT_EQ(metric.text(), "f1(average=macro)");
  EXPECT_EQ(make_metric("f1(pos_label=yes, average=binary)").text(), "f1(pos_label=\"yes\")");
  EXPECT_EQ(make_metric("f1(pos_label=\"yes\")"), make_metric("f1(pos_label=yes)"));
  EXPECT_EQ(make_metric("roc_auc(multi_class=ovr)").text(), "roc_auc(multi_class=ovr)");
  EXPECT_NE(make_metric("mse"), make_metric("mae"));
}

TEST(Metric, EveryOneOfTheTableIsMadeByItsName) {
  for (const MetricEntry& entry : metrics()) {
    const Metric metric = make_metric(entry.name);
    EXPECT_EQ(metric.text(), entry.name);
    EXPECT_EQ(metric.doc(), entry.doc);
    EXPECT_EQ(metric.needs(), entry.needs);
    EXPECT_EQ(metric.weights(), entry.weights);
    EXPECT_EQ(metric.greater_is_better(), entry.greater_is_better);
    EXPECT_EQ(metric, entry.make());
    for (const OptionInfo& option : metric.options()) EXPECT_FALSE(option.doc.empty());
  }
}

TEST(Metric, ScoresAsTheFunctionsDo) {
  const Matrix y{{1.0}, {2.0}, {4.0}};
  const Matrix numbers{{1.0}, {3.0}, {4.0}};
  const Labels truth({0, 1, 1});
  const Labels labels({0, 1, 0});
  const Matrix proba{{0.9, 0.1}, {0.3, 0.7}, {0.6, 0.4}};
  const Matrix X{{0.0}, {5.0}, {6.0}};
  const Labels clusters({0, 1, 1});
  const std::vector<double> weight{1.0, 2.0, 3.0};
  const auto score = [&](const char* text, const Target& target) {
    MetricInput input{.y = target, .weight = weight};
    input.numbers = &numbers;
    input.labels = &labels;
    input.proba = &proba;
    input.clusters = &clusters;
    input.X = &X;
    return make_metric(text).score(input);
  };
  EXPECT_EQ(score("r2", y), r2_score(y, numbers, weight));
  EXPECT_EQ(score("mse", y), mean_squared_error(y, numbers, weight));
  EXPECT_EQ(score("rmse", y), root_mean_squared_error(y, numbers, weight));
  EXPECT_EQ(score("mae", y), mean_absolute_error(y, numbers, weight));
  EXPECT_EQ(score("accuracy", truth), accuracy_score(truth, labels, weight));
  EXPECT_EQ(score("balanced_accuracy", truth), balanced_accuracy_score(truth, labels, weight));
  EXPECT_EQ(score("f1", truth), f1_score(truth, labels, {}, weight));
  EXPECT_EQ(score("log_loss", truth), log_loss(truth, proba, weight));
  EXPECT_EQ(score("roc_auc", truth), roc_auc_score(truth, proba, {}, weight));
  EXPECT_EQ(score("silhouette", {}), silhouette_score(X, clusters));
  EXPECT_EQ(score("adjusted_rand", truth), 1.0);
}

TEST(Metric, RefusesInputWithoutWhatItNeeds) {
  const Matrix numbers{{1.0}};
  const Labels labels({1});
  MetricInput input;
  for (const MetricEntry& entry : metrics()) {
    EXPECT_EQ(code_of([&] { entry.make().score(input); }), "Q011") << entry.name;
  }
  input.y = labels;
  input.numbers = &numbers;
  EXPECT_THAT(message_of([&] { make_metric("mse").score(input); }),
              HasSubstr("mse needs a numeric target and predicted numbers"));
}

TEST(Metric, ErrorsPointAtThePlaceAndNameTheNearest) {
  const auto message = [](const char* text) { return message_of([=] { make_metric(text); }); };
  EXPECT_THAT(message("acuracy"), HasSubstr("P007: there is no metric 'acuracy' at character 1"));
  EXPECT_THAT(message("acuracy"), HasSubstr("did you mean accuracy?"));
  EXPECT_THAT(message("f1(average=makro)"), HasSubstr("did you mean macro?"));
  EXPECT_THAT(message("f1(averag=macro)"), HasSubstr("did you mean average?"));
  EXPECT_THAT(message("r2(average=macro)"), HasSubstr("r2 has no options"));
  EXPECT_THAT(message("r2 | mae"), HasSubstr("P006"));
}

TEST(Metric, EachRoleHasDefaultsThatFitIt) {
  for (const Role role : {Role::regressor, Role::classifier, Role::clusterer}) {
    EXPECT_FALSE(default_metrics(role).empty());
    for (const Metric& metric : default_metrics(role)) EXPECT_TRUE(fits(metric, role));
  }
  EXPECT_EQ(default_metrics(Role::regressor)[0].text(), "r2");
  EXPECT_EQ(default_metrics(Role::classifier)[0].text(), "accuracy");
  EXPECT_EQ(default_metrics(Role::clusterer)[0].text(), "silhouette");
  EXPECT_TRUE(default_metrics(Role::transformer).empty());
  EXPECT_FALSE(fits(make_metric("r2"), Role::classifier));
  EXPECT_FALSE(fits(make_metric("log_loss"), Role::regressor));
  EXPECT_TRUE(fits(make_metric("adjusted_rand"), Role::clusterer));
}

}  // namespace
}  // namespace lathe
