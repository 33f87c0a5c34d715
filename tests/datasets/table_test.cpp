#include "lathe/datasets/table.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "tests/datasets/support.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::optional<std::string>>;

Table small() {
  Table table;
  table.add_numeric("age", {31.0, nan, 54.5});
  table.add_texts("city", Texts{"Oslo", std::nullopt, "Bergen"});
  return table;
}

TEST(Table, HoldsNumbersAndCategories) {
  const Table table = small();
  EXPECT_EQ(table.rows(), 3);
  EXPECT_EQ(table.cols(), 2);
  EXPECT_EQ(table.find("city"), 1);
  EXPECT_EQ(table.find("City"), std::nullopt);
  EXPECT_EQ(table.schema()[0].kind, ColumnKind::numeric);
  EXPECT_THAT(table.schema()[1].vocabulary, ElementsAre("Bergen", "Oslo"));
  EXPECT_THAT(table.codes(1), ElementsAre(1, Table::missing_code, 0));
  EXPECT_EQ(table.numeric(0)[2], 54.5);
  EXPECT_TRUE(table.is_missing(1, 0));
  EXPECT_TRUE(table.is_missing(1, 1));
  EXPECT_FALSE(table.is_missing(0, 1));
  EXPECT_EQ(table.missing_count(0), 1);
  EXPECT_EQ(table.missing_count(1), 1);
}

TEST(Table, SortsAVocabularyBytewiseAndTheCodesWithIt) {
  Table table;
  table.add_categorical("x", {0, 2, -1, 1, 3}, {"b", "\xC3\xA9", "a", "B"});
  EXPECT_THAT(table.schema()[0].vocabulary, ElementsAre("B", "a", "b", "\xC3\xA9"));
  EXPECT_THAT(table.codes(0), ElementsAre(2, 1, -1, 3, 0));
}

TEST(Table, ColumnsNotThereSuggestTheNearest) {
  const Table table = small();
  const auto error = caught<NotFound>([&] { table.column("cty"); });
  EXPECT_EQ(error.code(), "D021");
  EXPECT_STREQ(error.what(), "the table has no column \"cty\"");
  EXPECT_EQ(error.help(), "did you mean \"city\"?");
  EXPECT_EQ(caught<NotFound>([&] { table.column("something else"); }).help(), "it has age, city");
  EXPECT_EQ(caught<NotFound>([&] { table.drop("x"); }).code(), "D021");
}

TEST(Table, RefusesColumnsThatDoNotFit) {
  Table table = small();
  const Table before = table;
  const auto refusal = [&](auto add) { return caught<InvalidArgument>(add); };

  auto error = refusal([&] { table.add_numeric("x", {1.0}); });
  EXPECT_EQ(error.code(), "D020");
  EXPECT_STREQ(error.what(), "column \"x\" has 1 rows, the table has 3");
  EXPECT_EQ(refusal([&] { table.add_numeric("", {1, 2, 3}); }).code(), "D022");
  error = refusal([&] { table.add_numeric("age", {1, 2, 3}); });
  EXPECT_EQ(error.code(), "D022");
  EXPECT_THAT(error.what(), HasSubstr("already has a column \"age\""));

  error = refusal([&] { table.add_categorical("x", {0, 1, 2}, {"a", "b"}); });
  EXPECT_EQ(error.code(), "D023");
  EXPECT_THAT(error.what(),
              HasSubstr("column \"x\", row 3: code 2 is outside the vocabulary of 2"));
  EXPECT_EQ(refusal([&] { table.add_categorical("x", {0, -2, 0}, {"a"}); }).code(), "D023");
  error = refusal([&] { table.add_categorical("x", {0, 1, 2}, {"a", "b", "a"}); });
  EXPECT_EQ(error.code(), "D023");
  EXPECT_THAT(error.what(), HasSubstr("the level \"a\" twice"));

  EXPECT_EQ(refusal([&] { table.add_categorical("x", {0, 0, 0}, {"\xFF"}); }).code(), "D024");
  EXPECT_EQ(refusal([&] { table.add_numeric("\xFF", {1, 2, 3}); }).code(), "D024");
  EXPECT_EQ(table, before);
}

