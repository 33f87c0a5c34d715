#include "lathe/ml/core/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "lathe/ml/core/large_memory.h"

#include "tests/ml/core/kernel_data.h"

namespace lathe {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double epsilon = std::numeric_limits<double>::epsilon();

TEST(Dot, EqualsTheLongDoubleSumToRounding) {
  for (const Index n : lengths) {
    const Matrix a = random_matrix(1, n, 1, 5.0);
    const Matrix b = random_matrix(1, n, 2, 5.0);
    long double exact = 0.0L;
    long double size = 0.0L;
    for (Index i = 0; i < n; ++i) {
      exact += static_cast<long double>(a(0, i)) * static_cast<long double>(b(0, i));
      size += std::abs(static_cast<long double>(a(0, i)) * static_cast<long double>(b(0, i)));
    }
    const double bound = static_cast<double>(size) * epsilon * (static_cast<double>(n) / 8 + 4);
    EXPECT_NEAR(kernels::dot(a.data(), b.data(), n), static_cast<double>(exact), bound) << n;
  }
}

TEST(SquaredDistance, EqualsTheLongDoubleSumToRounding) {
  for (const Index n : lengths) {
    const Matrix a = random_matrix(1, n, 3, 3.0);
    const Matrix b = random_matrix(1, n, 4, 3.0);
    long double exact = 0.0L;
    for (Index i = 0; i < n; ++i) {
      const long double d = static_cast<long double>(a(0, i)) - static_cast<long double>(b(0, i));
      exact += d * d;
    }
    const double expected = static_cast<double>(exact);
    EXPECT_NEAR(kernels::squared_distance(a.data(), b.data(), n), expected,
                expected * epsilon * (static_cast<double>(n) / 8 + 6))
        << n;
  }
}

TEST(Sum, EqualsTheLongDoubleSumToRounding) {
  for (const Index n : lengths) {
    const Matrix a = random_matrix(1, n, 5, 5.0);
    long double exact = 0.0L;
    long double size = 0.0L;
    for (Index i = 0; i < n; ++i) {
      exact += static_cast<long double>(a(0, i));
      size += std::abs(static_cast<long double>(a(0, i)));
    }
    EXPECT_NEAR(kernels::sum(a.data(), n), static_cast<double>(exact),
                static_cast<double>(size) * epsilon * (static_cast<double>(n) / 8 + 4))
        << n;
  }
}

TEST(Sum, OfNothingIsZero) {
  EXPECT_EQ(bits(kernels::sum(nullptr, 0)), bits(0.0));
  EXPECT_EQ(bits(kernels::dot(nullptr, nullptr, 0)), bits(0.0));
}

TEST(Sum, AddsInEightLanesAndOneTree) {
  for (const Index n : lengths) {
    const Matrix a = random_matrix(1, n, 6, 8.0);
    double lane[8] = {};
    for (Index i = 0; i < n; ++i) lane[i % 8] += a(0, i);
    double four[4];
    for (int i = 0; i < 4; ++i) four[i] = lane[i] + lane[i + 4];
    const double expected = (four[0] + four[2]) + (four[1] + four[3]);
    EXPECT_EQ(bits(kernels::sum(a.data(), n)), bits(expected)) << n;
  }
}

TEST(AllFinite, FindsNaNAndInfinityWhereverTheyAre) {
  constexpr double huge = std::numeric_limits<double>::max();
  for (const Index n : lengths) {
    if (n > 100) continue;
    std::vector<double> a(static_cast<std::size_t>(n), huge);
    EXPECT_TRUE(kernels::all_finite(a.data(), n));
    for (double& cell : a) {
      for (const double bad : {nan, -nan, infinity, -infinity}) {
        cell = bad;
        ASSERT_FALSE(kernels::all_finite(a.data(), n));
      }
      cell = -0.0;
    }
    EXPECT_TRUE(kernels::all_finite(a.data(), n));
  }
}

TEST(Kernels, GiveTheSameBitsAtAnyAddress) {
  for (const Index n : lengths) {
    const Matrix a = random_matrix(1, n, 7, 3.0);
    const Matrix b = random_matrix(1, n, 8, 3.0);
    const double dot = kernels::dot(a.data(), b.data(), n);
    const double distance = kernels::squared_distance(a.data(), b.data(), n);
    const double sum = kernels::sum(a.data(), n);
    for (std::size_t shift = 1; shift < 8; ++shift) {
      std::vector<double> at(static_cast<std::size_t>(n) + 8);
      std::vector<double> bt(static_cast<std::size_t>(n) + 8);
      std::copy_n(a.data(), n, at.data() + shift);
      std::copy_n(b.data(), n, bt.data() + 8 - shift);
      const double* pa = at.data() + shift;
      const double* pb = bt.data() + 8 - shift;
      ASSERT_EQ(bits(kernels::dot(pa, pb, n)), bits(dot));
      ASSERT_EQ(bits(kernels::squared_distance(pa, pb, n)), bits(distance));
      ASSERT_EQ(bits(kernels::sum(pa, n)), bits(sum));
    }
  }
}

TEST(Affine, IsDotAndInterceptRowByRow) {
  for (const Index d : {1, 2, 7, 8, 9, 30}) {
    for (const Index t : {1, 3}) {
      const Matrix X = random_matrix(5, d, 10);
      const Matrix coef = random_matrix(t, d, 11);
      const Vector intercept = random_matrix(1, t, 12).row(0).transpose();
      Matrix out(5, t);
      kernels::affine(X, coef, intercept, out);
      for (Index i = 0; i < 5; ++i) {
        for (Index k = 0; k < t; ++k) {
          const double expected =
              kernels::dot(X.data() + i * d, coef.data() + k * d, d) + intercept[k];
          ASSERT_EQ(bits(out(i, k)), bits(expected));
        }
      }
      expect_rows_independent(X, t, [&](const MatrixView& rows, MatrixRef result) {
        kernels::affine(rows, coef, intercept, result);
      });
    }
  }
}

TEST(Standardise, SubtractsAndDividesExactly) {
  for (const Index d : {1, 2, 3, 4, 5, 7, 8, 9, 17}) {
    Matrix X = random_matrix(4, d, 13, 3.0);
    X(1, 0) = nan;
    const Vector shift = random_matrix(1, d, 14).row(0).transpose();
    const Vector scale = random_matrix(1, d, 15).row(0).transpose();
    Matrix out(4, d);
    kernels::standardise(X, shift, scale, out);
    for (Index i = 0; i < 4; ++i) {
      for (Index j = 0; j < d; ++j) {
        if (i == 1 && j == 0) {
          ASSERT_TRUE(std::isnan(out(i, j)));
        } else {
          ASSERT_EQ(bits(out(i, j)), bits((X(i, j) - shift[j]) / scale[j]));
        }
      }
    }
    X(1, 0) = 0.0;
    expect_rows_independent(X, d, [&](const MatrixView& rows, MatrixRef result) {
      kernels::standardise(rows, shift, scale, result);
    });
  }
}

// Wherever the result begins and however rows lie: what is standardised past the cache, and beside
// it.
bool past_the_cache_as_through_it() {
  bool right = true;
  for (const Index d : {1, 3, 8, 13, 20, 64, 255, 257}) {
    const Matrix X = random_matrix(9, d, 16);
    const Vector shift = random_matrix(1, d, 17).row(0).transpose();
    const Vector scale = random_matrix(1, d, 18).row(0).transpose();
    Matrix expected(9, d);
    kernels::standardise(X, shift, scale, expected);
    for (const Index gap : {0, 3}) {
      for (Index start = 0; start < 9; ++start) {
        Vector room = Vector::Constant(start + 9 * (d + gap) + 1, 7.0);
        Eigen::Map<Matrix, 0, Eigen::OuterStride<>> out(room.data() + start, 9, d,
                                                        Eigen::OuterStride<>(d + gap));
        const PastCache past(out.data(), 9 * (d + gap), Index{1} << 30);
        kernels::standardise(X, shift, scale, out);
        right = right && goes_past_cache(out.data()) && same_bits(out, expected);
        out.setConstant(7.0);
        right = right && (room.array() == 7.0).all();
      }
    }
  }
  return right;
}

TEST(Standardise, PastTheCacheAsThroughIt) { EXPECT_TRUE(past_the_cache_as_through_it()); }

TEST(StandardiseDeathTest, DoesAtEachLevel) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* level : kernel_levels) {
    EXPECT_EXIT(std::_Exit(holds_at(level, past_the_cache_as_through_it)),
                testing::ExitedWithCode(42), "")
        << level;
  }
}

