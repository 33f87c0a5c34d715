#include "lathe/datasets/csv.h"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/datasets/support.h"

namespace lathe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsNan;

TEST(Csv, InfersNumbersAndCategories) {
  const Table table = parse("age,city,member,since\n31,Oslo,true,2020-01-02\n54.5,Bergen,false,\n");
  EXPECT_EQ(table.rows(), 2);
  EXPECT_THAT(numbers(table, "age"), ElementsAre(31.0, 54.5));
  EXPECT_THAT(texts(table, "city"), ElementsAre("Oslo", "Bergen"));
  EXPECT_THAT(texts(table, "member"), ElementsAre("true", "false"));
  EXPECT_THAT(texts(table, "since"), ElementsAre("2020-01-02", "<missing>"));
  EXPECT_THAT(table.schema()[1].vocabulary, ElementsAre("Bergen", "Oslo"));
}

TEST(Csv, LineEndingsAndTheLastLineMayBeOfAnyKind) {
  const Table expected = parse("a,b\n1,x\n2,y\n");
  for (const char* text : {"a,b\n1,x\n2,y", "a,b\r\n1,x\r\n2,y\r\n", "a,b\r\n1,x\r\n2,y",
                           "a,b\r1,x\r2,y\r", "a,b\r1,x\r2,y",
                           "\xEF\xBB\xBF"
                           "a,b\n1,x\n2,y\n",
                           "\n\na,b\n\n1,x\n \t\n2,y\n\n\n"}) {
    EXPECT_EQ(parse(text), expected) << text;
  }
}

TEST(Csv, QuotedFieldsHoldDelimitersLineBreaksAndQuotes) {
  const Table table = parse(
      "\"the, name\",b\n"
      "\"a,b\",1\n"
      "\"two\nlines\",2\n"
      "\"a \"\"word\"\"\",3\n"
      "\"\"\"\",4\n"
      "\"\r\n\",5\n");
  EXPECT_THAT(texts(table, "the, name"),
              ElementsAre("a,b", "two\nlines", "a \"word\"", "\"", "\r\n"));
  EXPECT_THAT(numbers(table, "b"), ElementsAre(1, 2, 3, 4, 5));
}

TEST(Csv, AQuoteInsideAFieldThatIsNotQuotedIsItself) {
  EXPECT_THAT(texts(parse("a,b\n5\" pipe,x\n"), "a"), ElementsAre("5\" pipe"));
}

TEST(Csv, SameTextWithAndWithoutQuotesIsOneLevel) {
  const Table table = parse("a\nx\n\"x\"\n\"x\"\"\"\n\"x\"\"\"\nx\n");
  EXPECT_THAT(table.codes(0), ElementsAre(0, 0, 1, 1, 0));
}

TEST(Csv, BlanksAroundFieldsAreTrimmedAndThoseInQuotesKept) {
  const Table table = parse(" a , \"b\" \n 1 ,  x y \t\n\t2, \" z \" \n");
  EXPECT_THAT(numbers(table, "a"), ElementsAre(1, 2));
  EXPECT_THAT(texts(table, "b"), ElementsAre("x y", " z "));
}

TEST(Csv, QuotedNumbersAreNumbers) {
  EXPECT_THAT(numbers(parse("a\n\"1\"\n\" 2.5 \"\n3\n"), "a"), ElementsAre(1, 2.5, 3));
}

TEST(Csv, MissingMarksCountWhereNotQuoted) {
  const Table table = parse("a,b\n1,x\n,NA\nNA,\"NA\"\nNaN,?\nnull,null\n ? ,\"\"\n");
  EXPECT_THAT(numbers(table, "a"), ElementsAre(1, IsNan(), IsNan(), IsNan(), IsNan(), IsNan()));
  EXPECT_THAT(texts(table, "b"), ElementsAre("x", "<missing>", "NA", "<missing>", "<missing>", ""));
}

TEST(Csv, AnEmptyFieldInQuotesIsMissingAmongNumbers) {
  const Table table = parse("a,b\n\"1\",\"\"\n\"\",\"\"\n\"3\",\"\"\n");
  EXPECT_THAT(numbers(table, "a"), ElementsAre(1, IsNan(), 3));
  EXPECT_THAT(texts(table, "b"), ElementsAre("", "", ""));
}

TEST(Csv, MarksOfTheCallersOwnCountQuotedOrNot) {
  const Table table = parse("a,b\n1,x\nn.d.,\"n.d.\"\n\"n.d.\",n.d.\n-999,\"a \"\"b\"\"\"\n",
                            {.also_missing = {"n.d.", "-999", "a \"b\""}});
  EXPECT_THAT(numbers(table, "a"), ElementsAre(1, IsNan(), IsNan(), IsNan()));
  EXPECT_THAT(texts(table, "b"), ElementsAre("x", "<missing>", "<missing>", "<missing>"));
}

TEST(Csv, TheUsualMarksCanBeReplaced) {
  const Table table = parse("country,n\nNA,\nNO,1\n", {.missing = {""}});
  EXPECT_THAT(texts(table, "country"), ElementsAre("NA", "NO"));
  EXPECT_THAT(numbers(table, "n"), ElementsAre(IsNan(), 1));
}

TEST(Csv, TypesOverruleWhatWouldBeInferred) {
  const Table table =
      parse("zip,id\n0150,9007199254740993\n5003,1\n",
            {.types = {{"zip", ColumnKind::categorical}, {"id", ColumnKind::numeric}}});
  EXPECT_THAT(texts(table, "zip"), ElementsAre("0150", "5003"));
  EXPECT_THAT(numbers(table, "id"), ElementsAre(0x1p53, 1));
}

