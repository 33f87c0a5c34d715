#include "lathe/datasets/csv.h"

#include <algorithm>
#include <utility>

#include "lathe/datasets/csv_errors.h"
#include "lathe/datasets/csv_reader.h"
#include "lathe/datasets/text_file.h"
#include "lathe/datasets/utf8.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view utf8_help =
    "save the file as UTF-8 (iconv -f latin1 -t utf-8, or \"CSV UTF-8\" in a spreadsheet)";

void check_text(std::string_view text, const std::string& name) {
  const auto place = [&](std::size_t offset) {
    return "\n  --> " + name + ":" + std::to_string(line_of(text, offset));
  };
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    throw InvalidArgument("D011", "the file is UTF-16, not UTF-8" + place(0),
                          "save the file as UTF-8 (iconv -f utf-16 -t utf-8)");
  }
  const std::size_t nul = text.find('\0');
  if (nul != text.npos) {
    throw InvalidArgument("D010", "a NUL byte: this is no text" + place(nul),
                          "CSV text is expected, as it is or compressed by gzip");
  }
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid != text.size()) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(text[invalid]);
    throw InvalidArgument(
        "D011",
        std::string("byte 0x") + hex[byte / 16] + hex[byte % 16] + " is not UTF-8" + place(invalid),
        utf8_help);
  }
}

bool is_tab_separated(std::string_view path) {
  if (path.ends_with(".gz")) path.remove_suffix(3);
  return path.ends_with(".tsv");
}

char delimiter_of(const CsvOptions& options, const std::string& name) {
  if (!options.delimiter) return is_tab_separated(name) ? '\t' : ',';
  constexpr std::string_view allowed = ",;\t|:^~#";
  if (allowed.find(*options.delimiter) == allowed.npos) {
    throw InvalidArgument("D014", "csv: delimiter = \"" + shown({&*options.delimiter, 1}) +
                                      "\" is not one of , ; tab | : ^ ~ #");
  }
  return *options.delimiter;
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options) {
  const char delimiter = delimiter_of(options, name);
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  check_text(text, name);
  return read_table(text, name, delimiter, options);
}

Table read_csv(const std::string& path, const CsvOptions& options) {
  const std::string name = path == "-" ? "<standard input>" : path;
  std::string text = read_file(path, name);
  if (is_gzip(text)) {
    text = gunzip(text, name, options.max_unpacked_bytes);
  } else if (path.ends_with(".gz")) {
    throw CorruptData("D002", name + ": not gzip data, which its name promises");
  }
  return parse_csv(text, name, options);
}

std::string csv_field(std::string_view text, char delimiter) {
  static const CsvOptions defaults;
  const bool is_mark =
      std::find(defaults.missing.begin(), defaults.missing.end(), text) != defaults.missing.end();
  const bool plain = !is_mark && text.find_first_of("\"\r\n,;\t|") == text.npos &&
                     text.find(delimiter) == text.npos && text.front() != ' ' &&
                     text.back() != ' ' && !text.starts_with(byte_order_mark);
  if (plain) return std::string(text);

  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field.push_back('"');
    field.push_back(c);
  }
  field.push_back('"');
  return field;
}

}  // namespace lathe
