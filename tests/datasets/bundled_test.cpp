// The tables of datasets/data are what their README says.
#include <gmock/gmock.h>

#include "tests/datasets/support.h"

namespace lathe {
namespace {

struct Bundled {
  const char* file;
  Index rows;
  Index numeric;
  Index categorical;
  Index missing;
};

class BundledTables : public ::testing::TestWithParam<Bundled> {};

TEST_P(BundledTables, HaveTheirShape) {
  const Bundled& expected = GetParam();
  const Table table = read_csv(std::string(LATHE_SOURCE_DIR "/datasets/data/") + expected.file);
  Index numeric = 0;
  Index missing = 0;
  for (Index j = 0; j < table.cols(); ++j) {
    numeric += table.schema()[j].kind == ColumnKind::numeric ? 1 : 0;
    missing += table.missing_count(j);
  }
  EXPECT_EQ(table.rows(), expected.rows);
  EXPECT_EQ(numeric, expected.numeric);
  EXPECT_EQ(table.cols() - numeric, expected.categorical);
  EXPECT_EQ(missing, expected.missing);
}

INSTANTIATE_TEST_SUITE_P(All, BundledTables,
                         ::testing::Values(Bundled{"penguins.csv", 344, 5, 3, 19},
                                           Bundled{"credit.csv", 4454, 9, 5, 455},
                                           Bundled{"ames.csv.gz", 2930, 34, 40, 0},
                                           Bundled{"seattle_weather.csv", 1461, 4, 2, 0},
                                           Bundled{"diabetes.csv", 442, 11, 0, 0},
                                           Bundled{"linnerud.csv", 20, 6, 0, 0}),
                         [](const auto& test) {
                           const std::string file = test.param.file;
                           return file.substr(0, file.find('.'));
                         });

TEST(Bundled, PenguinsHaveTheirCells) {
  const Table table = read_csv(LATHE_SOURCE_DIR "/datasets/data/penguins.csv");
  EXPECT_EQ(table.labels(table.column("species")).name(343), "Chinstrap");
  EXPECT_EQ(numbers(table, "bill_length_mm")[0], 39.1);
  EXPECT_EQ(texts(table, "sex")[3], "<missing>");
  EXPECT_TRUE(table.is_missing(3, table.column("body_mass_g")));
}

}  // namespace
}  // namespace lathe
