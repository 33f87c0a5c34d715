#include "lathe/ml/core/parallel.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "lathe/ml/core/random.h"

#include "tests/ml/core/support.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class Parallel : public testing::Test {
 protected:
  ~Parallel() override { set_thread_limit(before_); }

 private:
  int before_ = thread_limit();
};

// A sum whose last bits depend on the order of its terms.
double sum_of_blocks() {
  std::vector<double> terms(100'003);
  Random random(1, "parallel_test");
  for (double& term : terms) term = std::exp(20.0 * random.normal());
  const Index n = static_cast<Index>(terms.size());
  const Index size = 1000;
  std::vector<double> partial(static_cast<std::size_t>((n + size - 1) / size));
  parallel_blocks(n, size, [&](Index block, Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      partial[static_cast<std::size_t>(block)] += terms[static_cast<std::size_t>(i)];
    }
  });
  double total = 0.0;
  for (const double part : partial) total += part;
  return total;
}

TEST_F(Parallel, BitsDoNotDependOnTheThreads) {
  set_thread_limit(1);
  const double expected = sum_of_blocks();
  for (const int threads : {2, 3, 8}) {
    set_thread_limit(threads);
    EXPECT_EQ(sum_of_blocks(), expected) << threads;
  }
  const SerialScope serial;
  EXPECT_EQ(sum_of_blocks(), expected);
}

TEST_F(Parallel, RunsEachNumberOnce) {
  for (const int threads : {1, 2, 8}) {
    set_thread_limit(threads);
    std::vector<std::atomic<int>> count(1000);
    parallel_for(1000, [&](Index i) { ++count[static_cast<std::size_t>(i)]; });
    for (const auto& c : count) ASSERT_EQ(c.load(), 1);
  }
}

TEST_F(Parallel, RunsEachBlockOnceHoweverSharesFall) {
  for (const int threads : {2, 3, 8, 64}) {
    set_thread_limit(threads);
    for (Index n = 1; n < 20; ++n) {
      std::vector<std::atomic<int>> count(static_cast<std::size_t>(n));
      parallel_blocks(n, 1, [&](Index i, Index, Index) { ++count[static_cast<std::size_t>(i)]; });
      for (const auto& c : count) ASSERT_EQ(c.load(), 1) << n << " blocks, " << threads;
    }
  }
}

// The first block ends when all others have, so those of its own share are left to the other
// thread.
TEST_F(Parallel, ThreadsHelpEachOther) {
  set_thread_limit(2);
  std::atomic<int> done{0};
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  parallel_blocks(8, 1, [&](Index block, Index, Index) {
    while (block == 0 && done < 7 && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
    if (block == 0) {
      EXPECT_EQ(done, 7);
    }
    ++done;
  });
}

TEST_F(Parallel, RunsNothingForNothing) {
  set_thread_limit(4);
  parallel_for(0, [](Index) { FAIL(); });
  parallel_blocks(0, 10, [](Index, Index, Index) { FAIL(); });
}

TEST_F(Parallel, CutsBlocksThatCoverTheRange) {
  set_thread_limit(3);
  for (const Index n : {1, 9, 10, 11, 100}) {
    std::vector<std::atomic<int>> count(static_cast<std::size_t>(n));
    parallel_blocks(n, 10, [&](Index block, Index begin, Index end) {
      EXPECT_EQ(begin, block * 10);
      EXPECT_EQ(end, std::min<Index>(n, begin + 10));
      for (Index i = begin; i < end; ++i) ++count[static_cast<std::size_t>(i)];
    });
    for (const auto& c : count) ASSERT_EQ(c.load(), 1);
  }
}

TEST_F(Parallel, ThrowsTheExceptionOfTheLowestNumber) {
  for (const int threads : {1, 2, 8}) {
    set_thread_limit(threads);
    std::string why;
    try {
      parallel_for(500, [](Index i) {
        if (i % 7 == 6) throw InvalidArgument("E000", std::to_string(i));
      });
    } catch (const InvalidArgument& error) {
      why = error.what();
    }
    EXPECT_EQ(why, "6") << threads;
  }
}

TEST_F(Parallel, KeepsTheTypeOfWhatIsThrown) {
  set_thread_limit(4);
  EXPECT_THROW(parallel_for(100, [](Index) { throw CorruptData("E000", ""); }), CorruptData);
  EXPECT_THROW(parallel_for(100, [](Index i) { i == 50 ? throw 5 : void(); }), int);
}

TEST_F(Parallel, WorksAgainAfterAnException) {
  set_thread_limit(4);
  EXPECT_ANY_THROW(parallel_for(100, [](Index) { throw std::runtime_error(""); }));
  std::atomic<int> count = 0;
  parallel_for(100, [&](Index) { ++count; });
  EXPECT_EQ(count.load(), 100);
}

TEST_F(Parallel, NestedCallsRunOnTheThreadOfTheOuterOne) {
  set_thread_limit(4);
  parallel_for(8, [](Index) {
    const auto here = std::this_thread::get_id();
    parallel_for(100, [&](Index) { EXPECT_EQ(std::this_thread::get_id(), here); });
  });
}

TEST_F(Parallel, NestedExceptionsArriveOutside) {
  set_thread_limit(4);
  EXPECT_THAT(refusal([] {
                parallel_for(8, [](Index i) {
                  parallel_for(8, [&](Index j) {
                    if (i >= 3 && j >= 2) {
                      throw InvalidArgument("E000", std::to_string(10 * i + j));
                    }
                  });
                });
              }),
              StartsWith("E000 32"));
}

TEST_F(Parallel, SerialScopeKeepsToThisThreadAndMayBeNested) {
  set_thread_limit(4);
  const auto here = std::this_thread::get_id();
  const auto stays_here = [&] {
    bool all = true;
    parallel_for(200, [&](Index) { all = all && std::this_thread::get_id() == here; });
    return all;
  };
  const SerialScope outer;
  {
    const SerialScope inner;
    EXPECT_TRUE(stays_here());
  }
  EXPECT_TRUE(stays_here());
}

TEST_F(Parallel, SerialScopeIsOfOneThreadOnly) {
  set_thread_limit(2);
  const SerialScope serial;
  std::jthread other([] {
    std::atomic<int> count = 0;
    parallel_for(50, [&](Index) { ++count; });
    EXPECT_EQ(count.load(), 50);
  });
}

TEST_F(Parallel, ManyThreadsMayCallAtOnce) {
  set_thread_limit(2);
  const double expected = sum_of_blocks();
  std::vector<std::jthread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&] { EXPECT_EQ(sum_of_blocks(), expected); });
  }
}

