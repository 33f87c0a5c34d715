// What the value classes over structs of options have in common (Splitter, Metric): a name,
// options, and a text form of one step, "kfold(n_splits=3)", read with the same errors as an
// estimator's.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/options.h"
#include "lathe/ml/core/value.h"

namespace lathe::detail {

class DescribedBase {
 public:
  virtual ~DescribedBase();
  virtual std::string_view name() const = 0;
  virtual std::string_view doc() const = 0;
  virtual std::vector<OptionInfo> options() const = 0;
  virtual void set(std::string_view option, const Value& value) = 0;
  virtual Step to_step() const = 0;
};

// As set_option, for structs none of whose options is an Estimator.
const Registry& no_estimators();

// Face adds to DescribedBase what its structs do, with clone() and equals(); `Holder` is what
// implements them for a T, and is passed down so that clone() makes one.
template <class Face, class T>
class DescribedHolder : public Face {
 public:
  explicit DescribedHolder(T held) : object(std::move(held)) {}
  std::string_view name() const final { return T::name; }
  std::string_view doc() const final { return T::doc; }
  std::vector<OptionInfo> options() const final { return list_options(object); }
  void set(std::string_view option, const Value& value) final {
    set_option(object, option, value, no_estimators());
  }
  Step to_step() const final { return lathe::to_step(object); }
  bool equals(const DescribedBase& other) const final {
    const auto* same = dynamic_cast<const DescribedHolder*>(&other);
    return same != nullptr && same->object == object;
  }

  T object;
};

// The one step of a text. Throws InvalidArgument, pointing at the character, when there are more,
// or `selector: pipe` arguments. `kind`: "splitter".
Step parse_step(std::string_view text, std::string_view kind);

// Throws InvalidArgument for a step whose name is none of `names`, with the nearest.
[[noreturn]] void refuse_name(std::string_view text, const Step& step, std::string_view kind,
                              std::span<const std::string_view> names);

// Sets the options that the step gives; an error points at the character.
void set_from_step(DescribedBase& object, std::string_view text, const Step& step);

// Entry has name and make(). Throws as the functions above.
template <class Entry>
auto make_described(std::string_view text, std::string_view kind, std::span<const Entry> table) {
  const Step step = parse_step(text, kind);
  std::vector<std::string_view> names;
  for (const Entry& entry : table) {
    if (entry.name == step.name) {
      auto made = entry.make();
      set_from_step(made.described(), text, step);
      return made;
    }
    names.push_back(entry.name);
  }
  refuse_name(text, step, kind, names);
}

}  // namespace lathe::detail
