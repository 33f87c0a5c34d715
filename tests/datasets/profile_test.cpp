#include "lathe/datasets/profile.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "tests/datasets/support.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> hints(const TableProfile& result, std::size_t column) {
  std::vector<std::string> kinds;
  for (const Hint& hint : result.columns[column].hints) kinds.emplace_back(to_text(hint.kind));
  return kinds;
}

TEST(Profile, DescribesNumbers) {
  const TableProfile result = profile(parse("a,b\n4,x\n1,x\n,y\n2,y\n3,x\n3,x\n"));
  ASSERT_EQ(result.rows, 6);
  const ColumnProfile& a = result.columns[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.kind, ColumnKind::numeric);
  EXPECT_EQ(a.count, 5);
  EXPECT_EQ(a.missing, 1);
  EXPECT_EQ(a.distinct, 4);
  EXPECT_DOUBLE_EQ(a.mean, 2.6);
  EXPECT_DOUBLE_EQ(a.sd, std::sqrt(1.3));
  EXPECT_EQ(a.min, 1.0);
  EXPECT_EQ(a.q1, 2.0);
  EXPECT_EQ(a.median, 3.0);
  EXPECT_EQ(a.q3, 3.0);
  EXPECT_EQ(a.max, 4.0);
  EXPECT_THAT(a.hints, IsEmpty());
}

TEST(Profile, QuartilesAreInterpolated) {
  const ColumnProfile a = profile(parse("a\n1\n2\n3\n10\n")).columns[0];
  EXPECT_DOUBLE_EQ(a.q1, 1.75);
  EXPECT_DOUBLE_EQ(a.median, 2.5);
  EXPECT_DOUBLE_EQ(a.q3, 4.75);
}

TEST(Profile, CountsLevelsTheMostFrequentFirst) {
  const Table table = parse("b,n\nx,1\nc,2\nx,3\n,4\na,5\nc,6\nb,7\n");
  const ColumnProfile b = profile(table, std::nullopt, 3).columns[0];
  EXPECT_EQ(b.kind, ColumnKind::categorical);
  EXPECT_EQ(b.count, 6);
  EXPECT_EQ(b.missing, 1);
  EXPECT_EQ(b.distinct, 4);
  EXPECT_THAT(b.levels, ElementsAre(LevelCount{"c", 2}, LevelCount{"x", 2}, LevelCount{"a", 1}));
  EXPECT_TRUE(std::isnan(b.mean));
  EXPECT_THAT(profile(table, std::nullopt, 0).columns[0].levels, IsEmpty());
}

TEST(Profile, LevelsThatNoRowHasDoNotCount) {
  const Table chosen = parse("b\nx\ny\nz\n").select_rows(std::vector<Index>{0, 0});
  EXPECT_EQ(profile(chosen).columns[0].distinct, 1);
  EXPECT_THAT(profile(chosen).columns[0].levels, ElementsAre(LevelCount{"x", 2}));
}

TEST(Profile, ColumnsWithFewCells) {
  const TableProfile result = profile(parse("a,b\n,5\n"));
  EXPECT_TRUE(std::isnan(result.columns[0].mean));
  EXPECT_TRUE(std::isnan(result.columns[0].max));
  EXPECT_EQ(result.columns[1].mean, 5.0);
  EXPECT_TRUE(std::isnan(result.columns[1].sd));
  EXPECT_EQ(result.columns[1].q3, 5.0);
  EXPECT_EQ(profile(parse("a\n")).columns[0].count, 0);
  EXPECT_THAT(profile(Table()).columns, IsEmpty());
}

TEST(Profile, DeviationsKeepTheirDigitsAtAnyOffsetAndScale) {
  // As NIST's NumAcc3 and NumAcc4: the sum of squares alone would lose all digits.
  std::vector<double> offset = {10000000.2};
  for (int i = 0; i < 500; ++i) offset.insert(offset.end(), {10000000.1, 10000000.3});
  const double max = std::numeric_limits<double>::max();
  const double least = std::numeric_limits<double>::denorm_min();
  Table table;
  table.add_numeric("offset", offset);
  ColumnProfile column = profile(table).columns[0];
  EXPECT_NEAR(column.mean, 10000000.2, 1e-8);
  EXPECT_NEAR(column.sd, 0.1, 1e-9);  // as far as the decimals survive in a double

  Table ends;
  ends.add_numeric("huge", {max, max, max});
  ends.add_numeric("wide", {-max, 0.0, max});
  ends.add_numeric("tiny", {2 * least, 4 * least, 6 * least});
  const auto columns = profile(ends).columns;
  EXPECT_EQ(columns[0].mean, max);
  EXPECT_EQ(columns[0].sd, 0.0);
  EXPECT_EQ(columns[1].mean, 0.0);
  EXPECT_EQ(columns[1].sd, max);
  EXPECT_EQ(columns[1].q1, -max / 2);
  EXPECT_EQ(columns[2].mean, 4 * least);
  EXPECT_EQ(columns[2].sd, 2 * least);
}

