#include "lathe/datasets/utf8.h"

#include <string>

#include <gtest/gtest.h>

namespace lathe {
namespace {

TEST(FindInvalidUtf8, PassesWellFormedText) {
  for (const std::string text :
       {"", "plain ASCII of more than eight bytes", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(find_invalid_utf8(text), text.size()) << text;
  }
}

TEST(FindInvalidUtf8, FindsEachKindOfMistake) {
  const std::string mistakes[] = {
      "\x80",              // continues nothing
      "\xC0\xAF",          // overlong
      "\xC1\xBF",          // overlong
      "\xC2",              // cut
      "\xC2\x20",          // not continued
      "\xE0\x9F\xBF",      // overlong
      "\xE2\x82",          // cut
      "\xE2\x82\x20",      // not continued
      "\xED\xA0\x80",      // surrogate
      "\xF0\x8F\xBF\xBF",  // overlong
      "\xF4\x90\x80\x80",  // beyond U+10FFFF
      "\xF0\x9F\x98",      // cut
      "\xF5\x80\x80\x80",  // no such lead
      "\xFF",
  };
  for (const std::string& mistake : mistakes) {
    for (const std::string before : {"", "abc", "eight by", "\xC3\xA9"}) {
      EXPECT_EQ(find_invalid_utf8(before + mistake), before.size()) << before.size();
      EXPECT_EQ(find_invalid_utf8(before + mistake + "after it"), before.size());
    }
  }
}

TEST(Utf8, ControlCharactersBecomeBlanks) {
  EXPECT_EQ(without_controls("a\x1b[2J\n\x7f"
                             "b"),
            "a [2J  b");
  EXPECT_EQ(without_controls("\xc2\x80\xc2\x9f\xc2\xa0\xc3\x80"), "  \xc2\xa0\xc3\x80");
  EXPECT_EQ(without_controls("\xc2"), "\xc2") << "cut off";
  EXPECT_EQ(without_controls(""), "");
}

}  // namespace
}  // namespace lathe
