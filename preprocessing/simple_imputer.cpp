#include "lathe/preprocessing/simple_imputer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/moments.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/preprocessing/categories.h"

namespace lathe {
namespace {

using Strategy = SimpleImputer::Strategy;

constexpr std::string_view default_level = "missing_value";

std::size_t at(Index j) { return static_cast<std::size_t>(j); }

// Of at least one number; reorders them.
double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return std::midpoint(*std::max_element(values.begin(), middle), *middle);
}

double most_frequent(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  double best = values.front();
  std::ptrdiff_t best_count = 0;
  for (auto begin = values.begin(); begin != values.end();) {
    const auto end = std::upper_bound(begin, values.end(), *begin);
    if (end - begin > best_count) {
      best_count = end - begin;
      best = *begin;
    }
    begin = end;
  }
  return best;
}

// Fills column j of `learned`: the level joins the vocabulary unless it is there.
void fill_with_level(SimpleImputerModel::Learned& learned, Index j, std::string level) {
  const std::vector<std::string>& vocabulary = learned.columns[j].vocabulary;
  const auto place = std::lower_bound(vocabulary.begin(), vocabulary.end(), level);
  learned.fill[j] = static_cast<double>(place - vocabulary.begin());
  if (place != vocabulary.end() && *place == level) return;
  learned.places[at(j)] = place - vocabulary.begin();
  learned.added[at(j)] = std::move(level);
}

void learn_categorical(const SimpleImputer& options, const MatrixView& X, Index j,
                       SimpleImputerModel::Learned& learned) {
  const Column& column = learned.columns[j];
  const std::vector<std::int64_t> counts = count_codes(SimpleImputer::name, X, j, column);
  if (options.strategy == Strategy::constant) {
    const auto* text =
        options.fill_value ? std::get_if<std::string>(&*options.fill_value) : nullptr;
    if (options.fill_value && text == nullptr) {
      throw InvalidArgument(
          "G010",
          "simple_imputer: fill_value = " + to_text(std::get<double>(*options.fill_value)) +
              " is a number, but column \"" + column.name + "\" is categorical",
          "write a number that is a level in quotes: fill_value=\"0\"");
    }
    return fill_with_level(learned, j, text != nullptr ? *text : std::string(default_level));
  }
  if (options.strategy != Strategy::most_frequent) {
    throw InvalidArgument(
        "G011",
        "simple_imputer: strategy = " +
            std::string(names(options.strategy)[static_cast<std::size_t>(options.strategy)]) +
            " needs numbers, but column \"" + column.name + "\" is categorical",
        "strategy=most_frequent or strategy=constant takes both; columns(numeric: ..., "
        "categorical: ...) gives each kind its own");
  }
  const auto most = std::max_element(counts.begin(), counts.end() - 1);
  if (most == counts.end() - 1 || *most == 0) {
    return fill_with_level(learned, j, std::string(default_level));
  }
  learned.fill[j] = static_cast<double>(most - counts.begin());
}

void learn_numeric(const SimpleImputer& options, const MatrixView& X, Index j, double mean,
                   SimpleImputerModel::Learned& learned) {
  if (options.strategy == Strategy::constant) {
    if (!options.fill_value) return;
    const auto* number = std::get_if<double>(&*options.fill_value);
    if (number == nullptr) {
      throw InvalidArgument(
          "G010", "simple_imputer: fill_value = '" + std::get<std::string>(*options.fill_value) +
                      "' is a text, but column \"" + learned.columns[j].name + "\" is numeric");
    }
    learned.fill[j] = *number;
    return;
  }
  if (options.strategy == Strategy::mean) {
    learned.fill[j] = mean;
    return;
  }
  std::vector<double> values;
  for (Index i = 0; i < X.rows(); ++i) {
    if (!std::isnan(X(i, j))) values.push_back(X(i, j));
  }
  if (values.empty()) return;
  learned.fill[j] = options.strategy == Strategy::median ? median(values) : most_frequent(values);
}

}  // namespace

SimpleImputerModel SimpleImputer::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  const Index d = X.cols();
  const Moments moments = column_moments(X);
  SimpleImputerModel::Learned learned{
      .columns = context.columns != nullptr ? *context.columns : numeric_schema(d),
      .fill = Vector::Zero(d),
      .added = std::vector<std::string>(at(d)),
      .places = std::vector<std::int64_t>(at(d), -1),
      .indicators = {},
      .empty = {}};
  parallel_for(d, [&](Index j) {
    if (learned.columns[j].kind == ColumnKind::categorical) {
      learn_categorical(*this, X, j, learned);
    } else {
      learn_numeric(*this, X, j, moments.mean[j], learned);
    }
  });
  for (Index j = 0; j < d; ++j) {
    const std::int64_t count = moments.count[at(j)];
    if (add_indicator && count < X.rows()) learned.indicators.push_back(j);
    if (count == 0 && strategy != Strategy::constant) learned.empty.push_back(j);
  }
  return SimpleImputerModel(std::move(learned));
}

