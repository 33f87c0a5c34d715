#include <set>
#include <utility>

#include "lathe/ml/core/error.h"
#include "lathe/preprocessing/columns.h"

namespace lathe {
namespace {

constexpr std::string_view numeric = "numeric";
constexpr std::string_view categorical = "categorical";

// A text that reads back as a word which is a column's name.
bool is_plain_name(const std::string& text) {
  if (text == numeric || text == categorical) return false;
  try {
    return parse_value(text) == Value(Word{text});
  } catch (const InvalidArgument&) {
    return false;
  }
}

Value name_value(const std::string& name) {
  return is_plain_name(name) ? Value(Word{name}) : Value(name);
}

const std::string* text_of(const Value& value) {
  if (const auto* word = std::get_if<Word>(&value.data)) return &word->text;
  return std::get_if<std::string>(&value.data);
}

std::vector<std::string> names_in(const Value& value) {
  if (const std::string* text = text_of(value)) return {*text};
  std::vector<std::string> result;
  if (const auto* items = std::get_if<std::vector<Value>>(&value.data)) {
    for (const Value& item : *items) {
      if (const std::string* text = text_of(item)) result.push_back(*text);
    }
    if (result.size() == items->size()) return result;
  }
  throw InvalidArgument("G024", "columns: " + to_text(value) + " selects no columns",
                        "write numeric, categorical, a column's name, or a list of names");
}

}  // namespace

ColumnSelector::ColumnSelector(std::vector<std::string> columns) : columns_(std::move(columns)) {
  if (columns_.empty()) throw InvalidArgument("G024", "columns: an empty list selects no columns");
  std::set<std::string_view> seen;
  for (const std::string& column : columns_) {
    if (!seen.insert(column).second) {
      throw InvalidArgument("G020", "columns: column \"" + column + "\" is named twice");
    }
  }
}

ColumnSelector::ColumnSelector(std::initializer_list<std::string> columns)
    : ColumnSelector(std::vector<std::string>(columns)) {}

ColumnSelector::ColumnSelector(std::string text) {
  if (text == numeric) {
    kind_ = Kind::numeric;
  } else if (text == categorical) {
    kind_ = Kind::categorical;
  } else {
    columns_.push_back(std::move(text));
  }
}

ColumnSelector::ColumnSelector(const Value& value)
    : ColumnSelector(std::holds_alternative<Word>(value.data)
                         ? ColumnSelector(std::get<Word>(value.data).text)
                         : ColumnSelector(names_in(value))) {}

Value ColumnSelector::to_value() const {
  if (kind_ == Kind::numeric) return {Word{std::string(numeric)}};
  if (kind_ == Kind::categorical) return {Word{std::string(categorical)}};
  if (columns_.size() == 1) return name_value(columns_.front());
  std::vector<Value> items;
  for (const std::string& column : columns_) items.push_back(name_value(column));
  return {std::move(items)};
}

std::string ColumnSelector::text() const {
  if (kind_ == Kind::numeric) return std::string(numeric);
  if (kind_ == Kind::categorical) return std::string(categorical);
  std::string result;
  for (const std::string& column : columns_) {
    result += (result.empty() ? "" : ",") + column;
  }
  return result;
}

}  // namespace lathe
