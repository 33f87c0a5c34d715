// Every instruction level gives the same bits.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>

#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/moments.h"

#include "tests/ml/core/kernel_data.h"
#include "tests/ml/core/support.h"

namespace lathe {
namespace {

// A checksum over all kernels: seven bits, to be an exit code.
int checksum() {
  std::uint64_t hash = 14695981039346656037ULL;
  const auto add = [&](double v) {
    for (int i = 0; i < 8; ++i) hash = (hash ^ ((bits(v) >> (8 * i)) & 0xFF)) * 1099511628211ULL;
  };
  for (const Index n : lengths) {
    Matrix a = random_matrix(1, n, 30, 3.0);
    const Matrix b = random_matrix(1, n, 31, 3.0);
    add(kernels::dot(a.data(), b.data(), n));
    add(kernels::squared_distance(a.data(), b.data(), n));
    add(kernels::sum(a.data(), n));
    kernels::standardise(a, b.row(0).transpose(), b.row(0).transpose(), a);
    kernels::logistic(a.data(), n / 2);
    kernels::exp(a.data() + n / 2, n - n / 2);
    for (Index i = 0; i < n; ++i) add(a(0, i));
    if (n == 0) continue;
    const Moments moments = column_moments(random_matrix(600, n, 32, 3.0));
    for (const double mean : moments.mean) add(mean);
    for (const double spread : moments.spread) add(spread);
    std::vector<double> weight(600, 1e-20);
    weight[300] = 1.0;
    const Moments uneven = column_moments(random_matrix(600, n, 33, 3.0), weight);
    for (const double mean : uneven.mean) add(mean);
    for (const double spread : uneven.spread) add(spread);
  }
  return static_cast<int>((hash ^ (hash >> 32)) & 0x7F);
}

// In a process of its own, in which no kernel has run: a level is chosen once. Where the processor
// has it not, what this process has.
int checksum_at(const char* level) {
  setenv("LATHE_KERNELS", level, 1);
  try {
    if (kernels::level() != level) return 255;
  } catch (const InvalidArgument&) {
    unsetenv("LATHE_KERNELS");
  }
  return checksum();
}

TEST(KernelLevelDeathTest, GivesTheSameBitsAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // Asked for in this process only, after the other has ended.
  const auto same = [](int status) {
    return WIFEXITED(status) && WEXITSTATUS(status) == checksum();
  };
  for (const char* level : kernel_levels) {
    EXPECT_EXIT(std::_Exit(checksum_at(level)), same, "") << level;
  }
}

TEST(KernelLevelDeathTest, IsRefusedWhereTheProcessorHasItNot) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto refused = [] {
    setenv("LATHE_KERNELS", "x86-64-v9", 1);
    const std::string why = refusal([] { kernels::level(); });
    const bool right = why ==
                       "O005 LATHE_KERNELS=x86-64-v9 is not a level of this processor | baseline "
                       "always is; x86-64-v3 and x86-64-v4 may be";
    return right ? 42 : 0;
  };
  EXPECT_EXIT(std::_Exit(refused()), testing::ExitedWithCode(42), "");
}

TEST(KernelLevel, IsOneOfThree) {
  const std::string_view level = kernels::level();
  EXPECT_TRUE(level == "baseline" || level == "x86-64-v3" || level == "x86-64-v4") << level;
}

}  // namespace
}  // namespace lathe
