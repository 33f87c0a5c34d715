#include "lathe/preprocessing/one_hot_encoder.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

using HandleUnknown = OneHotEncoder::HandleUnknown;

// The rarest values, by scikit-learn's rules: those under min_frequency, then as many more as
// max_categories asks for, the rarer first and of equals the earlier.
std::vector<std::int64_t> rare_values(const OneHotEncoder& options,
                                      std::span<const std::int64_t> counts, Index n_samples) {
  double least = 0.0;
  if (options.min_frequency) {
    const auto* count = std::get_if<std::int64_t>(&*options.min_frequency);
    least = count != nullptr
                ? static_cast<double>(*count)
                : std::get<double>(*options.min_frequency) * static_cast<double>(n_samples);
  }
  std::vector<std::int64_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count_of = [&](std::int64_t place) { return counts[static_cast<std::size_t>(place)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return count_of(a) < count_of(b); });
  const auto frequent = std::find_if(order.begin(), order.end(), [&](auto place) {
    return static_cast<double>(count_of(place)) >= least;
  });
  auto n_rare = static_cast<std::size_t>(frequent - order.begin());
  if (options.max_categories) {
    const auto most = static_cast<std::size_t>(*options.max_categories);
    if (most < counts.size() - n_rare + 1)
      n_rare = counts.size() - std::min(counts.size(), most - 1);
  }
  order.resize(n_rare);
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

OneHotEncoderModel OneHotEncoder::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  const Schema columns = context.columns != nullptr ? *context.columns : numeric_schema(X.cols());
  return {*this, Categories(name, X, columns), X.rows()};
}

OneHotEncoderModel::OneHotEncoderModel(const OneHotEncoder& options, Categories categories,
                                       Index n_samples)
    : categories_(std::move(categories)), handle_unknown_(options.handle_unknown) {
  for (Index j = 0; j < categories_.cols(); ++j) {
    const auto& rare =
        infrequent_.emplace_back(rare_values(options, categories_.counts(j), n_samples));
    const auto n_rare = static_cast<Index>(rare.size());
    const Index n_frequent = categories_.size(j) - n_rare;
    const Index n_outputs = n_frequent + (n_rare > 0 ? 1 : 0);
    // The value behind the first output: frequent ones come first.
    std::int64_t first = 0;
    while (n_frequent > 0 && std::binary_search(rare.begin(), rare.end(), first)) ++first;
    const bool drops = options.drop == OneHotEncoder::Drop::first ||
                       (options.drop == OneHotEncoder::Drop::if_binary && n_outputs == 2);
    dropped_.push_back(drops ? first : -1);
  }
  prepare();
}

void OneHotEncoderModel::prepare() {
  offsets_ = {0};
  for (Index j = 0; j < categories_.cols(); ++j) {
    const auto& rare = infrequent_[at(j)];
    std::vector<Index> slots(at(categories_.size(j)), -1);
    Index next = 0;
    for (std::size_t place = 0; place < slots.size(); ++place) {
      const bool is_rare =
          std::binary_search(rare.begin(), rare.end(), static_cast<std::int64_t>(place));
      if (!is_rare) slots[place] = next++;
    }
    Index rare_slot = rare.empty() ? -1 : next++;
    for (const std::int64_t place : rare) slots[at(place)] = rare_slot;
    if (dropped_[at(j)] >= 0) {
      const Index gap = slots[at(dropped_[at(j)])];
      const auto close = [gap](Index slot) {
        return slot == gap ? -1 : slot - (slot > gap ? 1 : 0);
      };
      std::transform(slots.begin(), slots.end(), slots.begin(), close);
      rare_slot = close(rare_slot);
      --next;
    }
    slots_.push_back(std::move(slots));
    infrequent_slots_.push_back(rare_slot);
    offsets_.push_back(offsets_.back() + next);
  }
}

std::string_view OneHotEncoderModel::name() const { return OneHotEncoder::name; }

Schema OneHotEncoderModel::columns_out(const Schema& in) const {
  categories_.check_columns(name(), in);
  Schema out;
  for (Index j = 0; j < n_features_in(); ++j) {
    std::vector<std::string> texts(at(width(j)), "infrequent_sklearn");
    for (Index place = 0; place < categories_.size(j); ++place) {
      const Index slot = slots_[at(j)][at(place)];
      if (slot >= 0 && slot != infrequent_slots_[at(j)])
        texts[at(slot)] = categories_.text(j, place);
    }
    for (const std::string& text : texts) {
      out.columns.push_back({in[j].name + "_" + text, ColumnKind::numeric, {}});
    }
  }
  make_names_unique(out);
  return out;
}

void OneHotEncoderModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  for (Index i = 0; i < X.rows(); ++i) {
    double* row = out.data() + i * out.outerStride();
    std::fill(row, row + n_outputs(), 0.0);
    for (Index j = 0; j < X.cols(); ++j) {
      const Index place = categories_.find(j, X(i, j));
      if (place < 0 && handle_unknown_ == HandleUnknown::error) {
        categories_.refuse(name(), i, j, X(i, j));
      }
      Index slot = -1;
      if (place >= 0) {
        slot = slots_[at(j)][at(place)];
      } else if (handle_unknown_ == HandleUnknown::infrequent_if_exist) {
        slot = infrequent_slots_[at(j)];
      }
      if (slot >= 0) row[offsets_[at(j)] + slot] = 1.0;
    }
  }
}

Matrix OneHotEncoderModel::inverse_transform(const MatrixView& encoded) const {
  check_finite_rows(name(), encoded, n_outputs());
  Matrix out(encoded.rows(), n_features_in());
  for (Index i = 0; i < encoded.rows(); ++i) {
    for (Index j = 0; j < n_features_in(); ++j) {
      Index best = -1;
      for (Index slot = 0; slot < width(j); ++slot) {
        const double indicator = encoded(i, offsets_[at(j)] + slot);
        if (indicator != 0.0 && (best < 0 || indicator > encoded(i, offsets_[at(j)] + best))) {
          best = slot;
        }
      }
      if (best < 0 && dropped_[at(j)] < 0 && handle_unknown_ == HandleUnknown::error) {
        throw InvalidArgument("G006", "one_hot_encoder: row " + std::to_string(i) +
                                          " is zero in all outputs of column \"" +
                                          categories_.columns()[j].name +
                                          "\", which stands for none of its values");
      }
      const auto& slots = slots_[at(j)];
      Index place =
          best < 0 ? dropped_[at(j)] : std::find(slots.begin(), slots.end(), best) - slots.begin();
      if (place >= 0 &&
          std::binary_search(infrequent_[at(j)].begin(), infrequent_[at(j)].end(), place)) {
        place = -1;
      }
      const double unknown = categories_.columns()[j].kind == ColumnKind::categorical
                                 ? unknown_category
                                 : std::numeric_limits<double>::quiet_NaN();
      out(i, j) = place < 0 ? unknown : categories_.values(j)[at(place)];
    }
  }
  return out;
}

std::vector<Attribute> OneHotEncoderModel::attributes() const {
  std::vector<Attribute> result;
  for (Index j = 0; j < n_features_in(); ++j) {
    const std::string& column = categories_.columns()[j].name;
    result.push_back({"categories." + column, categories_.texts(j)});
    if (dropped_[at(j)] >= 0) result.push_back({"drop_idx." + column, dropped_[at(j)]});
    if (infrequent_[at(j)].empty()) continue;
    std::vector<std::string> rare;
    for (const std::int64_t place : infrequent_[at(j)]) rare.push_back(categories_.text(j, place));
    result.push_back({"infrequent_categories." + column, std::move(rare)});
  }
  return result;
}

void OneHotEncoderModel::state(auto& self, auto& archive) {
  archive.version(1);
  Categories::state(self.categories_, archive);
  archive(self.handle_unknown_, self.infrequent_, self.dropped_);
}

OneHotEncoderModel::OneHotEncoderModel(InputArchive& archive) {
  state(*this, archive);
  check_state(OneHotEncoder::name, categories_.consistent());
  const std::size_t d = at(n_features_in());
  check_state(OneHotEncoder::name, infrequent_.size() == d && dropped_.size() == d);
  for (Index j = 0; j < n_features_in(); ++j) {
    const auto in_range = [&](std::int64_t place) {
      return place >= 0 && place < categories_.size(j);
    };
    const auto& rare = infrequent_[at(j)];
    check_state(OneHotEncoder::name, std::all_of(rare.begin(), rare.end(), in_range) &&
                                         std::adjacent_find(rare.begin(), rare.end(),
                                                            std::greater_equal<>()) == rare.end());
    check_state(OneHotEncoder::name, dropped_[at(j)] == -1 || in_range(dropped_[at(j)]));
  }
  prepare();
}

void OneHotEncoderModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
