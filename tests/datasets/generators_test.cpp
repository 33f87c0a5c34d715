#include "lathe/datasets/generators.h"

#include <cmath>

#include <Eigen/LU>
#include <gmock/gmock.h>

#include "tests/datasets/support.h"

namespace lathe {
namespace {

using ::testing::HasSubstr;

TEST(MakeBlobs, PutsRowsAboutTheirCentres) {
  const Blobs blobs = make_blobs(
      {.n_samples = 3001, .n_features = 4, .centers = 3, .cluster_std = 0.5, .center_box = 5.0});
  ASSERT_EQ(blobs.X.rows(), 3001);
  ASSERT_EQ(blobs.X.cols(), 4);
  ASSERT_EQ(blobs.centers.rows(), 3);
  EXPECT_LE(blobs.centers.cwiseAbs().maxCoeff(), 5.0);
  Vector counts = Vector::Zero(3);
  double squares = 0.0;
  for (Index i = 0; i < blobs.X.rows(); ++i) {
    counts[blobs.y[i]] += 1;
    squares += (blobs.X.row(i) - blobs.centers.row(blobs.y[i])).squaredNorm();
  }
  EXPECT_EQ(counts, (Vector{{1001.0, 1000.0, 1000.0}}));
  EXPECT_NEAR(std::sqrt(squares / (3001 * 4)), 0.5, 0.01);
}

TEST(MakeBlobs, WithoutSpreadAllRowsAreCentres) {
  const Blobs blobs = make_blobs({.n_samples = 7, .centers = 2, .cluster_std = 0.0});
  for (Index i = 0; i < 7; ++i) EXPECT_EQ(blobs.X.row(i), blobs.centers.row(blobs.y[i]));
}

TEST(MakeRegression, WithoutNoiseTheTruthIsExact) {
  const RegressionData data = make_regression(
      {.n_samples = 50, .n_features = 6, .n_informative = 3, .n_targets = 2, .bias = 7.0});
  const Matrix expected = ((data.X * data.coef).array() + 7.0).matrix();
  EXPECT_TRUE(data.y.isApprox(expected, 1e-13));
  EXPECT_GT(data.coef.topRows(3).minCoeff(), 0.0);
  EXPECT_EQ(data.coef.bottomRows(3), Matrix::Zero(3, 2));
}

TEST(MakeRegression, AddsNoiseOfTheGivenSize) {
  const RegressionData data =
      make_regression({.n_samples = 5000, .n_features = 2, .n_informative = 9, .noise = 3.0});
  const Matrix rest = data.y - data.X * data.coef;
  EXPECT_NEAR(std::sqrt(rest.squaredNorm() / 5000), 3.0, 0.1);
}

TEST(MakeClassification, ClassesSitOnCornersAndRedundantColumnsAreMixtures) {
  const ClassificationData data = make_classification({.n_samples = 4000,
                                                       .n_features = 6,
                                                       .n_informative = 2,
                                                       .n_redundant = 2,
                                                       .n_classes = 4,
                                                       .class_sep = 3.0,
                                                       .flip_y = 0.0});
  ASSERT_EQ(data.y.classes().size(), 4);
  Matrix means = Matrix::Zero(4, 6);
  for (Index i = 0; i < 4000; ++i) means.row(data.y[i]) += data.X.row(i) / 1000.0;
  const Matrix corners{{-3.0, -3.0}, {3.0, -3.0}, {-3.0, 3.0}, {3.0, 3.0}};
  EXPECT_LT((means.leftCols(2) - corners).cwiseAbs().maxCoeff(), 0.15);
  EXPECT_LT(means.rightCols(2).cwiseAbs().maxCoeff(), 0.15);

  // The redundant columns are linear in the informative ones: solved from two rows, true of all.
  const Matrix mixture = data.X.topLeftCorner(2, 2).inverse() * data.X.block(0, 2, 2, 2);
  EXPECT_TRUE((data.X.leftCols(2) * mixture).isApprox(data.X.middleCols(2, 2), 1e-9));
}

TEST(MakeClassification, FlipsAShareOfTheLabels) {
  ClassificationOptions options{.n_samples = 10000, .flip_y = 0.0};
  const Labels clean = make_classification(options).y;
  options.flip_y = 0.3;
  const Labels noisy = make_classification(options).y;
  int different = 0;
  for (Index i = 0; i < clean.size(); ++i) different += clean[i] != noisy[i] ? 1 : 0;
  EXPECT_NEAR(different / 10000.0, 0.15, 0.02);  // half of them get the class they had
}

TEST(Generators, SameSeedSameData) {
  EXPECT_EQ(make_blobs({.random_state = 5}).X, make_blobs({.random_state = 5}).X);
  EXPECT_NE(make_blobs({.random_state = 5}).X, make_blobs({.random_state = 6}).X);
  EXPECT_EQ(make_regression().y, make_regression().y);
  EXPECT_NE(make_regression().y, make_regression({.random_state = 1}).y);
  EXPECT_EQ(make_classification().X, make_classification().X);
  EXPECT_NE(make_classification().X, make_classification({.random_state = 1}).X);
}

TEST(Generators, MakeNoRowsWhenAskedForNone) {
  EXPECT_EQ(make_blobs({.n_samples = 0}).X.rows(), 0);
  EXPECT_EQ(make_regression({.n_samples = 0}).y.rows(), 0);
  EXPECT_EQ(make_classification({.n_samples = 0}).y.size(), 0);
}

TEST(Generators, RefuseOptionsOutOfRange) {
  const auto refusal = [](auto call) { return caught<InvalidArgument>(call); };
  const auto error = refusal([] { make_blobs({.centers = 0}); });
  EXPECT_EQ(error.code(), "O001");
  EXPECT_THAT(error.what(), HasSubstr("make_blobs: centers = 0"));
  EXPECT_EQ(refusal([] { make_regression({.noise = -1.0}); }).code(), "O001");
  EXPECT_EQ(refusal([] { make_classification({.flip_y = 1.5}); }).code(), "O001");
  EXPECT_THAT(refusal([] { make_classification({.n_features = 3}); }).what(),
              HasSubstr("n_informative + n_redundant = 4 is out of range: it must be <="));
  EXPECT_THAT(refusal([] { make_classification({.n_classes = 5}); }).what(),
              HasSubstr("n_classes = 5 is out of range: it must be <= 2^n_informative = 4"));
}

}  // namespace
}  // namespace lathe