TEST(Profile, AutocorrelationIsOfNeighbouringRows) {
  const auto of = [](std::vector<double> values) {
    Table table;
    table.add_numeric("a", std::move(values));
    return profile(table).columns[0].autocorrelation;
  };
  const double missing = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(of({1.0, 2.0, 3.0, 4.0}), 0.25);            // (0.75 - 0.25 + 0.75) / 5
  EXPECT_EQ(of({1.0, 2.0, missing, 6.0}), 2.0 / 14.0);  // about 3: -2 and -1 are neighbours
  EXPECT_EQ(of({1e300, -1e300}), -0.5);
  EXPECT_TRUE(std::isnan(of({7.0, 7.0})));
  // NIST's NumAcc4, certified: -0.999.
  std::vector<double> offset = {10000000.2};
  for (int i = 0; i < 500; ++i) offset.insert(offset.end(), {10000000.1, 10000000.3});
  EXPECT_NEAR(of(offset), -0.999, 1e-10);
}

TEST(Profile, HintsAtColumnsThatSayNothing) {
  const TableProfile result =
      profile(parse("empty,same,one,key,cat\n,5,,k1,a\n,5,3,k2,a\n,5,,k3,b\n,,,k4,b\n"));
  EXPECT_THAT(hints(result, 0), ElementsAre("all_missing"));
  EXPECT_THAT(hints(result, 1), ElementsAre("constant"));
  EXPECT_THAT(hints(result, 2), IsEmpty());
  EXPECT_THAT(hints(result, 3), ElementsAre("all_distinct"));
  EXPECT_EQ(result.columns[3].hints[0].text, "all 4 texts differ: a name or a key?");
  EXPECT_THAT(hints(result, 4), IsEmpty());
}

TEST(Profile, HintsAtTextThatIsMostlyNumbers) {
  const TableProfile result = profile(parse("a,b\n1,x\n2,1\n2,y\n?,x\nnone,x\n"));
  EXPECT_THAT(hints(result, 0), ElementsAre("mostly_numbers"));
  EXPECT_EQ(result.columns[0].hints[0].text, "3 of 4 cells are numbers, taken as text");
  EXPECT_THAT(hints(result, 1), IsEmpty());
}

TEST(Profile, HintsAtColumnsThatAreTheSame) {
  const TableProfile result =
      profile(parse("a,b,c,d,e,f\n1,x,1,x,2,1\n2,y,2,y,1,2\n,x,,x,,3\n5,z,5.0,\"z\",5,5\n"));
  EXPECT_THAT(hints(result, 0), IsEmpty());
  EXPECT_THAT(hints(result, 1), IsEmpty());
  EXPECT_THAT(hints(result, 2), ElementsAre("duplicate"));
  EXPECT_EQ(result.columns[2].hints[0].text, "the same as column \"a\"");
  EXPECT_THAT(hints(result, 3), ElementsAre("duplicate"));
  EXPECT_THAT(hints(result, 4), IsEmpty());  // the same numbers in another order
  EXPECT_THAT(hints(result, 5), IsEmpty());
}

TEST(Profile, LooksAtTheTarget) {
  const Table table = parse("a,y,z\n1,1,p\n,,q\n3,3,r\n");
  const TableProfile result = profile(table, "y");
  EXPECT_THAT(hints(result, 0), ElementsAre("equals_target"));
  EXPECT_THAT(hints(result, 1), ElementsAre("missing_target", "duplicate"));
  EXPECT_EQ(result.columns[1].hints[0].text, "the target is missing in 1 of 3 rows");
  EXPECT_EQ(caught<NotFound>([&] { profile(table, "Y"); }).code(), "D021");
}

}  // namespace
}  // namespace lathe
