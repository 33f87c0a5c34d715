#include "lathe/server/work.h"

#include <gtest/gtest.h>

#include "lathe/server/address.h"
#include "lathe/server/error.h"

#include "tests/server/models.h"

namespace lathe::server {

namespace {

using namespace std::chrono_literals;
using Clock = Work::Clock;

TEST(Work, IsLongByWhatItsRowsTook) {
  const auto served = std::make_shared<ServedModel>("linear", 1, linear_model(3));
  EXPECT_LT(served->estimate(1), 1us) << "nothing is known yet";
  served->warm();
  EXPECT_LE(served->estimate(1), served->estimate(1000));
  EXPECT_FALSE(plan(served, matrix_request("linear", random_matrix(1, 3, 1), true)).is_long);
  Request request = matrix_request("linear", random_matrix(1, 3, 1), true);
  request.mutable_inputs(0)->set_shape(0, std::numeric_limits<std::int64_t>::max());
  EXPECT_TRUE(plan(served, request).is_long) << "what is said is not yet checked";
  request.mutable_inputs(0)->set_shape(0, -1);
  EXPECT_FALSE(plan(served, request).is_long);
  EXPECT_FALSE(plan(served, Request{}).is_long);
}

TEST(Work, TakesItsRowsAndItsOutputs) {
  const auto served = std::make_shared<ServedModel>("linear", 1, linear_model(3));
  Request request = matrix_request("linear", random_matrix(10, 3, 1), true);
  EXPECT_EQ(plan(served, request).bytes, 10U * 4 * sizeof(double));
  request.mutable_inputs(0)->set_shape(0, std::numeric_limits<std::int64_t>::max());
  EXPECT_LE(plan(served, request).bytes, request.ByteSizeLong() * 4 * sizeof(double));
  EXPECT_EQ(plan(served, request, {}, 30).bytes, (30U + 30) * sizeof(double))
      << "more will be refused";
}

TEST(Work, EndsAtTheSoonerDeadline) {
  const auto served = std::make_shared<ServedModel>("linear", 1, linear_model(3));
  Request request;
  const Work patient = plan(served, request);
  EXPECT_EQ(patient.times.deadline, Clock::time_point::max());
  EXPECT_NO_THROW(patient.check_deadline());
  (*request.mutable_parameters())["timeout"].set_int64_param(3'600'000'000);
  const Work hour = plan(served, request);
  EXPECT_EQ(hour.times.deadline, hour.times.arrived + 1h);
  EXPECT_NO_THROW(hour.check_deadline());
  const Work late = plan(served, request, {.deadline = Clock::now()});
  EXPECT_LT(late.times.deadline, hour.times.deadline);
  EXPECT_THROW(late.check_deadline(), DeadlineExceeded);
}

TEST(Address, IsLocalWhereOnlyThisMachineReachesIt) {
  for (const char* address : {"127.0.0.1:1", "127.8.9.1:1", "localhost:1", "[::1]:1", "unix:x"}) {
    EXPECT_TRUE(is_local(address)) << address;
  }
  for (const char* address : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "host:1"}) {
    EXPECT_FALSE(is_local(address)) << address;
  }
}

}  // namespace

}  // namespace lathe::server
