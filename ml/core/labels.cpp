#include "lathe/ml/core/labels.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

template <class T>
std::vector<T> sorted_unique(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

template <class T, class U>
std::optional<Index> position(std::span<const T> sorted, const U& value) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), value);
  if (at == sorted.end() || *at != value) return std::nullopt;
  return at - sorted.begin();
}

template <class T>
std::vector<std::int32_t> encode(std::span<const T> values, std::span<const T> sorted) {
  std::vector<std::int32_t> codes;
  codes.reserve(values.size());
  for (const T& value : values) {
    codes.push_back(static_cast<std::int32_t>(*position(sorted, value)));
  }
  return codes;
}

}  // namespace

Classes::Classes(std::vector<std::int64_t> values) : values_(sorted_unique(std::move(values))) {}
Classes::Classes(std::vector<std::string> values) : values_(sorted_unique(std::move(values))) {}

Index Classes::size() const {
  return std::visit([](const auto& values) { return static_cast<Index>(values.size()); }, values_);
}

std::span<const std::int64_t> Classes::integers() const {
  return std::get<std::vector<std::int64_t>>(values_);
}

std::span<const std::string> Classes::texts() const {
  return std::get<std::vector<std::string>>(values_);
}

std::string Classes::name(Index code) const {
  const auto i = static_cast<std::size_t>(code);
  return is_text() ? texts()[i] : std::to_string(integers()[i]);
}

std::optional<Index> Classes::find(std::int64_t value) const {
  return is_text() ? position(texts(), std::to_string(value)) : position(integers(), value);
}

std::optional<Index> Classes::find(std::string_view value) const {
  if (is_text()) return position(texts(), value);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  if (std::to_string(number) != value) return std::nullopt;  // "07" is another name than "7"
  return position(integers(), number);
}

Labels::Labels(std::span<const std::int64_t> values)
    : classes_(std::vector<std::int64_t>(values.begin(), values.end())) {
  codes_ = encode(values, classes_.integers());
}

Labels::Labels(std::span<const int> values) {
  const std::vector<std::int64_t> wide(values.begin(), values.end());
  *this = Labels(std::span<const std::int64_t>(wide));
}

Labels::Labels(std::span<const std::string> values)
    : classes_(std::vector<std::string>(values.begin(), values.end())) {
  codes_ = encode(values, classes_.texts());
}

Labels::Labels(std::initializer_list<int> values)
    : Labels(std::span<const int>(values.begin(), values.size())) {}

Labels::Labels(std::initializer_list<const char*> values) {
  const std::vector<std::string> texts(values.begin(), values.end());
  *this = Labels(std::span<const std::string>(texts));
}

Labels::Labels(std::vector<std::int32_t> codes, Classes classes)
    : codes_(std::move(codes)), classes_(std::move(classes)) {
  for (const std::int32_t code : codes_) {
    if (code < 0 || code >= classes_.size()) {
      throw InvalidArgument("T001", "label code " + std::to_string(code) + " is outside the " +
                                        std::to_string(classes_.size()) + " classes");
    }
  }
}

Labels Labels::select(std::span<const Index> rows) const {
  Labels chosen;
  chosen.classes_ = classes_;
  chosen.codes_.reserve(rows.size());
  for (const Index row : rows) chosen.codes_.push_back((*this)[row]);
  return chosen;
}

Labels Labels::compact() const {
  std::vector<std::int32_t> new_code(static_cast<std::size_t>(classes_.size()), -1);
  for (const std::int32_t code : codes_) new_code[static_cast<std::size_t>(code)] = 0;
  std::int32_t next = 0;
  for (std::int32_t& code : new_code) {
    if (code == 0) code = next++;
  }
  if (next == classes_.size()) return *this;

  Labels kept;
  std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> present;
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (new_code[i] >= 0) present.push_back(values[i]);
        }
        kept.classes_.values_ = std::move(present);
      },
      classes_.values_);
  kept.codes_.reserve(codes_.size());
  for (const std::int32_t code : codes_) {
    kept.codes_.push_back(new_code[static_cast<std::size_t>(code)]);
  }
  return kept;
}

}  // namespace lathe
