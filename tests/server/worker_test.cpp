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
    Worker worker(2);
    worker.post([&] {
      started.count_down();
      go.wait();
      done.push_back(0);
    });
    started.wait();
    worker.post([&] { done.push_back(1); });
    worker.post([&] { done.push_back(2); });
    EXPECT_THROW(worker.post([&] { done.push_back(3); }), Overloaded);
    go.count_down();
  }
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2})) << "those that wait are done before it ends";
}

}  // namespace

}  // namespace lathe::server
