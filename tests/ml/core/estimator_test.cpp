#include "lathe/ml/core/estimator.h"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "lathe/ml/core/passthrough.h"

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using toys::Around;
using toys::Centre;
using toys::Near;
using toys::RowSum;
using toys::Sign;
using toys::Squares;

const Matrix X{{1.0, 2.0}, {-3.0, 4.0}, {5.0, 6.0}};
const Vector y{{1.0, 2.0, 6.0}};

// A fit that takes any target, and says which it was given as the number of features.
struct Anything {
  static constexpr std::string_view name = "anything";
  static void describe(auto&, auto&&) {}
  toys::SignModel fit(const MatrixView&, const Target& target, const Context& = {}) const {
    return toys::SignModel(target.empty() ? 1 : target.has_numbers() ? 2 : 3);
  }
  bool operator==(const Anything&) const = default;
};

struct WithoutOptions {
  static constexpr std::string_view name = "without_options";
  static void describe(auto&, auto&&) {}
  toys::SquaresModel fit(const MatrixView& x, const Context& = {}) const {
    return toys::SquaresModel(x.cols());
  }
  bool operator==(const WithoutOptions&) const = default;
};

TEST(Estimator, FindsItsRoleInWhatFitReturns) {
  EXPECT_EQ(Estimator(Centre{}).role(), Role::transformer);
  EXPECT_EQ(Estimator(RowSum{}).role(), Role::regressor);
  EXPECT_EQ(Estimator(Near{}).role(), Role::classifier);
  EXPECT_EQ(Estimator(Sign{}).role(), Role::clusterer);
  EXPECT_EQ(Estimator(Anything{}).role(), Role::clusterer);
  EXPECT_EQ(Estimator(WithoutOptions{}).role(), Role::transformer);
}

TEST(Estimator, AsksForTheRoleWhereItDependsOnOptions) {
  EXPECT_EQ(Estimator(Around{}).role(), Role::regressor);
  EXPECT_EQ(Estimator(Around{.inside = Near{}}).role(), Role::classifier);
}

TEST(Estimator, GivesTheTagsOfItsStructOrNone) {
  EXPECT_TRUE(Estimator(Centre{}).tags().missing);
  EXPECT_TRUE(Estimator(RowSum{}).tags().multi_target);
  const Tags none = Estimator(Near{}).tags();
  EXPECT_FALSE(none.missing || none.categorical || none.weights || none.multi_target);
  EXPECT_TRUE(Estimator(Around{.inside = Centre{}}).tags().missing);
}

TEST(Estimator, PassesItsInputThroughByDefault) {
  const Estimator none;
  EXPECT_EQ(none.name(), "passthrough");
  EXPECT_EQ(none, Estimator(Passthrough{}));
  const ModelPtr model = none.fit(X);
  EXPECT_EQ(predict_matrix(*model, X), X);
}

TEST(Passthrough, LetsMissingValuesPassAndRefusesInfinity) {
  Matrix with_missing = X;
  with_missing(1, 0) = std::numeric_limits<double>::quiet_NaN();
  const ModelPtr model = Estimator().fit(with_missing);
  EXPECT_TRUE(std::isnan(predict_matrix(*model, with_missing)(1, 0)));
  with_missing(1, 0) = std::numeric_limits<double>::infinity();
  EXPECT_THAT(refusal([&] { Estimator().fit(with_missing); }), StartsWith("X003 passthrough"));
  EXPECT_THAT(refusal([&] { predict_matrix(*model, with_missing); }), StartsWith("X003"));
  EXPECT_THAT(refusal([&] { predict_matrix(*model, X.leftCols(1)); }), StartsWith("X006"));
}

TEST(Estimator, FitsEachKind) {
  EXPECT_EQ(Estimator(RowSum{}).fit(X, y)->n_outputs(), 1);
  EXPECT_EQ(Estimator(Near{}).fit(X, Labels{"a", "b", "a"})->role(), Role::classifier);
  EXPECT_EQ(Estimator(Sign{}).fit(X)->role(), Role::clusterer);
  EXPECT_EQ(Estimator(Sign{}).fit(X, y)->role(), Role::clusterer);  // a target is no harm
  EXPECT_EQ(Estimator(Anything{}).fit(X)->n_features_in(), 1);
  EXPECT_EQ(Estimator(Anything{}).fit(X, y)->n_features_in(), 2);
  EXPECT_EQ(Estimator(Anything{}).fit(X, Labels{1, 2, 3})->n_features_in(), 3);
  EXPECT_EQ(Estimator(WithoutOptions{}).fit(X)->n_outputs(), 4);
}

TEST(Estimator, TakesTargetsOfEveryShapeInPlace) {
  const Matrix two{{1.0, 10.0}, {2.0, 20.0}, {6.0, 60.0}};
  EXPECT_EQ(Estimator(RowSum{}).fit(X, two)->n_outputs(), 2);
  const std::vector<double> numbers{1.0, 2.0, 6.0};
  const MatrixView block = two.leftCols(1);
  const Matrix expected = predict_matrix(*Estimator(RowSum{}).fit(X, y), X);
  EXPECT_EQ(predict_matrix(*Estimator(RowSum{}).fit(X, std::span(numbers)), X), expected);
  EXPECT_EQ(predict_matrix(*Estimator(RowSum{}).fit(X, block), X), expected);
}

TEST(Estimator, MakesLabelsOfWholeNumbers) {
  const Vector codes{{2.0, -0.0, 2.0}};
  const ModelPtr model = Estimator(Near{}).fit(X, codes);
  const auto& classifier = dynamic_cast<const Classifier&>(*model);
  EXPECT_EQ(classifier.classes(), Classes(std::vector<std::int64_t>{0, 2}));
}

