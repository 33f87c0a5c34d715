#include "lathe/ml/core/schema.h"

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(Schema, NamesThatComeUpAgainGetANumber) {
  Schema schema = numeric_schema(5);
  const char* names[] = {"a", "a", "a#2", "b", "a"};
  for (std::size_t j = 0; j < 5; ++j) schema.columns[j].name = names[j];
  make_names_unique(schema);
  const char* expected[] = {"a", "a#3", "a#2", "b", "a#4"};
  for (Index j = 0; j < 5; ++j) EXPECT_EQ(schema[j].name, expected[j]);
}

}  // namespace
}  // namespace lathe
