// Any splitter, held by value: deep copies, ==, options by name, text form.
//
//   Splitter s = StratifiedKFold{.n_splits = 10};
//   Splitter t = make_splitter("stratified_kfold(n_splits=10)");   // s == t
#pragma once

#include <concepts>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lathe/ml/core/described.h"
#include "lathe/ml/core/splitters.h"

namespace lathe {

template <class S>
concept IsSplitter = requires(const S& splitter, const SplitData& data) {
  { S::name } -> std::convertible_to<std::string_view>;
  { splitter.split(data) } -> std::same_as<Splits>;
}
&&std::equality_comparable<S>;

class Splitter {
 public:
  Splitter() : Splitter(KFold{}) {}
  template <class S>
  requires(!std::same_as<S, Splitter> && IsSplitter<S>) Splitter(S splitter)
      : self_(std::make_unique<Holder<S>>(std::move(splitter))) {}
  Splitter(const Splitter& other) : self_(other.self_->clone()) {}
  Splitter& operator=(const Splitter& other) {
    self_ = other.self_->clone();
    return *this;
  }
  Splitter(Splitter&&) noexcept = default;
  Splitter& operator=(Splitter&&) noexcept = default;
  ~Splitter() = default;

  std::string_view name() const { return self_->name(); }
  std::vector<OptionInfo> options() const { return self_->options(); }
  void set(std::string_view option, const Value& value) { self_->set(option, value); }
  std::string text() const { return to_text(self_->to_step()); }
  Splits split(const SplitData& data) const { return self_->split(data); }
  detail::DescribedBase& described() { return *self_; }

  friend bool operator==(const Splitter& a, const Splitter& b) { return a.self_->equals(*b.self_); }

 private:
  struct Face : detail::DescribedBase {
    virtual std::unique_ptr<Face> clone() const = 0;
    virtual bool equals(const detail::DescribedBase& other) const = 0;
    virtual Splits split(const SplitData& data) const = 0;
  };
  template <class S>
  struct Holder final : detail::DescribedHolder<Face, S> {
    using detail::DescribedHolder<Face, S>::DescribedHolder;
    std::unique_ptr<Face> clone() const override { return std::make_unique<Holder>(*this); }
    Splits split(const SplitData& data) const override { return this->object.split(data); }
  };

  std::unique_ptr<Face> self_;
};

struct SplitterEntry {
  std::string_view name;
  std::string_view doc;  // one sentence
  Splitter (*make)();    // with default options
};

// Every splitter, for `lathe list`.
std::span<const SplitterEntry> splitters();

// Throws InvalidArgument for unknown names (with the nearest known one), options and values,
// pointing at the character.
Splitter make_splitter(std::string_view text);

}  // namespace lathe
