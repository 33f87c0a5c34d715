#include "lathe/preprocessing/drop.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

TEST(Drop, GivesNothingOn) {
  const DropModel model = Drop{}.fit(Matrix{{1.0, missing}});
  EXPECT_EQ(model.n_features_in(), 2);
  EXPECT_EQ(model.transform(Matrix(3, 2)).cols(), 0);
  EXPECT_EQ(model.columns_out(numeric_schema(2)), Schema{});
  EXPECT_EQ(reloaded(model).n_features_in(), 2);
  expect_hardened(model, Matrix{{1.0, missing}});
}

TEST(Drop, RefusesOtherColumns) {
  const DropModel model = Drop{}.fit(Matrix{{1.0, 2.0}});
  EXPECT_EQ(refusal([&] { model.transform(Matrix(1, 3)); }).substr(0, 4), "X006");
}

}  // namespace
}  // namespace lathe
