#include "lathe/ml/core/labels.h"

#include <limits>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "tests/ml/core/support.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Classes, AreSortedAndWithoutDoubles) {
  const Classes numbers(std::vector<std::int64_t>{10, -3, 10, 9});
  EXPECT_THAT(numbers.integers(), ElementsAre(-3, 9, 10));
  EXPECT_EQ(numbers.size(), 3);
  EXPECT_FALSE(numbers.is_text());

  const Classes texts(std::vector<std::string>{"b", "a", "B", "b", "é"});
  EXPECT_THAT(texts.texts(), ElementsAre("B", "a", "b", "é"));
  EXPECT_TRUE(texts.is_text());
}

TEST(Classes, AreEmptyIntegersByDefault) {
  EXPECT_EQ(Classes().size(), 0);
  EXPECT_FALSE(Classes().is_text());
  EXPECT_EQ(Classes().find("a"), std::nullopt);
  EXPECT_EQ(Classes().find(0), std::nullopt);
}

TEST(Classes, ThrowWhenAskedForTheOtherType) {
  EXPECT_THROW(Classes(std::vector<std::string>{"a"}).integers(), std::bad_variant_access);
  EXPECT_THROW(Classes(std::vector<std::int64_t>{1}).texts(), std::bad_variant_access);
}

TEST(Classes, FindGivesTheCodeOfAName) {
  const Classes numbers(std::vector<std::int64_t>{-3, 7, std::numeric_limits<std::int64_t>::max()});
  for (Index code = 0; code < numbers.size(); ++code) {
    EXPECT_EQ(numbers.find(numbers.name(code)), code);
    EXPECT_EQ(numbers.find(numbers.integers()[static_cast<std::size_t>(code)]), code);
  }
  const Classes texts(std::vector<std::string>{"", "7", "a"});
  for (Index code = 0; code < texts.size(); ++code) {
    EXPECT_EQ(texts.find(texts.name(code)), code);
  }
  EXPECT_EQ(texts.find(7), 1);
}

TEST(Classes, FindTakesNoOtherSpellingOfAnInteger) {
  const Classes numbers(std::vector<std::int64_t>{0, 7});
  for (const char* text :
       {"", "07", "+7", "7.0", " 7", "7 ", "-0", "seven", "99999999999999999999"}) {
    EXPECT_EQ(numbers.find(text), std::nullopt) << text;
  }
}

TEST(Labels, ComeBackAsTheyWentIn) {
  const Labels numbers{5, -1, 5};
  EXPECT_THAT(numbers.codes(), ElementsAre(1, 0, 1));
  EXPECT_EQ(numbers.name(0), "5");
  EXPECT_EQ(numbers.name(1), "-1");

  const Labels texts{"yes", "no", "yes"};
  EXPECT_THAT(texts.codes(), ElementsAre(1, 0, 1));
  EXPECT_EQ(texts.name(0), "yes");
}

TEST(Labels, OfBracesWithZeroAreIntegers) {
  EXPECT_EQ(Labels{}.size(), 0);
  EXPECT_EQ(Labels{0}.size(), 1);
  EXPECT_FALSE(Labels{0}.classes().is_text());
  EXPECT_EQ((Labels{0, 0}.name(1)), "0");
  EXPECT_EQ(Labels({0}).size(), 1);
}

TEST(Labels, AreMadeOfVectorsOfAnyInteger) {
  const std::vector<std::int64_t> wide{1LL << 40, -5};
  EXPECT_THAT(Labels(std::span(wide)).classes().integers(), ElementsAre(-5, 1LL << 40));
  const std::vector<int> narrow{3, 2};
  EXPECT_THAT(Labels(narrow).classes().integers(), ElementsAre(2, 3));
  const std::vector<std::string> texts{"b", "a"};
  EXPECT_THAT(Labels(texts).codes(), ElementsAre(1, 0));
}

TEST(Labels, RefuseCodesOutsideTheClasses) {
  const Classes two(std::vector<std::int64_t>{0, 1});
  EXPECT_EQ(Labels({0, 1, 0}, two).size(), 3);
  EXPECT_THAT(refusal([&] {
                Labels({0, 2}, two);
              }),
              AllOf(StartsWith("T001"), HasSubstr("label code 2 is outside the 2 classes")));
  EXPECT_THAT(refusal([&] { Labels({-1}, two); }), HasSubstr("label code -1"));
}

TEST(Labels, SelectKeepsTheVocabulary) {
  const Labels all{"a", "b", "c"};
  const std::vector<Index> rows{2, 2, 0};
  const Labels some = all.select(rows);
  EXPECT_THAT(some.codes(), ElementsAre(2, 2, 0));
  EXPECT_EQ(some.classes(), all.classes());
  EXPECT_EQ(all.select({}).size(), 0);
}

TEST(Labels, CompactCutsTheVocabularyToWhatIsThere) {
  const std::vector<Index> rows{2, 0, 2};
  EXPECT_EQ((Labels{"a", "b", "c"}.select(rows).compact()), (Labels{"c", "a", "c"}));
  EXPECT_EQ((Labels{7, 8, 9}.select(rows).compact()), (Labels{9, 7, 9}));
  EXPECT_EQ((Labels{7, 8}.compact()), (Labels{7, 8}));
}

TEST(Labels, CompactOfNothingKeepsTheType) {
  const Labels none = Labels{"a"}.select({}).compact();
  EXPECT_EQ(none.classes().size(), 0);
  EXPECT_TRUE(none.classes().is_text());
}

TEST(Labels, AreEqualWithEqualCodesAndVocabulary) {
  EXPECT_EQ((Labels{1, 2}), (Labels{1, 2}));
  EXPECT_NE((Labels{1, 2}), (Labels{1, 3}));
  EXPECT_NE((Labels{1, 2}), (Labels{"1", "2"}));
}

}  // namespace
}  // namespace lathe
