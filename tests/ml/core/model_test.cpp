#include "lathe/ml/core/model.h"

#include <limits>
#include <string>
#include <vector>

#include "lathe/ml/core/parallel.h"

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Rows 0, 1, 2, ...: long enough for several blocks.
Matrix counting(Index rows, Index cols) {
  Matrix X(rows, cols);
  for (Index i = 0; i < rows; ++i) X.row(i).setConstant(static_cast<double>(i));
  return X;
}

TEST(Role, ReadsAsText) {
  EXPECT_EQ(to_text(Role::regressor), "regressor");
  EXPECT_EQ(to_text(Role::classifier), "classifier");
  EXPECT_EQ(to_text(Role::clusterer), "clusterer");
  EXPECT_EQ(to_text(Role::transformer), "transformer");
  EXPECT_EQ(to_text(Role::outlier_detector), "outlier_detector");
}

TEST(Model, PredictsInBlocksAsInOnePiece) {
  const Matrix X = counting(10'000, 3);
  const Matrix y = X.leftCols(2);
  const toys::RowSumModel model = toys::RowSum{}.fit(X, y);
  Matrix whole(X.rows(), 2);
  model.predict_into(X, whole);
  EXPECT_EQ(model.predict(X), whole);
  EXPECT_EQ(predict_matrix(model, X), whole);
  EXPECT_EQ(model.n_outputs(), 2);
  EXPECT_EQ(model.role(), Role::regressor);
}

TEST(Model, GivesZeroRowsForZeroRows) {
  const Matrix X = counting(4, 2);
  const Matrix none(0, 2);
  const Vector y = X.col(0);
  const Labels labels{1, 2, 1, 2};
  EXPECT_EQ(toys::RowSum{}.fit(X, y).predict(none).rows(), 0);
  EXPECT_EQ(toys::Squares{}.fit(X).transform(none).cols(), 4);
  EXPECT_EQ(toys::Sign{}.fit(X).predict(none).size(), 0U);
  const toys::NearModel near = toys::Near{}.fit(X, labels);
  EXPECT_EQ(near.predict(none).size(), 0);
  EXPECT_EQ(near.predict(none).classes(), labels.classes());
  EXPECT_EQ(near.predict_proba(none).cols(), 2);
}

TEST(Model, ChecksTheWidthOfZeroRowsToo) {
  const Matrix X = counting(4, 2);
  const Matrix none(0, 3);
  EXPECT_THAT(refusal([&] { toys::Squares{}.fit(X).transform(none); }), StartsWith("X006"));
  const toys::NearModel near = toys::Near{}.fit(X, Labels{1, 2, 1, 2});
  EXPECT_THAT(refusal([&] { near.predict(none); }), StartsWith("X006"));
  EXPECT_THAT(refusal([&] { near.predict_proba(none); }), StartsWith("X006"));
}

TEST(Classifier, PredictsTheMostProbableClassUnderItsName) {
  const Matrix X{{0.0}, {1.0}, {2.0}, {5.0}};
  const toys::NearModel model = toys::Near{}.fit(X, Labels{"a", "b", "c", "a"});
  // The farthest code: 2, a tie of 0 and 2 that goes to the lower, 0, 0.
  const Labels predicted = model.predict(X);
  EXPECT_THAT(predicted.codes(), ElementsAre(2, 0, 0, 0));
  EXPECT_EQ(predicted.name(0), "c");
  EXPECT_EQ(predicted.classes(), model.classes());
  const Matrix proba = model.predict_proba(X);
  EXPECT_EQ(proba.cols(), 3);
  EXPECT_DOUBLE_EQ(proba.row(3).sum(), 1.0);
}

TEST(Classifier, PredictsInBlocksAsInOnePiece) {
  const Matrix X = counting(9'000, 2);
  std::vector<std::int64_t> y(9'000);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<std::int64_t>(i % 5);
  const toys::NearModel model = toys::Near{}.fit(X, Labels(std::span<const std::int64_t>(y)));
  Matrix proba(X.rows(), 5);
  model.predict_proba_into(X, proba);
  EXPECT_EQ(model.predict_proba(X), proba);
  const Labels predicted = model.predict(X);
  for (Index i = 0; i < X.rows(); ++i) {
    Index best = 0;
    proba.row(i).maxCoeff(&best);
    ASSERT_EQ(predicted[i], best);
  }
}

TEST(Classifier, RefusesAPlaceOfAnotherShape) {
  const Matrix X = counting(4, 2);
  const toys::NearModel model = toys::Near{}.fit(X, Labels{1, 2, 1, 2});
  Matrix out(4, 2);
  EXPECT_THAT(refusal([&] { model.predict_into(X, out); }), StartsWith("X007 near"));
  Matrix short_out(3, 1);
  EXPECT_THAT(refusal([&] { model.predict_into(X, short_out); }), StartsWith("X007 near"));
}

TEST(Model, MessagesCountRowsFromTheFirst) {
  Matrix X = counting(10'000, 2);
  const Vector y = X.col(0);
  std::vector<int> classes(10'000, 0);
  classes[1] = 1;
  const auto sum = toys::RowSum{}.fit(X, y);
  const auto near = toys::Near{}.fit(X, Labels(classes));
  const auto sign = toys::Sign{}.fit(X);
  X(9'321, 1) = std::numeric_limits<double>::quiet_NaN();
  X(9'876, 0) = std::numeric_limits<double>::quiet_NaN();
  for (const int threads : {1, 4}) {
    const int before = thread_limit();
    set_thread_limit(threads);
    const auto says = HasSubstr("in row 9321, column 1");
    EXPECT_THAT(refusal([&] { sum.predict(X); }), says);
    EXPECT_THAT(refusal([&] { near.predict(X); }), says);
    EXPECT_THAT(refusal([&] { near.predict_proba(X); }), says);
    EXPECT_THAT(refusal([&] { sign.predict(X); }), says);
    set_thread_limit(before);
  }
}

TEST(Clusterer, GivesWholeNumbers) {
  const Matrix X{{1.0}, {-1.0}, {0.0}};
  EXPECT_THAT(toys::Sign{}.fit(X).predict(X), ElementsAre(1, 0, 0));
  EXPECT_EQ(toys::Sign{}.fit(X).n_outputs(), 1);
}

TEST(Model, HasNothingToSayByDefault) {
  const toys::SignModel model = toys::Sign{}.fit(counting(2, 1));
  EXPECT_TRUE(model.converged());
  EXPECT_TRUE(model.warnings().empty());
  EXPECT_TRUE(model.attributes().empty());
}

}  // namespace
}  // namespace lathe
