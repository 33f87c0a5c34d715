#include "lathe/datasets/profile.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <utility>

#include "lathe/datasets/number.h"
#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/moments.h"

namespace lathe {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

// sum (x_i - mean) (x_i+1 - mean) / sum (x_i - mean)^2, over the cells present; neighbours of which
// one is missing do not count.
double autocorrelation(std::span<const double> values, const Moments& moments) {
  const double squares = moments.spread[0] * moments.weight[0];
  const auto deviation = [&](double x) {
    return (DoubleDouble(x / moments.unit[0]) -
            DoubleDouble(moments.mean[0] / moments.unit[0], moments.mean_rest[0] / moments.unit[0]))
        .value();
  };
  DoubleDoubleSum products;
  for (std::size_t i = 1; i < values.size(); ++i) {
    if (std::isnan(values[i - 1]) || std::isnan(values[i])) continue;
    products.add_product(deviation(values[i - 1]), deviation(values[i]));
  }
  return squares > 0.0 ? products.total().value() / squares : none;
}

double quantile(std::span<const double> sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const double below = std::floor(place);
  const double part = place - below;
  const double low = sorted[static_cast<std::size_t>(below)];
  if (part == 0.0) return low;
  const double high = sorted[static_cast<std::size_t>(below) + 1];
  return low == high ? low : (1.0 - part) * low + part * high;
}

void profile_numbers(ColumnProfile& column, std::span<const double> values) {
  std::vector<double> sorted;
  sorted.reserve(values.size());
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted),
               [](double v) { return !std::isnan(v); });
  std::sort(sorted.begin(), sorted.end());
  column.count = static_cast<Index>(sorted.size());
  column.missing = static_cast<Index>(values.size() - sorted.size());
  column.mean = column.sd = column.autocorrelation = none;
  column.min = column.q1 = column.median = column.q3 = column.max = none;
  if (sorted.empty()) return;

  const Moments moments =
      column_moments(Eigen::Map<const Vector>(values.data(), static_cast<Index>(values.size())));
  column.mean = moments.mean[0];
  if (column.count > 1) column.sd = moments.deviation(1.0)[0];
  column.autocorrelation = autocorrelation(values, moments);
  column.min = sorted.front();
  column.q1 = quantile(sorted, 0.25);
  column.median = quantile(sorted, 0.5);
  column.q3 = quantile(sorted, 0.75);
  column.max = sorted.back();
  column.distinct = std::unique(sorted.begin(), sorted.end()) - sorted.begin();
}

// Cells per level.
std::vector<Index> count_levels(std::span<const std::int32_t> codes, std::size_t levels) {
  std::vector<Index> counts(levels);
  for (const std::int32_t code : codes) {
    if (code != Table::missing_code) ++counts[static_cast<std::size_t>(code)];
  }
  return counts;
}

void add_hint(ColumnProfile& column, Hint::Kind kind, std::string text) {
  column.hints.push_back({kind, std::move(text)});
}

void profile_categories(ColumnProfile& column, std::span<const std::int32_t> codes,
                        const std::vector<std::string>& vocabulary, Index max_levels) {
  const std::vector<Index> counts = count_levels(codes, vocabulary.size());
  column.count = std::accumulate(counts.begin(), counts.end(), Index{0});
  column.missing = static_cast<Index>(codes.size()) - column.count;

  std::vector<std::size_t> order;
  Index numbers = 0;
  for (std::size_t level = 0; level < counts.size(); ++level) {
    if (counts[level] == 0) continue;
    order.push_back(level);
    if (parse_number(vocabulary[level]).kind != NumberKind::text) numbers += counts[level];
  }
  column.distinct = static_cast<Index>(order.size());
  const auto shown =
      std::min(order.size(), static_cast<std::size_t>(std::max(max_levels, Index{0})));
  // The vocabulary is sorted, so the lower index is the lower text.
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::size_t a, std::size_t b) {
                      return counts[a] != counts[b] ? counts[a] > counts[b] : a < b;
                    });
  for (std::size_t i = 0; i < shown; ++i) {
    column.levels.push_back({vocabulary[order[i]], counts[order[i]]});
  }
  if (column.count > 1 && column.distinct == column.count) {
    add_hint(column, Hint::Kind::all_distinct,
             "all " + std::to_string(column.count) + " texts differ: a name or a key?");
  }
  if (numbers > 0 && 2 * numbers >= column.count) {
    add_hint(column, Hint::Kind::mostly_numbers,
             std::to_string(numbers) + " of " + std::to_string(column.count) +
                 " cells are numbers, taken as text");
  }
}

