// Every estimator that text, files and the command line can name: one table (ml/registry.cpp holds
// the standard one).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lathe/ml/core/estimator.h"

namespace lathe {

struct EstimatorEntry {
  std::string_view name;
  Role role;
  std::string_view doc;                     // one sentence
  Estimator (*make)();                      // with default options
  ModelPtr (*load)(InputArchive& archive);  // the model's state; throws CorruptData
};

template <class E, class M>
constexpr EstimatorEntry registry_entry(Role role) {
  return {E::name, role, E::doc, [] { return Estimator(E{}); },
          [](InputArchive& archive) -> ModelPtr { return std::make_shared<const M>(archive); }};
}

class Registry {
 public:
  constexpr explicit Registry(std::span<const EstimatorEntry> entries) : entries_(entries) {}

  std::span<const EstimatorEntry> entries() const { return entries_; }
  const EstimatorEntry* find(std::string_view name) const;  // null if there is none

 private:
  std::span<const EstimatorEntry> entries_;
};

// An estimator from its text form; a Pipeline where there are several steps. Throws InvalidArgument
// for unknown names (with the nearest known one), options and values, pointing at the character.
Estimator make_estimator(std::string_view text, const Registry& registry);
Estimator make_estimator(const Pipe& pipe, const Registry& registry);

}  // namespace lathe
