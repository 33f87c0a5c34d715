#include "lathe/ml/core/estimator.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/error.h"
#include "lathe/ml/core/passthrough.h"

namespace lathe {

Estimator::Interface::~Interface() = default;

Estimator::Estimator() : Estimator(Passthrough{}) {}

void Estimator::refuse_branch(std::string_view name) {
  throw InvalidArgument("P002", std::string(name) + " takes no 'columns: pipeline' arguments",
                        "write option=value; only columns(...) has branches");
}

namespace detail {

Target::Numbers need_numbers(std::string_view name, const Target& y) {
  if (y.has_numbers()) return y.numbers();
  if (y.has_labels()) {
    throw InvalidArgument("T002",
                          std::string(name) + " predicts numbers, but the target holds " +
                              std::to_string(y.labels().classes().size()) + " labels",
                          "use a classifier, or a numeric target");
  }
  throw InvalidArgument("T003", std::string(name) + " needs a target",
                        "pass y, or --target COLUMN on the command line");
}

bool can_sum(const Tags& tags, const Context& context) {
  if (!context.weight.empty() && !tags.weights) return false;
  if (context.columns == nullptr) return true;
  const auto& columns = context.columns->columns;
  return std::all_of(columns.begin(), columns.end(),
                     [](const Column& column) { return column.kind == ColumnKind::numeric; });
}

Labels need_labels(std::string_view name, const Target& y) {
  if (y.has_labels()) return y.labels();
  if (y.empty()) {
    throw InvalidArgument("T003", std::string(name) + " needs a target",
                          "pass y, or --target COLUMN on the command line");
  }
  const Target::Numbers numbers = y.numbers();
  if (numbers.cols() != 1) {
    throw InvalidArgument("T004", std::string(name) + " takes one target, but y has " +
                                      std::to_string(numbers.cols()) + " columns");
  }
  std::vector<std::int64_t> values;
  values.reserve(static_cast<std::size_t>(numbers.rows()));
  for (Index i = 0; i < numbers.rows(); ++i) {
    const double value = numbers(i, 0);
    if (!(std::abs(value) <= 9007199254740992.0) || value != std::trunc(value)) {
      throw InvalidArgument("T005",
                            std::string(name) + " predicts labels, but y holds " + to_text(value) +
                                " in row " + std::to_string(i),
                            "use a regressor, or labels that are text or whole numbers");
    }
    values.push_back(static_cast<std::int64_t>(value));
  }
  return Labels(std::span<const std::int64_t>(values));
}

}  // namespace detail
}  // namespace lathe
