#include "lathe/server/worker.h"

#include <latch>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/core/error.h"

namespace lathe::server {

namespace {

TEST(Worker, DoesJobsInOrderAndRefusesMoreThanMayWait) {
  std::vector<int> done;
  {
    std::latch started(1);
    std::latch go(1);
    Worker worker({.threads = 1, .most_waiting = 2, .work = "jobs", .cure = "patience"});
    worker.post([&] {
      started.count_down();
      go.wait();
      done.push_back(0);
    });
    started.wait();
    worker.post([&] { done.push_back(1); });
    worker.post([&] { done.push_back(2); });
    try {
      worker.post([&] { done.push_back(3); });
      ADD_FAILURE() << "there is no room for it";
    } catch (const Overloaded& error) {
      EXPECT_STREQ(error.what(), "2 jobs wait for a thread: that is the limit");
      EXPECT_EQ(error.help(), "patience");
    }
    go.count_down();
  }
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2})) << "those that wait are done before it ends";
}

TEST(Worker, HasThreadsThatWorkAtOnce) {
  std::latch both(2);
  Worker worker({.threads = 2, .most_waiting = 2, .work = "jobs", .cure = ""});
  for (int i = 0; i < 2; ++i) {
    worker.post([&] { both.arrive_and_wait(); });  // one alone would wait for ever
  }
  both.wait();
}

}  // namespace

}  // namespace lathe::server