bool same_cells(const Table& table, Index a, Index b) {
  if (table.schema()[a].kind != table.schema()[b].kind) return false;
  if (table.schema()[a].kind == ColumnKind::numeric) {
    return std::ranges::equal(table.numeric(a), table.numeric(b), [](double x, double y) {
      return x == y || (std::isnan(x) && std::isnan(y));
    });
  }
  const auto& texts_a = table.schema()[a].vocabulary;
  const auto& texts_b = table.schema()[b].vocabulary;
  return std::ranges::equal(table.codes(a), table.codes(b), [&](std::int32_t x, std::int32_t y) {
    if (x == Table::missing_code || y == Table::missing_code) return x == y;
    return texts_a[static_cast<std::size_t>(x)] == texts_b[static_cast<std::size_t>(y)];
  });
}

// Columns with the same cells agree in these; with them few pairs have to be compared.
using Signature = std::pair<std::array<Index, 3>, std::array<std::uint64_t, 2>>;
Signature signature(const ColumnProfile& column) {
  const bool numeric = column.kind == ColumnKind::numeric && column.count > 0;
  const double mean = numeric ? column.mean + 0.0 : 0.0;  // -0 is 0
  const double sd = numeric && column.count > 1 ? column.sd : 0.0;
  return {{static_cast<Index>(column.kind), column.count, column.distinct},
          {std::bit_cast<std::uint64_t>(mean), std::bit_cast<std::uint64_t>(sd)}};
}

void compare_columns(const Table& table, std::optional<Index> target, TableProfile& result) {
  std::map<Signature, std::vector<Index>> alike;  // different ones of equal signature
  for (Index j = 0; j < table.cols(); ++j) {
    ColumnProfile& column = result.columns[static_cast<std::size_t>(j)];
    if (column.count == 0) continue;  // nothing in it to compare
    if (target && j != *target && same_cells(table, j, *target)) {
      add_hint(column, Hint::Kind::equals_target,
               "the same as the target \"" + table.schema()[*target].name + "\"");
    }
    auto& earlier = alike[signature(column)];
    const auto same = std::find_if(earlier.begin(), earlier.end(),
                                   [&](Index k) { return same_cells(table, j, k); });
    if (same == earlier.end()) {
      earlier.push_back(j);
    } else {
      add_hint(column, Hint::Kind::duplicate,
               "the same as column \"" + table.schema()[*same].name + "\"");
    }
  }
}

void add_plain_hints(ColumnProfile& column, bool is_target) {
  if (column.count == 0) {
    add_hint(column, Hint::Kind::all_missing, "no cell holds anything");
  } else if (column.count > 1 && column.distinct == 1) {
    add_hint(column, Hint::Kind::constant, "one value only");
  }
  if (is_target && column.missing > 0) {
    add_hint(column, Hint::Kind::missing_target,
             "the target is missing in " + std::to_string(column.missing) + " of " +
                 std::to_string(column.count + column.missing) + " rows");
  }
}

}  // namespace

std::string_view to_text(Hint::Kind kind) {
  static constexpr std::array<std::string_view, 7> names = {
      "all_missing", "constant",      "all_distinct",  "mostly_numbers",
      "duplicate",   "equals_target", "missing_target"};
  return names[static_cast<std::size_t>(kind)];
}

TableProfile profile(const Table& table, const std::optional<std::string>& target,
                     Index max_levels) {
  std::optional<Index> target_column;
  if (target) target_column = table.column(*target);
  TableProfile result;
  result.rows = table.rows();
  for (Index j = 0; j < table.cols(); ++j) {
    ColumnProfile& column = result.columns.emplace_back();
    column.name = table.schema()[j].name;
    column.kind = table.schema()[j].kind;
    if (column.kind == ColumnKind::numeric) {
      profile_numbers(column, table.numeric(j));
    } else {
      column.mean = column.sd = column.autocorrelation = none;
      column.min = column.q1 = column.median = column.q3 = column.max = none;
      profile_categories(column, table.codes(j), table.schema()[j].vocabulary, max_levels);
    }
    add_plain_hints(column, j == target_column);
  }
  compare_columns(table, target_column, result);
  return result;
}

}  // namespace lathe