SimpleImputerModel::SimpleImputerModel(Learned learned) : learned_(std::move(learned)) {
  prepare();
}

void SimpleImputerModel::prepare() {
  moved_from_.resize(n_features_in());
  for (Index j = 0; j < n_features_in(); ++j) {
    const std::int64_t place = learned_.places[at(j)];
    moved_from_[j] =
        place < 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(place);
  }
}

std::string_view SimpleImputerModel::name() const { return SimpleImputer::name; }

Schema SimpleImputerModel::columns_out(const Schema& in) const {
  bool same = in.size() == n_features_in();
  for (Index j = 0; same && j < in.size(); ++j) {
    same = in[j].kind == learned_.columns[j].kind &&
           in[j].vocabulary.size() == learned_.columns[j].vocabulary.size();
  }
  if (!same) {
    throw InvalidArgument(
        "G005", "simple_imputer: the columns are not those it was fitted on, in number or kind");
  }
  Schema out = in;
  for (Index j = 0; j < in.size(); ++j) {
    const std::int64_t place = learned_.places[at(j)];
    if (place < 0) continue;
    auto& vocabulary = out.columns[at(j)].vocabulary;
    vocabulary.insert(vocabulary.begin() + place, learned_.added[at(j)]);
  }
  for (const std::int64_t j : learned_.indicators) {
    out.columns.push_back({"missingindicator_" + in[j].name, ColumnKind::numeric, {}});
  }
  make_names_unique(out);
  return out;
}

void SimpleImputerModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  const Index d = n_features_in();
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < d; ++j) {
      const double x = X(i, j);
      const double moved = x >= moved_from_[j] ? x + 1.0 : x;
      out(i, j) = std::isnan(x) ? learned_.fill[j] : moved;
    }
    for (Index k = d; k < n_outputs(); ++k) {
      out(i, k) = std::isnan(X(i, learned_.indicators[at(k - d)])) ? 1.0 : 0.0;
    }
  }
}

std::vector<std::string> SimpleImputerModel::statistic_texts() const {
  std::vector<std::string> result;
  for (Index j = 0; j < n_features_in(); ++j) {
    const Column& column = learned_.columns[j];
    if (column.kind == ColumnKind::numeric) {
      result.push_back(to_text(learned_.fill[j]));
    } else if (learned_.places[at(j)] >= 0) {
      result.push_back(learned_.added[at(j)]);
    } else {
      result.push_back(column.vocabulary[static_cast<std::size_t>(learned_.fill[j])]);
    }
  }
  return result;
}

std::vector<Attribute> SimpleImputerModel::attributes() const {
  const auto& columns = learned_.columns.columns;
  const bool numbers = std::all_of(columns.begin(), columns.end(), [](const Column& column) {
    return column.kind == ColumnKind::numeric;
  });
  if (numbers) return {{"statistics", Matrix(learned_.fill.transpose())}};
  return {{"statistics", statistic_texts()}};
}

std::vector<std::string> SimpleImputerModel::warnings() const {
  std::vector<std::string> result;
  const std::vector<std::string> fills = statistic_texts();
  for (const std::int64_t j : learned_.empty) {
    result.push_back("column \"" + learned_.columns[j].name +
                     "\" holds only missing values in training; they are filled with " +
                     fills[at(j)]);
  }
  return result;
}

void SimpleImputerModel::state(auto& self, auto& archive) {
  archive.version(1);
  auto& learned = self.learned_;
  archive(learned.columns, learned.fill, learned.added, learned.places, learned.indicators);
}

SimpleImputerModel::SimpleImputerModel(InputArchive& archive) {
  state(*this, archive);
  const auto& [columns, fill, added, places, indicators, empty] = learned_;
  const Index d = fill.size();
  check_state(SimpleImputer::name, d > 0 && columns.size() == d && fill.allFinite() &&
                                       added.size() == at(d) && places.size() == at(d));
  for (Index j = 0; j < d; ++j) {
    const auto levels = static_cast<std::int64_t>(columns[j].vocabulary.size());
    const std::int64_t place = places[at(j)];
    if (columns[j].kind == ColumnKind::numeric) {
      check_state(SimpleImputer::name, place == -1);
    } else if (place != -1) {
      check_state(SimpleImputer::name,
                  place >= 0 && place <= levels && fill[j] == static_cast<double>(place));
    } else {
      check_state(SimpleImputer::name, fill[j] >= 0.0 && fill[j] < static_cast<double>(levels) &&
                                           fill[j] == std::trunc(fill[j]));
    }
  }
  const auto in_range = [&](std::int64_t j) { return j >= 0 && j < d; };
  check_state(SimpleImputer::name,
              std::all_of(indicators.begin(), indicators.end(), in_range) &&
                  std::adjacent_find(indicators.begin(), indicators.end(),
                                     std::greater_equal<>()) == indicators.end());
  prepare();
}

void SimpleImputerModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
