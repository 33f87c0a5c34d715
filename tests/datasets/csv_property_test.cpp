// Random tables, written as CSV in random ways, read back equal; random text never does worse than
// an error.
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include <gtest/gtest.h>

#include "lathe/datasets/number.h"
#include "lathe/ml/core/random.h"

#include "tests/datasets/support.h"

namespace lathe {
namespace {

double random_number(Random& random) {
  switch (random.below(4)) {
    case 0:
      return static_cast<double>(random.below(200)) - 100.0;
    case 1:
      return random.normal();
    case 2:
      return random.normal() * std::pow(10.0, static_cast<double>(random.below(500)) - 250.0);
    default: {  // any bits
      const std::uint64_t bits = random.bits();
      double value = 0.0;
      std::memcpy(&value, &bits, sizeof value);
      return std::isfinite(value) ? value : 0.5;
    }
  }
}

std::string random_text(Random& random) {
  static const std::array<std::string, 16> pieces = {"a",
                                                     "B",
                                                     "word",
                                                     " ",
                                                     "\t",
                                                     ",",
                                                     "\"",
                                                     "\n",
                                                     "\r",
                                                     "\r\n",
                                                     "NA",
                                                     "?",
                                                     "\xC3\xA9",
                                                     "\xF0\x9F\x98\x80",
                                                     "\xEF\xBB\xBF",
                                                     "null"};
  std::string text = random.below(3) == 0 ? "" : "t";
  const std::uint64_t length = random.below(5);
  for (std::uint64_t i = 0; i < length; ++i) text += pieces[random.below(pieces.size())];
  return text;
}

Table random_table(Random& random) {
  Table table;
  const auto rows = static_cast<std::size_t>(random.below(40));
  const std::uint64_t cols = 1 + random.below(5);
  for (std::uint64_t j = 0; j < cols; ++j) {
    const std::string name = "c" + std::to_string(j) + random_text(random);
    if (random.below(2) == 0) {
      std::vector<double> values(rows);
      for (double& value : values) {
        value =
            random.below(6) == 0 ? std::numeric_limits<double>::quiet_NaN() : random_number(random);
      }
      table.add_numeric(name, std::move(values));
    } else {
      std::vector<std::optional<std::string>> values(rows);
      for (auto& value : values) {
        if (random.below(6) != 0) value = random_text(random);
      }
      table.add_texts(name, values);
    }
  }
  return table;
}

std::string shortest(double value) {
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end};
}

std::string in_quotes(const std::string& text) {
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? "\"\"" : std::string(1, c);
  return field + "\"";
}

std::string write(const Table& table, Random& random) {
  static const std::array<std::string, 3> ends = {"\n", "\r\n", "\r"};
  const std::string& end = ends[random.below(3)];
  const auto blank = [&] { return std::string(random.below(8) == 0 ? " " : ""); };
  const auto join = [&](auto cell) {
    std::string line;
    for (Index j = 0; j < table.cols(); ++j) {
      line += (j == 0 ? "" : ",") + blank() + cell(j) + blank();
    }
    return line + end;
  };
  const auto field = [&](const std::string& text) {
    return random.below(4) == 0 ? in_quotes(text) : csv_field(text);
  };
  std::string text = random.below(4) == 0 ? "\xEF\xBB\xBF" : "";
  text += join([&](Index j) { return field(table.schema()[j].name); });
  for (Index i = 0; i < table.rows(); ++i) {
    text += join([&](Index j) -> std::string {
      if (table.is_missing(i, j)) return table.cols() == 1 || random.below(4) == 0 ? "NA" : "";
      const auto row = static_cast<std::size_t>(i);
      if (table.schema()[j].kind == ColumnKind::numeric) {
        const std::string number = shortest(table.numeric(j)[row]);
        return random.below(8) == 0 ? in_quotes(number) : number;
      }
      const auto code = static_cast<std::size_t>(table.codes(j)[row]);
      return field(table.schema()[j].vocabulary[code]);
    });
  }
  return text;
}

// Kinds are given: a column of which all cells are missing, say, does not tell its own.
CsvOptions kinds_of(const Table& table) {
  CsvOptions options;
  for (const Column& column : table.schema().columns) options.types[column.name] = column.kind;
  return options;
}

TEST(CsvProperty, WrittenTablesReadBackEqual) {
  for (std::uint64_t i = 0; i < 500; ++i) {
    Random random(1, "csv_property", i);
    const Table table = random_table(random);
    const std::string text = write(table, random);
    ASSERT_EQ(parse(text, kinds_of(table)), table) << "case " << i << "\n" << text;
  }
}

TEST(CsvProperty, KindsAreFoundWhereCellsTellThem) {
  for (std::uint64_t i = 0; i < 300; ++i) {
    Random random(2, "csv_property", i);
    const Table table = random_table(random);
    const std::string text = write(table, random);
    // Numbers may be whole ones that lose no digits; texts here are never numbers.
    const Table read = parse(text);
    for (Index j = 0; j < table.cols(); ++j) {
      const bool has_text = table.schema()[j].kind == ColumnKind::categorical &&
                            table.schema()[j].vocabulary != std::vector<std::string>{};
      EXPECT_EQ(read.schema()[j].kind == ColumnKind::categorical, has_text) << i << "\n" << text;
    }
  }
}

TEST(CsvProperty, EveryDoubleSurvivesItsShortestText) {
  Random random(3, "csv_property");
  for (int i = 0; i < 20000; ++i) {
    const double value = random_number(random);
    const ParsedNumber parsed = parse_number(shortest(value));
    EXPECT_NE(parsed.kind, NumberKind::text);
    ASSERT_EQ(parsed.value, value) << shortest(value);
  }
}

TEST(CsvProperty, AnyTextIsATableOrAnError) {
  static const std::array<std::string, 20> pieces = {
      "a",    "1",  "2.5", "-",    "e", ",",  ",",   ",",        "\n", "\n",
      "\r\n", "\r", "\"",  "\"\"", " ", "NA", "inf", "\xC3\xA9", ";",  "9007199254740993"};
  int tables = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    Random random(4, "csv_property", i);
    std::string text = "x,y\n";
    const std::uint64_t length = random.below(30);
    for (std::uint64_t k = 0; k < length; ++k) text += pieces[random.below(pieces.size())];
    try {
      tables += parse(text).cols() == 2 ? 1 : 0;
    } catch (const InvalidArgument& error) {
      EXPECT_EQ(error.code().substr(0, 2), "D0") << text;
    }
  }
  EXPECT_GT(tables, 1000);
}

}  // namespace
}  // namespace lathe