TEST(Estimator, RefusesTargetsOfAnotherKind) {
  EXPECT_EQ(refusal([] {
              Estimator(RowSum{}).fit(X, Labels{"a", "b", "a"});
            }),
            "T002 row_sum predicts numbers, but the target holds 2 labels | use a classifier, or a "
            "numeric target");
  EXPECT_THAT(refusal([] { Estimator(RowSum{}).fit(X); }),
              AllOf(StartsWith("T003 row_sum needs a target"), HasSubstr("--target")));
  EXPECT_THAT(refusal([] { Estimator(Near{}).fit(X); }), StartsWith("T003 near needs a target"));
  EXPECT_THAT(refusal([] { Estimator(Near{}).fit(X, X); }),
              StartsWith("T004 near takes one target, but y has 2 columns"));
  for (const double bad : {0.5, std::numeric_limits<double>::quiet_NaN(),
                           std::numeric_limits<double>::infinity(), 0x1p53 * 2}) {
    Vector numbers{{0.0, 1.0, bad}};
    EXPECT_THAT(refusal([&] { Estimator(Near{}).fit(X, numbers); }),
                AllOf(StartsWith("T005 near predicts labels, but y holds " + to_text(bad)),
                      HasSubstr("in row 2"), HasSubstr("use a regressor")));
  }
}

TEST(Estimator, SetsOptionsByName) {
  Estimator e = RowSum{};
  e.set("steps", Value(std::int64_t{5}), toys::registry());
  EXPECT_EQ(e.get_if<RowSum>()->steps, 5);
  EXPECT_EQ(e.text(), "row_sum(steps=5)");
  EXPECT_EQ(e.options().size(), 3U);
  EXPECT_THAT(refusal([&] { e.set("steps", Value(0.5), toys::registry()); }), StartsWith("O002"));
  EXPECT_EQ(e.get_if<RowSum>()->steps, 5);

  Estimator without = WithoutOptions{};
  EXPECT_TRUE(without.options().empty());
  EXPECT_THAT(refusal([&] { without.set("x", Value(), toys::registry()); }),
              AllOf(StartsWith("O003"), HasSubstr("without_options has no options")));
}

TEST(Estimator, TakesBranchesOnlyWhereItsStructDoes) {
  Estimator around = Around{};
  around.add_branch(Value(Word{"numeric"}), Sign{});
  EXPECT_EQ(around.get_if<Around>()->branches.size(), 1U);
  Estimator plain = RowSum{};
  EXPECT_THAT(refusal([&] { plain.add_branch(Value(Word{"numeric"}), Sign{}); }),
              AllOf(StartsWith("P002 row_sum takes no 'columns: pipeline' arguments"),
                    HasSubstr("only columns(...) has branches")));
}

TEST(Estimator, IsEqualByTypeAndOptions) {
  EXPECT_EQ(Estimator(RowSum{}), Estimator(RowSum{}));
  EXPECT_NE(Estimator(RowSum{}), Estimator(RowSum{.steps = 4}));
  EXPECT_NE(Estimator(Sign{}), Estimator(Squares{}));
  EXPECT_EQ(Estimator(Around{.inside = Sign{}}), Estimator(Around{.inside = Sign{}}));
  EXPECT_NE(Estimator(Around{.inside = Sign{}}), Estimator(Around{}));
}

TEST(Estimator, CopiesAreDeep) {
  const Estimator first = Around{.inside = RowSum{}};
  Estimator second = first;
  second.set("inside", parse_value("row_sum(steps=9)"), toys::registry());
  EXPECT_EQ(first.text(), "around");
  EXPECT_EQ(second.text(), "around(inside=row_sum(steps=9))");
  second = first;
  EXPECT_EQ(second, first);
  const Estimator& itself = second;
  second = itself;
  EXPECT_EQ(second, first);
  const Estimator moved = std::move(second);
  EXPECT_EQ(moved, first);
}

TEST(Estimator, GetIfGivesTheStructOfThatTypeOnly) {
  const Estimator e = RowSum{.steps = 2};
  ASSERT_NE(e.get_if<RowSum>(), nullptr);
  EXPECT_EQ(e.get_if<RowSum>()->steps, 2);
  EXPECT_EQ(e.get_if<Sign>(), nullptr);
}

TEST(Estimator, IsNotMadeOfWhatIsNone) {
  static_assert(!std::is_constructible_v<Estimator, int>);
  static_assert(!std::is_constructible_v<Estimator, std::string>);
  static_assert(std::is_nothrow_move_constructible_v<Estimator>);
}

TEST(Target, KnowsWhatItHolds) {
  EXPECT_TRUE(Target().empty());
  EXPECT_EQ(Target().rows(), 0);
  const Labels labels{1, 2, 1};
  EXPECT_TRUE(Target(labels).has_labels());
  EXPECT_EQ(Target(labels).rows(), 3);
  const Target numbers(X);
  EXPECT_TRUE(numbers.has_numbers());
  EXPECT_FALSE(numbers.has_labels());
  EXPECT_EQ(numbers.numbers(), X);
}

TEST(Target, ViewsBlocksInPlace) {
  const MatrixView block = X.block(1, 1, 2, 1);
  const Target target(block);
  EXPECT_EQ(target.numbers().rows(), 2);
  EXPECT_EQ(target.numbers()(0, 0), 4.0);
  EXPECT_EQ(target.numbers()(1, 0), 6.0);
  EXPECT_EQ(target.numbers().data(), X.data() + 3);
}

}  // namespace
}  // namespace lathe
