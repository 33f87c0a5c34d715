#include "lathe/evaluation/metrics_classification.h"

#include <limits>
#include <optional>
#include <utility>

#include "lathe/evaluation/accurate_sum.h"
#include "lathe/evaluation/metric_checks.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

using detail::LabelPair;
using detail::weight_of;

LabelPair check(std::string_view name, const Labels& y_true, const Labels& y_pred,
                std::span<const double> weight) {
  detail::check_metric_rows(name, y_true.size(), y_pred.size(), weight);
  return detail::align_labels(name, y_true, y_pred);
}

// Weights of the rows of a class: rightly predicted, predicted, true.
struct Counts {
  AccurateSum right;
  AccurateSum guessed;
  AccurateSum truly;
  bool occurs = false;  // in either vector, whatever its rows weigh
};

std::vector<Counts> count(const LabelPair& pair, std::span<const double> weight) {
  std::vector<Counts> classes(static_cast<std::size_t>(pair.classes.size()));
  for (std::size_t i = 0; i < pair.truth.size(); ++i) {
    const double w = weight_of(weight, static_cast<Index>(i));
    Counts& truth = classes[static_cast<std::size_t>(pair.truth[i])];
    Counts& guess = classes[static_cast<std::size_t>(pair.guess[i])];
    truth.occurs = guess.occurs = true;
    truth.truly.add(w);
    guess.guessed.add(w);
    if (&truth == &guess) truth.right.add(w);
  }
  return classes;
}

struct Sums {
  double right = 0.0;
  double guessed = 0.0;
  double truly = 0.0;
};

double f1_of(const Sums& sums, double zero_division) {
  const double precision = sums.guessed == 0.0 ? zero_division : sums.right / sums.guessed;
  const double recall = sums.truly == 0.0 ? zero_division : sums.right / sums.truly;
  const double both = precision + recall;
  return both == 0.0 ? 0.0 : 2.0 * precision * recall / both;
}

std::string list(const Classes& classes) {
  std::string text;
  for (Index code = 0; code < classes.size(); ++code) {
    text.append(code == 0 ? "" : ", ").append(classes.name(code));
  }
  return text;
}

[[noreturn]] void refuse_label(const char* option, const std::string& label,
                               const Classes& classes) {
  throw InvalidArgument(
      "Q006",
      "f1: " + std::string(option) + " = " + label + " is none of the labels " + list(classes),
      "f1(" + std::string(option) + "=...) names them as they are");
}

// The codes of the classes that count, in the order of the result.
std::vector<Index> chosen(const F1& f1, const Classes& classes, const std::vector<Counts>& counts) {
  std::vector<Index> codes;
  if (f1.average == F1Average::binary) {
    if (classes.size() > 2) {
      throw InvalidArgument("Q005",
                            "f1: average=binary is for two labels, but there are " +
                                std::to_string(classes.size()) + ": " + list(classes),
                            "use f1(average=macro), f1(average=weighted) or f1(average=micro)");
    }
    const auto* number = std::get_if<std::int64_t>(&f1.pos_label);
    const std::string label =
        number != nullptr ? std::to_string(*number) : std::get<std::string>(f1.pos_label);
    const std::optional<Index> code = classes.find(std::string_view(label));
    if (!code && classes.size() > 1) refuse_label("pos_label", label, classes);
    if (code) codes.push_back(*code);
  } else if (!f1.labels.empty()) {
    for (const std::string& label : f1.labels) {
      const std::optional<Index> code = classes.find(std::string_view(label));
      if (!code) refuse_label("labels", label, classes);
      codes.push_back(*code);
    }
  } else {
    for (Index code = 0; code < classes.size(); ++code) {
      if (counts[static_cast<std::size_t>(code)].occurs) codes.push_back(code);
    }
  }
  return codes;
}

}  // namespace

double accuracy_score(const Labels& y_true, const Labels& y_pred, std::span<const double> weight) {
  const LabelPair pair = check("accuracy", y_true, y_pred, weight);
  AccurateSum right;
  for (std::size_t i = 0; i < pair.truth.size(); ++i) {
    if (pair.truth[i] == pair.guess[i]) right.add(weight_of(weight, static_cast<Index>(i)));
  }
  return right.value() / detail::total_weight(weight, y_true.size());
}

double balanced_accuracy_score(const Labels& y_true, const Labels& y_pred,
                               std::span<const double> weight, const BalancedAccuracy& options) {
  const LabelPair pair = check(BalancedAccuracy::name, y_true, y_pred, weight);
  AccurateSum recalls;
  double n_classes = 0.0;
  for (const Counts& counts : count(pair, weight)) {
    if (counts.truly.value() == 0.0) continue;
    recalls.add(counts.right.value() / counts.truly.value());
    ++n_classes;
  }
  const double score = recalls.value() / n_classes;
  if (!options.adjusted) return score;
  if (n_classes == 1.0) return std::numeric_limits<double>::quiet_NaN();
  const double chance = 1.0 / n_classes;
  return (score - chance) / (1.0 - chance);
}

double BalancedAccuracy::score(const MetricInput& input) const {
  return balanced_accuracy_score(input.y.labels(), *input.labels, input.weight, *this);
}

double F1::score(const MetricInput& input) const {
  return f1_score(input.y.labels(), *input.labels, *this, input.weight);
}

double f1_score(const Labels& y_true, const Labels& y_pred, const F1& options,
                std::span<const double> weight) {
  check_options(options);
  const LabelPair pair = check(F1::name, y_true, y_pred, weight);
  const std::vector<Counts> counts = count(pair, weight);
  const auto instead = static_cast<double>(options.zero_division);

  AccurateSum right, guessed, truly, plain, by_rows;
  double n_classes = 0.0;
  for (const Index code : chosen(options, pair.classes, counts)) {
    const Counts& c = counts[static_cast<std::size_t>(code)];
    const Sums sums{c.right.value(), c.guessed.value(), c.truly.value()};
    const double f1 = f1_of(sums, instead);
    right.add(sums.right);
    guessed.add(sums.guessed);
    truly.add(sums.truly);
    plain.add(f1);
    by_rows.add(sums.truly * f1);
    ++n_classes;
  }
  switch (options.average) {
    case F1Average::binary:
    case F1Average::micro:
      return f1_of({right.value(), guessed.value(), truly.value()}, instead);
    case F1Average::macro:
      return plain.value() / n_classes;
    case F1Average::weighted:
      break;
  }
  // No row of these classes: as good as said where none is predicted either, else worthless.
  if (truly.value() == 0.0) return guessed.value() == 0.0 ? instead : 0.0;
  return by_rows.value() / truly.value();
}

}  // namespace lathe