TEST(PastCache, IsForLargeResultsAndEnds) {
  const Vector numbers(8);
  {
    const PastCache small(numbers.data(), 8, 8);
    EXPECT_FALSE(goes_past_cache(numbers.data()));
    const PastCache large(numbers.data(), 4, Index{1} << 30);
    EXPECT_TRUE(goes_past_cache(numbers.data() + 3));
    EXPECT_FALSE(goes_past_cache(numbers.data() + 4));
  }
  EXPECT_FALSE(goes_past_cache(numbers.data()));
}

TEST(SquaredDistances, AreThoseOfEachPair) {
  for (const Index d : {1, 2, 5, 8, 13}) {
    const Matrix X = random_matrix(6, d, 16);
    const Matrix centres = random_matrix(4, d, 17);
    Matrix out(6, 4);
    kernels::squared_distances(X, centres, out);
    for (Index i = 0; i < 6; ++i) {
      for (Index c = 0; c < 4; ++c) {
        const double expected =
            kernels::squared_distance(X.data() + i * d, centres.data() + c * d, d);
        ASSERT_EQ(bits(out(i, c)), bits(expected));
      }
    }
    expect_rows_independent(X, 4, [&](const MatrixView& rows, MatrixRef result) {
      kernels::squared_distances(rows, centres, result);
    });
  }
}

}  // namespace
}  // namespace lathe
