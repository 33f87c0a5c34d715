// The client that the other tests trust: it tells good replies from bad ones.
#include "benchmarks/serving/load.h"

#include <system_error>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/temporary_folder.h"
#include "tests/serving/daemon.h"
#include "tests/serving/versions.h"

namespace lathe::server {

namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(Histogram, QuantilesAreWithinOnePercent) {
  Histogram histogram;
  for (int i = 1; i <= 100'000; ++i) histogram.add(nanoseconds(i * 10));
  EXPECT_EQ(histogram.count(), 100'000U);
  for (const double q : {0.01, 0.5, 0.99, 1.0}) {
    EXPECT_NEAR(static_cast<double>(histogram.quantile(q).count()), q * 1e6, q * 1e4) << q;
  }
}

TEST(Histogram, MergesAndKeepsExtremes) {
  Histogram a, b;
  a.add(nanoseconds(-5));
  b.add(nanoseconds(std::numeric_limits<std::int64_t>::max()));
  a.merge(b);
  EXPECT_EQ(a.count(), 2U);
  EXPECT_EQ(a.quantile(0.5), nanoseconds(0));
  EXPECT_GT(a.quantile(1.0), nanoseconds(std::numeric_limits<std::int64_t>::max()) * 0.99);
  EXPECT_EQ(Histogram().quantile(0.5), nanoseconds(0));
}

class LoadTest : public testing::Test {
 protected:
  Load load(const std::string& method) const {
    Load load{.address = daemon_.address(), .method = method, .requests = {versions_.request()}};
    load.replies = 200;
    load.channels = 2;
    return load;
  }

  TemporaryFolder folder_;
  Versions versions_{folder_.path(), 20};
  Daemon daemon_{folder_.path().string(), folder_.path().string()};
};

TEST_F(LoadTest, CountsGoodReplies) {
  for (const char* const method : {"ModelInfer", "ModelStreamInfer"}) {
    const LoadReport report = run_load(load(method));
    EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
    EXPECT_GE(report.replies, 200U);
    EXPECT_EQ(report.latency.count(), report.replies);
  }
}

TEST_F(LoadTest, OpenLoopSendsWhatIsDueByOne) {
  Load open = load("ModelInfer");
  open.rate = 20'000.0;
  open.in_flight = 1;
  const LoadReport report = run_load(open);
  EXPECT_THAT(report.errors, ElementsAre()) << report.first_error;
  EXPECT_GE(report.replies, 200U);
}

TEST_F(LoadTest, ARefusalIsAnErrorByItsStatus) {
  Load refused = load("ModelInfer");
  refused.requests = {""};  // names no model
  refused.replies = 0;
  refused.duration = std::chrono::milliseconds(50);
  const LoadReport report = run_load(refused);
  EXPECT_EQ(report.replies, 0U);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.errors.begin()->first, "NOT_FOUND");
  EXPECT_THAT(report.first_error, HasSubstr("R001"));
}

TEST_F(LoadTest, AReplyThatTheCallerRefusesIsAnError) {
  Load checked = load("ModelInfer");
  checked.duration = std::chrono::milliseconds(50);
  int seen = 0;
  checked.check = [&seen](std::size_t, std::string_view) {
    return ++seen % 10 == 0 ? std::string("the tenth") : std::string();
  };
  const LoadReport report = run_load(checked);
  ASSERT_EQ(report.errors.size(), 1U);
  EXPECT_EQ(report.errors.at("WRONG_REPLY"), static_cast<std::uint64_t>(seen) / 10);
  EXPECT_EQ(report.first_error, "WRONG_REPLY: the tenth");
}

TEST_F(LoadTest, AServerThatGoesIsAnError) {
  Load endless = load("ModelInfer");
  endless.replies = 0;
  int seen = 0;
  endless.check = [this, &seen](std::size_t, std::string_view) {
    if (++seen == 100) daemon_.stop();
    return std::string();
  };
  const LoadReport report = run_load(endless);
  EXPECT_FALSE(report.errors.empty());
  EXPECT_THROW(run_load(endless), std::system_error);
}

}  // namespace

}  // namespace lathe::server
