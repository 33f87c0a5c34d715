// Class labels: any text or any integers. They are held as codes into a sorted vocabulary and come
// back as they went in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/ml/core/types.h"

namespace lathe {

// The distinct labels, ascending: integers by value, text bytewise.
class Classes {
 public:
  Classes() = default;
  // Sorts and removes doubles.
  explicit Classes(std::vector<std::int64_t> values);
  explicit Classes(std::vector<std::string> values);

  Index size() const;
  bool is_text() const { return std::holds_alternative<std::vector<std::string>>(values_); }
  std::span<const std::int64_t> integers() const;  // throws std::bad_variant_access on text
  std::span<const std::string> texts() const;      // throws std::bad_variant_access on integers
  std::string name(Index code) const;              // as text, whichever it is
  std::optional<Index> find(std::int64_t value) const;
  std::optional<Index> find(std::string_view value) const;  // an integer as name() has it
  bool operator==(const Classes&) const = default;

 private:
  friend class Labels;
  std::variant<std::vector<std::int64_t>, std::vector<std::string>> values_;
};

class Labels {
 public:
  Labels() = default;
  explicit Labels(std::span<const std::int64_t> values);
  explicit Labels(std::span<const int> values);
  explicit Labels(std::span<const std::string> values);
  Labels(std::initializer_list<int> values);
  Labels(std::initializer_list<const char*> values);
  // Each code must be in [0, classes.size()); throws InvalidArgument otherwise.
  Labels(std::vector<std::int32_t> codes, Classes classes);

  Index size() const { return static_cast<Index>(codes_.size()); }
  std::int32_t operator[](Index i) const { return codes_[static_cast<std::size_t>(i)]; }
  std::span<const std::int32_t> codes() const { return codes_; }
  const Classes& classes() const { return classes_; }
  std::string name(Index i) const { return classes_.name((*this)[i]); }

  Labels select(std::span<const Index> rows) const;  // same vocabulary
  Labels compact() const;                            // vocabulary cut to the labels present
  bool operator==(const Labels&) const = default;

 private:
  std::vector<std::int32_t> codes_;
  Classes classes_;
};

}  // namespace lathe