TEST(Csv, WholeNumbersThatWouldLoseDigitsStayText) {
  const Table table = parse("id,x\n9007199254740993,9007199254740992\n12,1\n");
  EXPECT_THAT(texts(table, "id"), ElementsAre("9007199254740993", "12"));
  EXPECT_THAT(numbers(table, "x"), ElementsAre(0x1p53, 1));
}

TEST(Csv, AColumnThatTurnsToTextLateKeepsItsFirstCellsAsWritten) {
  const Table table = parse("a\n01\n2.50\n\nx\n");
  EXPECT_THAT(texts(table, "a"), ElementsAre("01", "2.50", "<missing>", "x"));
}

TEST(Csv, WithoutAnyCellAColumnIsNumeric) {
  const Table empty = parse("a,b\n");
  EXPECT_EQ(empty.rows(), 0);
  EXPECT_EQ(empty.schema()[1].kind, ColumnKind::numeric);
  EXPECT_EQ(parse("a,b").cols(), 2);
  const Table gaps = parse("a,b\n,NA\n,\n");
  EXPECT_EQ(gaps.rows(), 2);
  EXPECT_EQ(gaps.missing_count(1), 2);
  EXPECT_EQ(gaps.schema()[1].kind, ColumnKind::numeric);
  const Table forced = parse("a\n", {.types = {{"a", ColumnKind::categorical}}});
  EXPECT_EQ(forced.schema()[0].kind, ColumnKind::categorical);
}

TEST(Csv, InATableOfOneColumnABlankLineIsAMissingCell) {
  EXPECT_THAT(numbers(parse("a\n1\n\n3\n\n"), "a"), ElementsAre(1, IsNan(), 3, IsNan()));
  EXPECT_THAT(numbers(parse("a\r\n1\r\n\r\n3"), "a"), ElementsAre(1, IsNan(), 3));
}

TEST(Csv, OtherDelimiters) {
  const CsvOptions semicolon{.delimiter = ';'};
  EXPECT_THAT(texts(parse("a;b\n1;\"x;y\"\n2;x,y\n", semicolon), "b"), ElementsAre("x;y", "x,y"));
  const Table tabs = parse_csv("a\tb\n1\t\n\tx\n", "t.tsv");
  EXPECT_THAT(numbers(tabs, "a"), ElementsAre(1, IsNan()));
  EXPECT_THAT(texts(tabs, "b"), ElementsAre("<missing>", "x"));
  EXPECT_EQ(parse_csv("a\tb\n1\t2\n", "t.tsv.gz").cols(), 2);
  EXPECT_EQ(parse_csv("a,b\n1,2\n", "t.tsv", {.delimiter = ','}).cols(), 2);
}

TEST(Csv, VeryLongFieldsAndManyColumns) {
  std::string header, row;
  for (int j = 0; j < 3000; ++j) {
    header += (j == 0 ? "c" : ",c") + std::to_string(j);
    row += (j == 0 ? "" : ",") + std::to_string(j);
  }
  const Table wide = parse(header + "\n" + row + "\n");
  EXPECT_EQ(wide.cols(), 3000);
  EXPECT_EQ(numbers(wide, "c2999")[0], 2999);

  const std::string field(1 << 20, 'x');
  EXPECT_THAT(texts(parse("a,b\n" + field + ",1\n"), "a"), ElementsAre(field));
}

TEST(Csv, ManyLevelsKeepTheirCodes) {
  std::string text = "a\n";
  for (int i = 0; i < 5000; ++i) text += "level" + std::to_string(i * 7919 % 1000) + "\n";
  const Table table = parse(text);
  EXPECT_EQ(table.schema()[0].vocabulary.size(), 1000u);
  const auto cells = texts(table, "a");
  for (int i = 0; i < 5000; ++i) {
    ASSERT_EQ(cells[static_cast<std::size_t>(i)], "level" + std::to_string(i * 7919 % 1000));
  }
}

TEST(Csv, ReadsFilesAndStandardInput) {
  const std::string path = ::testing::TempDir() + "lathe_csv_test.csv";
  std::ofstream(path) << "a,b\n1,x\n";
  const Table expected = parse("a,b\n1,x\n");
  EXPECT_EQ(read_csv(path), expected);

  const int kept = dup(STDIN_FILENO);
  ASSERT_NE(std::freopen(path.c_str(), "rb", stdin), nullptr);
  EXPECT_EQ(read_csv("-"), expected);
  dup2(kept, STDIN_FILENO);
  close(kept);
  std::clearerr(stdin);
  std::filesystem::remove(path);
}

TEST(CsvField, QuotesOnlyWhatNeedsIt) {
  for (const char* plain : {"x", "two words", "5'", "-1.5", "NAN", "n.a.", "\xC3\xA9", "a:b"}) {
    EXPECT_EQ(csv_field(plain), plain);
  }
  EXPECT_EQ(csv_field(""), "\"\"");
  EXPECT_EQ(csv_field("NA"), "\"NA\"");
  EXPECT_EQ(csv_field("?"), "\"?\"");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("a;b"), "\"a;b\"");
  EXPECT_EQ(csv_field("a:b", ':'), "\"a:b\"");
  EXPECT_EQ(csv_field("say \"hi\""), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_field("a\nb"), "\"a\nb\"");
  EXPECT_EQ(csv_field("a\rb"), "\"a\rb\"");
  EXPECT_EQ(csv_field(" a"), "\" a\"");
  EXPECT_EQ(csv_field("a\t"), "\"a\t\"");
  EXPECT_EQ(csv_field("\xEF\xBB\xBF"
                      "a"),
            "\"\xEF\xBB\xBF"
            "a\"");
}

}  // namespace
}  // namespace lathe