TEST_F(Parallel, RefusesALimitThatCannotBe) {
  for (const int threads : {0, -1, 1025}) {
    EXPECT_THAT(refusal([&] { set_thread_limit(threads); }),
                AllOf(StartsWith("O004 threads = " + std::to_string(threads)),
                      HasSubstr("it must be in [1, 1024]")));
  }
  set_thread_limit(1024);
  EXPECT_EQ(thread_limit(), 1024);
}

TEST(RowBlock, HoldsAbout64KiB) {
  EXPECT_EQ(row_block(0), 4096);
  EXPECT_EQ(row_block(1), 4096);
  EXPECT_EQ(row_block(100), 81);
  EXPECT_EQ(row_block(100'000), 16);
}

// What thread_limit() says in a process of its own with these variables, as the exit code.
int limit_with(const char* lathe, const char* omp) {
  lathe != nullptr ? setenv("LATHE_NUM_THREADS", lathe, 1) : unsetenv("LATHE_NUM_THREADS");
  omp != nullptr ? setenv("OMP_NUM_THREADS", omp, 1) : unsetenv("OMP_NUM_THREADS");
  return thread_limit();
}

TEST(ThreadLimitDeathTest, ComesFromTheEnvironment) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::_Exit(limit_with("3", "7")), testing::ExitedWithCode(3), "");
  EXPECT_EXIT(std::_Exit(limit_with(nullptr, "7")), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(std::_Exit(limit_with(nullptr, "5,2")), testing::ExitedWithCode(5), "");
  EXPECT_EXIT(std::_Exit(limit_with("", "7")), testing::ExitedWithCode(7), "");
  EXPECT_EXIT(std::_Exit(limit_with(nullptr, "none") >= 1 ? 42 : 0), testing::ExitedWithCode(42),
              "");
  EXPECT_EXIT(std::_Exit(limit_with(nullptr, "99999") == 1024 ? 42 : 0),
              testing::ExitedWithCode(42), "");
  EXPECT_EXIT(std::_Exit(limit_with(nullptr, nullptr) >= 1 ? 42 : 0), testing::ExitedWithCode(42),
              "");
}

TEST(ThreadLimitDeathTest, RefusesAVariableThatCannotBe) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* text : {"0", "-2", "none", "3 ", "1025", "99999999999"}) {
    const auto refused = [text] {
      const std::string why = refusal([text] { limit_with(text, "7"); });
      return why == "O004 LATHE_NUM_THREADS = " + std::string(text) +
                         ", but it must be in [1, 1024] | "
                 ? 42
                 : 0;
    };
    EXPECT_EXIT(std::_Exit(refused()), testing::ExitedWithCode(42), "") << text;
  }
}

}  // namespace
}  // namespace lathe
