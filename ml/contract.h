// What a saved model promises and asks for: the columns it needs, what they looked like in training,
// and where it comes from. The daemon checks every request against it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/model.h"
#include "lathe/ml/core/schema.h"

namespace lathe {

// Of one input column over the training rows.
struct ColumnStatistics {
  std::int64_t count = 0;    // cells present
  std::int64_t missing = 0;  // cells missing
  double mean = 0.0;         // numeric columns: of the present cells; 0 where there is none
  double sd = 0.0;           // n - 1 in the denominator; 0 for fewer than two cells
  double min = 0.0;
  double max = 0.0;
  std::vector<double> quantiles;              // 11 of them: 0, 0.1, ... 1; empty if none present
  std::vector<std::int64_t> category_counts;  // one per level of the vocabulary

  bool operator==(const ColumnStatistics&) const = default;
};

struct CrossValidationScore {
  std::string metric;
  std::string splitter;  // text form
  std::vector<double> folds;
  double mean = 0.0;
  double std = 0.0;  // n in the denominator, as numpy's

  bool operator==(const CrossValidationScore&) const = default;
};

struct Contract {
  std::string lathe_version;
  std::string pipeline;  // text form, defaults that were filled in included
  Role role = Role::regressor;
  Schema inputs;                             // in the model's order
  std::vector<ColumnStatistics> statistics;  // one per input
  std::vector<std::string> targets;          // names; empty without a target
  Classes classes;                           // classifiers
  std::vector<std::string> outputs;          // names of predicted or transformed columns
  std::string weight;                        // its column, or empty
  std::uint64_t seed = 0;
  std::int64_t rows = 0;          // of training
  std::string data_fingerprint;   // XXH3-128 of the training columns, in hex
  std::vector<CrossValidationScore> scores;

  bool operator==(const Contract&) const = default;
};

// Numbers with 17 digits, UTF-8. from_json throws CorruptData unless everything is there, of its
// kind, finite and consistent.
std::string to_json(const Contract& contract);
Contract contract_from_json(std::string_view text);

}  // namespace lathe
