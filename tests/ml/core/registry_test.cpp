#include "lathe/ml/core/registry.h"

#include <string>

#include "lathe/ml/core/pipeline.h"

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using toys::registry;

Estimator make(std::string_view text) { return make_estimator(text, registry()); }
std::string why_not(std::string_view text) {
  return refusal([&] { make(text); });
}

TEST(Registry, FindsEntriesByName) {
  ASSERT_NE(registry().find("sign"), nullptr);
  EXPECT_EQ(registry().find("sign")->role, Role::clusterer);
  EXPECT_EQ(registry().find("sign")->make(), Estimator(toys::Sign{}));
  EXPECT_EQ(registry().find("sig"), nullptr);
  EXPECT_EQ(registry().find(""), nullptr);
  EXPECT_EQ(Registry({}).find("sign"), nullptr);
}

TEST(MakeEstimator, GivesTheStructForOneStep) {
  EXPECT_EQ(make("sign"), Estimator(toys::Sign{}));
  EXPECT_EQ(make("row_sum(offset=2, mood=wild)"),
            Estimator(toys::RowSum{.offset = 2.0, .mood = toys::Mood::wild}));
}

TEST(MakeEstimator, GivesAPipelineForSeveral) {
  const Estimator e = make("centre(factor=0.5) | squares | row_sum");
  EXPECT_EQ(e, Estimator(toys::Centre{.factor = 0.5} | toys::Squares{} | toys::RowSum{}));
  EXPECT_EQ(e.text(), "centre(factor=0.5) | squares | row_sum");
  EXPECT_EQ(make(e.text()), e);
}

TEST(MakeEstimator, FillsBranchesAndOptionsOfEstimators) {
  const Estimator e = make("around(numeric: centre | squares, inside=near)");
  const auto* around = e.get_if<toys::Around>();
  ASSERT_NE(around, nullptr);
  EXPECT_EQ(around->inside, Estimator(toys::Near{}));
  ASSERT_EQ(around->branches.size(), 1U);
  EXPECT_EQ(around->branches[0].first, Value(Word{"numeric"}));
  EXPECT_EQ(around->branches[0].second, Estimator(toys::Centre{} | toys::Squares{}));
}

TEST(MakeEstimator, NamesTheNearestEstimator) {
  EXPECT_EQ(why_not("centre | row_sun"),
            "P003 there is no estimator 'row_sun' at character 10\n"
            "  centre | row_sun\n"
            "           ^ | did you mean row_sum?");
  EXPECT_THAT(why_not("support_vector_machine"), HasSubstr("`lathe list` shows them all"));
}

TEST(MakeEstimator, PointsAtTheCulprit) {
  const auto at = [](std::string_view text) {
    const std::string why = why_not(text);
    const auto place = why.find(" at character ");
    return place == std::string::npos ? 0 : std::stoi(why.substr(place + 14));
  };
  EXPECT_EQ(at("centre | row_sum(offset=1, steps=0)"), 28);
  EXPECT_EQ(at("centre | row_sum(offset=1, stps=1)"), 28);
  EXPECT_EQ(at("centre | nothing"), 10);
  EXPECT_EQ(at("around(numeric: centre(factor=-1))"), 24);
  EXPECT_EQ(at("around(numeric: centre | wrong)"), 26);
  EXPECT_EQ(at("around(inside=around(inside=row_sum(steps=0)))"), 37);
  EXPECT_EQ(at("around(inside=wrong)"), 8);
  EXPECT_EQ(at("around(inside=5)"), 8);
  EXPECT_EQ(at("centre(numeric: squares)"), 8);
  EXPECT_EQ(at("centre | row_sum | squares"), 10);
  EXPECT_EQ(at("around(numeric: row_sum | squares)"), 17);
}

TEST(MakeEstimator, KeepsCodeAndHelp) {
  EXPECT_THAT(why_not("row_sum(stps=1)"),
              AllOf(StartsWith("O003 row_sum has no option 'stps' at character 9\n"),
                    HasSubstr("| did you mean steps?")));
  EXPECT_THAT(why_not("row_sum(steps=11)"),
              StartsWith("O001 row_sum: steps = 11, but it must be in [1, 10] at character 9\n"));
  EXPECT_THAT(why_not("row_sum(steps=a)"), StartsWith("O002"));
  EXPECT_THAT(why_not("centre(numeric: squares)"), StartsWith("P002"));
  EXPECT_THAT(why_not("centre("), StartsWith("P001"));
  EXPECT_THAT(why_not("near | squares"),
              AllOf(StartsWith("P004 near is a classifier: only the last step"),
                    HasSubstr("at character 1\n")));
}

TEST(MakeEstimator, OfAPipeSaysTheSameWithoutTheText) {
  EXPECT_EQ(refusal([] { make_estimator(parse_pipe("row_sum(steps=11)"), registry()); }),
            "O001 row_sum: steps = 11, but it must be in [1, 10] | ");
  EXPECT_THAT(refusal([] { make_estimator(Pipe{}, registry()); }),
              StartsWith("P004 a pipeline needs at least one step"));
}

}  // namespace
}  // namespace lathe
