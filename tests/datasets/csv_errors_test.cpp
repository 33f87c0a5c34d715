#include "lathe/datasets/csv_errors.h"

#include <filesystem>
#include <functional>

#include <gmock/gmock.h>

#include "tests/datasets/support.h"

namespace lathe {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

InvalidArgument refusal(std::string_view text, const CsvOptions& options = {}) {
  return caught<InvalidArgument>([&] { parse(text, options); });
}

// A column of n numbers after some other lines.
std::string column_of_numbers(int n) {
  std::string text = "id,age\n";
  for (int i = 0; i < n; ++i) text += "r" + std::to_string(i) + "," + std::to_string(20 + i) + "\n";
  return text;
}

TEST(CsvErrors, AFileThatIsNotThereOrCannotBeRead) {
  const auto error = caught<IoError>([] { read_csv("no/such/file.csv"); });
  EXPECT_EQ(error.code(), "D001");
  EXPECT_STREQ(error.what(), "cannot read no/such/file.csv: No such file or directory");
  const std::string folder = std::filesystem::temp_directory_path();
  EXPECT_THAT(caught<IoError>([&] { read_csv(folder); }).what(), HasSubstr("Is a directory"));
}

TEST(CsvErrors, AnEmptyFile) {
  for (const char* text : {"", "\xEF\xBB\xBF", "\n\n", "  \n\r\n"}) {
    EXPECT_EQ(refusal(text).code(), "D004") << text;
  }
  EXPECT_STREQ(refusal("").what(), "t.csv: the file is empty");
}

TEST(CsvErrors, ColumnsWithoutAName) {
  EXPECT_EQ(refusal("a,,c\n1,2,3\n").code(), "D005");
  EXPECT_STREQ(refusal("a,,c\n1,2,3\n").what(),
               "a column without a name\n"
               "  --> t.csv:1, column 2\n"
               "   |  1 | a,,c\n"
               "   |        ^");
  EXPECT_EQ(refusal("\"\",b\n1,2\n").code(), "D005");
  EXPECT_EQ(refusal("a,b,\n1,2,\n").code(), "D005");
}

TEST(CsvErrors, TwoColumnsOfOneName) {
  const auto error = refusal("a,b, \"a\"\n1,2,3\n");
  EXPECT_EQ(error.code(), "D006");
  EXPECT_STREQ(error.what(),
               "two columns of one name\n"
               "  --> t.csv:1, column 3 \"a\"\n"
               "   |  1 | a,b, \"a\"\n"
               "   |           ^^^ also column 1");
}

TEST(CsvErrors, RowsOfAnotherLength) {
  auto error = refusal("a,b,c\n1,2,3\n\n\"x\ny\",2,3\n4,5\n6,7,8\n");
  EXPECT_EQ(error.code(), "D007");
  EXPECT_STREQ(error.what(),
               "a row of 2 fields where the first line has 3\n"
               "  --> t.csv:6\n"
               "   |  6 | 4,5\n"
               "   |      ^^^");
  EXPECT_THAT(refusal("a,b\n1,2,3,4\n").what(), StartsWith("a row of 4 fields"));
  EXPECT_THAT(refusal("a,b\n1,2,\n").what(), StartsWith("a row of 3 fields"));
  EXPECT_THAT(refusal("a,b\n1\n").what(), StartsWith("a row of 1 field where"));
  EXPECT_THAT(refusal("a\n1,5\n").what(), StartsWith("a row of 2 fields"));
}

TEST(CsvErrors, AQuoteThatDoesNotEndIsShownWhereItStarts) {
  const auto error = refusal("a,b\n1,x\n2,\"y\n3,z\n4,\"\"\n");
  EXPECT_EQ(error.code(), "D008");
  EXPECT_STREQ(error.what(),
               "a quote that does not end\n"
               "  --> t.csv:3\n"
               "   |  3 | 2,\"y\n"
               "   |        ^");
  EXPECT_EQ(refusal("\"a\n").code(), "D008");
  EXPECT_EQ(refusal("a\n\"").code(), "D008");
  EXPECT_EQ(refusal("a\n\"\"\"").code(), "D008");
}

TEST(CsvErrors, TextAfterTheClosingQuote) {
  const auto error = refusal("a,b\n\"x\" y,2\n");
  EXPECT_EQ(error.code(), "D009");
  EXPECT_THAT(error.what(), HasSubstr("  --> t.csv:2\n   |  2 | \"x\" y,2\n   |          ^"));
  EXPECT_EQ(refusal("a\n\"x\"\"\"y\n").code(), "D009");
}

TEST(CsvErrors, NulBytes) {
  const auto error = refusal(std::string_view("a,b\n1,\0\n", 8));
  EXPECT_EQ(error.code(), "D010");
  EXPECT_STREQ(error.what(), "a NUL byte: this is no text\n  --> t.csv:2");
}

TEST(CsvErrors, TextThatIsNotUtf8) {
  const auto error = refusal(
      "a,b\n1,x\n2,K\xF8"
      "benhavn\n");
  EXPECT_EQ(error.code(), "D011");
  EXPECT_STREQ(error.what(), "byte 0xF8 is not UTF-8\n  --> t.csv:3");
  EXPECT_THAT(error.help(), HasSubstr("iconv"));
  EXPECT_THAT(refusal(std::string_view("\xFF\xFE"
                                       "a\0",
                                       4))
                  .what(),
              HasSubstr("UTF-16"));
  EXPECT_THAT(refusal(std::string_view("\xFE\xFF\0a", 4)).what(), HasSubstr("UTF-16"));
}

TEST(CsvErrors, TypesOfColumnsThatAreNotThere) {
  const CsvOptions options{.types = {{"aged", ColumnKind::numeric}}};
  const auto error = caught<NotFound>([&] { parse("id,age\n1,2\n", options); });
  EXPECT_EQ(error.code(), "D012");
  EXPECT_THAT(error.what(), HasSubstr("column \"aged\", which is not there"));
  EXPECT_EQ(error.help(), "did you mean \"age\"?");
  EXPECT_EQ(parse("id,age\n1,2\n", {.types = options.types, .strict = false}).cols(), 2);
}

TEST(CsvErrors, DelimitersThatCannotBe) {
  for (const char c : {'"', '\n', '\r', ' ', 'a', '1', '.', '-', '\0'}) {
    EXPECT_EQ(refusal("a\n1\n", {.delimiter = c}).code(), "D014") << static_cast<int>(c);
  }
  EXPECT_THAT(refusal("a\n", {.delimiter = 'x'}).what(), HasSubstr("delimiter = \"x\" is not one"));
}

TEST(CsvErrors, AnotherDelimiterIsRecognised) {
  const auto error = refusal("name;age\nx;1\n");
  EXPECT_EQ(error.code(), "D015");
  EXPECT_STREQ(error.what(),
               "the columns look separated by ';'\n"
               "  --> t.csv:1\n"
               "   |  1 | name;age\n"
               "   |          ^");
  EXPECT_THAT(refusal("name\tage\nx\t1\n").what(), StartsWith("the columns look separated by tab"));
  EXPECT_THAT(refusal("a,b\n", {.delimiter = ';'}).what(), HasSubstr("separated by ','"));
  EXPECT_EQ(parse("\"name;age\"\nx\n").cols(), 1);
  EXPECT_EQ(parse("name;age,b\nx,1\n").cols(), 2);
}

TEST(CsvErrors, AColumnThatIsAlmostNumericIsRefused) {
  const std::string text =
      column_of_numbers(99) + "q,\"n.d.\"\n" + "q,n.d.\nq,50\nq,51\nq,x\nq,n.d.\nq,?\nq,last\n";
  const auto error = refusal(text);
  EXPECT_EQ(error.code(), "D013");
  EXPECT_STREQ(error.what(),
               "not a number in column \"age\"\n"
               "  --> t.csv:101, column 2 \"age\"\n"
               "   |  101 | q,\"n.d.\"\n"
               "   |          ^^^^^^ read as text; 95.3 % of this column is numeric\n"
               "   = 5 such cells: \"n.d.\" (line 101), \"n.d.\" (line 102), \"x\" (line 105), "
               "\"n.d.\" (line 106), ...");
  EXPECT_EQ(error.help(), "--missing \"n.d.\" --missing \"x\"   or   --type age=category");
}

TEST(CsvErrors, BothCuresOfAnAlmostNumericColumnWork) {
  const std::string text = column_of_numbers(99) + "q,\"n.d.\"\n";
  const Table missing = parse(text, {.also_missing = {"n.d."}});
  EXPECT_EQ(missing.missing_count(1), 1);
  EXPECT_EQ(missing.schema()[1].kind, ColumnKind::numeric);
  const Table category = parse(text, {.types = {{"age", ColumnKind::categorical}}});
  EXPECT_EQ(category.schema()[1].vocabulary.size(), 100u);
}

TEST(CsvErrors, AlmostNumericMeansNinetyFivePercent) {
  EXPECT_EQ(parse(column_of_numbers(18) + "q,x\n").schema()[1].kind, ColumnKind::categorical);
  EXPECT_EQ(refusal(column_of_numbers(19) + "q,x\n").code(), "D013");
  // Missing cells do not count, nor do the order of cells and empty fields in quotes.
  EXPECT_EQ(parse(column_of_numbers(18) + "q,x\nq,\nq,NA\nq,\"\"\n").schema()[1].kind,
            ColumnKind::categorical);
  const std::string numbers = column_of_numbers(19);
  EXPECT_EQ(refusal("id,age\nq,x\nq,\"\"\n" + numbers.substr(7)).code(), "D013");
  // A share that would round to 100 does not say so.
  EXPECT_THAT(refusal(column_of_numbers(5000) + "q,x\n").what(), HasSubstr("99.9 % of this"));
}

TEST(CsvErrors, FromAModelOnlyItsOwnColumnsAreStrict) {
  const std::string text = column_of_numbers(30) + "q,x\n";
  const CsvOptions other{.types = {{"id", ColumnKind::categorical}}, .strict = false};
  EXPECT_EQ(parse(text, other).schema()[1].kind, ColumnKind::categorical);
  const CsvOptions own{.types = {{"age", ColumnKind::numeric}}, .strict = false};
  EXPECT_EQ(refusal(text, own).code(), "D013");
}

TEST(CsvErrors, InfinityAmongNumbersIsRefusedHoweverFewRows) {
  const auto error = refusal("a,b\n1,x\n2,y\n-Inf,z\n1e999,z\n");
  EXPECT_EQ(error.code(), "D013");
  EXPECT_STREQ(error.what(),
               "not a finite number in column \"a\"\n"
               "  --> t.csv:4, column 1 \"a\"\n"
               "   |  4 | -Inf,z\n"
               "   |      ^^^^ not finite; 50.0 % of this column is numeric\n"
               "   = 2 such cells: \"-Inf\" (line 4), \"1e999\" (line 5)");
  EXPECT_EQ(refusal("a,b\n1,x\nnan,y\n").code(), "D013");
  EXPECT_EQ(parse("a,b\ninf,x\nnan,y\n").schema()[0].kind, ColumnKind::categorical);
}

TEST(CsvErrors, AColumnForcedNumericNamesItsBadCells) {
  const CsvOptions options{.types = {{"the age", ColumnKind::numeric}}};
  const auto error = refusal("id,the age\n1,\"say \"\"no\"\"\"\n2,3\n", options);
  EXPECT_EQ(error.code(), "D013");
  EXPECT_STREQ(error.what(),
               "not a number in numeric column \"the age\"\n"
               "  --> t.csv:2, column 2 \"the age\"\n"
               "   |  2 | 1,\"say \"\"no\"\"\"\n"
               "   |        ^^^^^^^^^^^^ read as text; 50.0 % of this column is numeric\n"
               "   = 1 such cell: \"say \"\"no\"\"\" (line 2)");
  EXPECT_EQ(error.help(), "--missing \"say \"no\"\"");
}

TEST(CsvErrors, HelpQuotesNamesThatNeedIt) {
  std::string text = column_of_numbers(30) + "q,x\n";
  text.replace(3, 3, "an age");
  EXPECT_THAT(refusal(text).help(), EndsWith("--type \"an age=category\""));
}

TEST(CsvErrors, LongLinesAndControlCharactersAreTamed) {
  const std::string before(300, 'a');
  const std::string after(300, 'z');
  const std::string line = before + ",\x1B[31m" + std::string(100, 'b') + "," + after;
  const auto error = refusal("a,b,c\n" + line + "\n", {.types = {{"b", ColumnKind::numeric}}});
  const std::string message = error.what();
  EXPECT_THAT(message, Not(HasSubstr("\x1B")));
  EXPECT_LT(message.size(), 600u);
  EXPECT_THAT(message, HasSubstr("..."));
  EXPECT_EQ(error.help(), "");  // no mark that could be typed
}

TEST(CsvErrors, CaretsCountCharactersNotBytes) {
  const std::string text = "a,b\n\xC3\xA9\xC3\xA9,x\n";
  const auto error = refusal(text, {.types = {{"b", ColumnKind::numeric}}});
  EXPECT_THAT(error.what(), HasSubstr("\n   |         ^ read as text"));
}

TEST(CsvErrors, LinesAreCountedWhateverEndsThem) {
  EXPECT_EQ(line_of("a\nb", 2), 2u);
  EXPECT_EQ(line_of("a\r\nb", 3), 2u);
  EXPECT_EQ(line_of("a\rb\r\rc", 5), 4u);
  EXPECT_EQ(line_of("a\n", 1), 1u);
}

}  // namespace
}  // namespace lathe
