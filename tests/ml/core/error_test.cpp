#include "lathe/ml/core/error.h"

#include <array>
#include <string_view>
#include <type_traits>
#include <vector>

#include <gmock/gmock.h>

namespace lathe {
namespace {

TEST(Error, CarriesCodeMessageAndHelp) {
  const InvalidArgument error("O001", "alpha = -1", "use 0");
  EXPECT_EQ(error.code(), "O001");
  EXPECT_STREQ(error.what(), "alpha = -1");
  EXPECT_EQ(error.help(), "use 0");
  EXPECT_EQ(NotFound("N001", "no model").help(), "");
}

template <class E>
class ErrorTypes : public testing::Test {};
using All =
    testing::Types<InvalidArgument, NotFound, CorruptData, IoError, NotSupported, Overloaded>;
TYPED_TEST_SUITE(ErrorTypes, All);

TYPED_TEST(ErrorTypes, AreCaughtAsErrorAndAsRuntimeError) {
  EXPECT_THROW(throw TypeParam("E000", "why"), Error);
  EXPECT_THROW(throw TypeParam("E000", "why"), std::runtime_error);
}

TYPED_TEST(ErrorTypes, AreCopiedWholeWithTheException) {
  const TypeParam error("E000", "why", "cure");
  const TypeParam copy = error;
  EXPECT_EQ(copy.code() + copy.what() + copy.help(), "E000whycure");
}

TEST(EditDistance, CountsInsertionsDeletionsAndSubstitutions) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("abc", ""), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("flaw", "lawn"), 2);
  EXPECT_EQ(edit_distance("ridge", "ridge"), 0);
}

constexpr std::array<std::string_view, 4> names{"kmeans", "pca", "ridge", "lasso"};

TEST(NearestName, IsTheClosestKnownName) {
  EXPECT_EQ(nearest_name("rigde", names), "ridge");
  EXPECT_EQ(nearest_name("k_means", names), "kmeans");
  EXPECT_EQ(nearest_name("pcs", names), "pca");
}

TEST(NearestName, IsEmptyWhenNothingIsClose) {
  EXPECT_EQ(nearest_name("gradient_boosting", names), "");
  EXPECT_EQ(nearest_name("", names), "");
  EXPECT_EQ(nearest_name("ridge", std::vector<std::string_view>{}), "");
}

TEST(NearestName, OfTwoEquallyCloseIsTheFirst) {
  EXPECT_EQ(nearest_name("bac", std::vector<std::string_view>{"bat", "bad"}), "bat");
}

}  // namespace
}  // namespace lathe
