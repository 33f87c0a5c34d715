#include "lathe/ml/core/splitter.h"

#include <array>

namespace lathe {
namespace {

template <class S>
constexpr SplitterEntry entry() {
  return {S::name, S::doc, [] { return Splitter(S{}); }};
}

constexpr std::array table{entry<KFold>(),           entry<StratifiedKFold>(),
                           entry<ShuffleSplit>(),    entry<GroupKFold>(),
                           entry<TimeSeriesSplit>(), entry<LeaveOneOut>(),
                           entry<LeaveOneGroupOut>()};

}  // namespace

std::span<const SplitterEntry> splitters() { return table; }

Splitter make_splitter(std::string_view text) {
  return detail::make_described(text, "splitter", splitters());
}

}  // namespace lathe
