#include "lathe/ml/linear/student.h"

#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

namespace lathe {
namespace {

void expect_close(double got, double expected) {
  EXPECT_NEAR(got, expected, 1e-13 * std::abs(expected));
}

TEST(Student, OneAndTwoDegreesOfFreedomHaveClosedForms) {
  for (const double t : {0.01, 0.5, 1.0, 3.0, 40.0}) {
    expect_close(student_two_sided(t, 1.0), 2.0 / std::numbers::pi * std::atan(1.0 / t));
    const double root = std::sqrt(2.0 + t * t);
    expect_close(student_two_sided(t, 2.0), 2.0 / (root * (root + t)));
  }
  EXPECT_EQ(student_two_sided(0.0, 5.0), 1.0);
  EXPECT_EQ(student_two_sided(-1.0, 5.0), student_two_sided(1.0, 5.0));
}

TEST(Student, SmallTailsKeepTheirDigits) {
  // P(|T| > t) for t = 1e10 and 3 degrees of freedom: 4 sqrt(3) / (pi t^3) (1 + O(t^-2)).
  expect_close(student_two_sided(1e10, 3.0), 4.0 * std::sqrt(3.0) / (std::numbers::pi * 1e30));
  EXPECT_EQ(student_two_sided(std::numeric_limits<double>::infinity(), 3.0), 0.0);
}

TEST(Student, ManyDegreesOfFreedomApproachTheNormal) {
  const double t = 1.959963984540054;
  // The first term of the expansion in 1 / dof: density(t) (t + t^3) / (2 dof) in the two tails.
  const double density = std::exp(-0.5 * t * t) / std::sqrt(2.0 * std::numbers::pi);
  for (const double dof : {1e6, 1e7}) {
    const double expected = 0.05 + density * (t + t * t * t) / (2.0 * dof);
    EXPECT_NEAR(student_two_sided(t, dof), expected, 5e-11) << dof;
  }
}

TEST(Student, QuantilesInvertTheTails) {
  expect_close(student_quantile(0.75, 1.0), 1.0);
  expect_close(student_quantile(0.975, 1.0), std::tan(0.475 * std::numbers::pi));
  EXPECT_EQ(student_quantile(0.25, 7.0), -student_quantile(0.75, 7.0));
  expect_close(student_two_sided(student_quantile(0.975, 9.0), 9.0), 0.05);
  EXPECT_EQ(student_quantile(0.5, 4.0), 0.0);
}

TEST(Fisher, TwoDegreesOfFreedomHaveAClosedForm) {
  for (const double f : {0.1, 1.0, 20.0}) {
    expect_close(fisher_above(f, 2.0, 7.0), std::pow(1.0 + 2.0 * f / 7.0, -3.5));
  }
  expect_close(fisher_above(2.25, 1.0, 7.0), student_two_sided(1.5, 7.0));
  EXPECT_EQ(fisher_above(0.0, 2.0, 3.0), 1.0);
  EXPECT_EQ(fisher_above(std::numeric_limits<double>::infinity(), 2.0, 3.0), 0.0);
}

TEST(Student, WhatIsNotDefinedIsNan) {
  EXPECT_TRUE(std::isnan(student_two_sided(std::nan(""), 3.0)));
  EXPECT_TRUE(std::isnan(student_two_sided(1.0, 0.0)));
  EXPECT_TRUE(std::isnan(student_quantile(1.0, 3.0)));
  EXPECT_TRUE(std::isnan(student_quantile(0.3, 0.0)));
  EXPECT_TRUE(std::isnan(fisher_above(std::nan(""), 1.0, 1.0)));
  EXPECT_TRUE(std::isnan(fisher_above(1.0, 0.0, 1.0)));
}

}  // namespace
}  // namespace lathe
