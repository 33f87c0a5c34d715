#include "lathe/server/served_model.h"

#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

using testing::ElementsAre;

// Notes the rows that it is given.
class Noting final : public Regressor {
 public:
  explicit Noting(std::vector<Matrix>& seen) : seen_(seen) {}

  std::string_view name() const override { return "noting"; }
  Index n_features_in() const override { return 2; }
  Index n_targets() const override { return 1; }
  void predict_into(const MatrixView& X, MatrixRef out) const override {
    seen_.emplace_back(X);
    if (X(0, 0) < 0.0) throw InvalidArgument("X002", "refused");
    out.setZero();
  }
  void save(OutputArchive&) const override {}

 private:
  std::vector<Matrix>& seen_;
};

ServedModel served(std::vector<Matrix>& seen,
                   std::vector<std::vector<std::optional<double>>> warm_rows) {
  Contract contract = linear_model(2).contract();
  contract.warm_rows = std::move(warm_rows);
  return {"m", 1, FittedPipeline(contract, std::make_shared<Noting>(seen))};
}

TEST(ServedModel, WarmsWithTheRowsOfTheModelAloneAndTogether) {
  std::vector<Matrix> seen;
  served(seen, {{1.0, 2.0}, {-3.0, 4.0}}).warm();
  ASSERT_GE(seen.size(), 3U);
  EXPECT_EQ(seen[0], (Matrix{{1.0, 2.0}}));
  EXPECT_EQ(seen[1], (Matrix{{-3.0, 4.0}})) << "to refuse a row is an answer";
  EXPECT_EQ(seen[2], (Matrix{{1.0, 2.0}, {-3.0, 4.0}}));
}

TEST(ServedModel, WarmsWithTheAverageRowWhereNoneIsKept) {
  std::vector<Matrix> seen;
  const ServedModel model = served(seen, {});
  model.warm();
  ASSERT_GE(seen.size(), 1U);
  EXPECT_EQ(seen[0], ordinary_row(model.contract()));
}

}  // namespace

}  // namespace lathe::server