TEST(Table, RefusesTheOtherKindAndPlacesOutside) {
  const Table table = small();
  const auto code = [](auto call) { return caught<InvalidArgument>(call).code(); };
  EXPECT_EQ(code([&] { table.numeric(1); }), "D025");
  EXPECT_EQ(code([&] { table.codes(0); }), "D025");
  EXPECT_EQ(code([&] { table.numeric(2); }), "D026");
  EXPECT_EQ(code([&] { table.missing_count(-1); }), "D026");
  EXPECT_EQ(code([&] { table.is_missing(3, 0); }), "D026");
  EXPECT_EQ(code([&] { table.select_rows(std::vector<Index>{0, 3}); }), "D026");
  EXPECT_EQ(code([&] { table.to_matrix(std::vector<Index>{2}); }), "D026");
}

TEST(Table, SelectsRowsInAnyOrderWithWholeVocabularies) {
  const Table chosen = small().select_rows(std::vector<Index>{2, 2, 1});
  EXPECT_EQ(chosen.rows(), 3);
  EXPECT_EQ(chosen.numeric(0)[0], 54.5);
  EXPECT_THAT(texts(chosen, "city"), ElementsAre("Bergen", "Bergen", "<missing>"));
  EXPECT_THAT(chosen.schema()[1].vocabulary, ElementsAre("Bergen", "Oslo"));
  EXPECT_EQ(small().select_rows({}).rows(), 0);
}

TEST(Table, DropsAColumn) {
  const Table rest = small().drop("age");
  EXPECT_EQ(rest.cols(), 1);
  EXPECT_EQ(rest.rows(), 3);
  EXPECT_THAT(texts(rest, "city"), ElementsAre("Oslo", "<missing>", "Bergen"));
}

TEST(Table, BecomesAMatrixOfNumbersAndCodes) {
  const Matrix X = small().to_matrix(std::vector<Index>{1, 0, 1});
  ASSERT_EQ(X.rows(), 3);
  ASSERT_EQ(X.cols(), 3);
  EXPECT_EQ(X(0, 0), 1.0);
  EXPECT_EQ(X(2, 0), 0.0);
  EXPECT_EQ(X(2, 1), 54.5);
  EXPECT_EQ(X(2, 2), 0.0);
  EXPECT_TRUE(X.row(1).array().isNaN().all());
}

TEST(Table, ColumnsBecomeLabels) {
  Table table;
  table.add_numeric("n", {3.0, -1.0, 3.0});
  table.add_texts("t", Texts{"yes", "no", "yes"});
  EXPECT_EQ(table.labels(0), Labels({3, -1, 3}));
  EXPECT_EQ(table.labels(1), Labels({"yes", "no", "yes"}));
  const Table one = table.select_rows(std::vector<Index>{0});
  EXPECT_EQ(one.labels(1).classes().size(), 2);  // the vocabulary is taken whole
}

TEST(Table, LabelsRefuseMissingCellsAndDecimals) {
  Table table;
  table.add_numeric("gap", {1.0, 2.0, nan});
  table.add_numeric("half", {1.0, 2.5, 3.5});
  table.add_numeric("huge", {1.0, 2.0, 1e17});
  table.add_texts("t", Texts{"a", std::nullopt, std::nullopt});
  const auto refusal = [&](const char* name) {
    return caught<InvalidArgument>([&] { table.labels(table.column(name)); });
  };
  EXPECT_EQ(refusal("gap").code(), "D027");
  EXPECT_THAT(refusal("t").what(),
              HasSubstr("it is missing in 2 of 3 rows, the first being row 2"));
  EXPECT_EQ(refusal("half").code(), "D028");
  EXPECT_THAT(refusal("half").what(), HasSubstr("2.5 in row 2 is not a whole number"));
  EXPECT_EQ(refusal("huge").code(), "D028");
}

TEST(Table, EqualityLooksAtEverythingAndMissingEqualsMissing) {
  EXPECT_EQ(small(), small());
  EXPECT_NE(small(), small().drop("age"));
  EXPECT_NE(small(), small().select_rows(std::vector<Index>{0, 1}));
  EXPECT_NE(small(), small().select_rows(std::vector<Index>{2, 1, 0}));
  Table other;
  other.add_numeric("age", {31.0, nan, 54.5});
  other.add_texts("city", Texts{"Oslo", "Oslo", "Bergen"});
  EXPECT_NE(small(), other);
}

}  // namespace
}  // namespace lathe
