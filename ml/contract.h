// What a saved model promises and asks for: the columns it needs, what they looked like in
// training, and where it comes from. The daemon checks every request against it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/ml/core/labels.h"
#include "lathe/ml/core/model.h"
#include "lathe/ml/core/schema.h"
#include "lathe/ml/core/types.h"

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

// Mean and sd in two passes; quantiles interpolated linearly (Hyndman and Fan 1996, type 7), as
// numpy's default. The cells must be finite or NaN, which is missing. O(n log n).
ColumnStatistics numeric_statistics(std::span<const double> cells);
// Codes in [0, levels), NaN where missing.
ColumnStatistics category_statistics(std::span<const double> codes, Index levels);

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
  std::int64_t rows = 0;         // of training
  std::string data_fingerprint;  // XXH3-128 of the training columns, in hex
  std::vector<CrossValidationScore> scores;
  // Training rows kept so that a server can try the model on what it will be asked: one cell per
  // input, a number or the code of a level, or nothing where it is missing. Often none.
  std::vector<std::vector<std::optional<double>>> warm_rows;

  bool operator==(const Contract&) const = default;
};

// Numbers so that they read back to the bit, UTF-8. Throws InvalidArgument (C002) for text that is
// not UTF-8 and for numbers that are not finite.
std::string to_json(const Contract& contract);
// Throws CorruptData (C001), naming the field, unless every field is there, of its kind, finite and
// consistent with the others, and there is no other. Only warm_rows may be left out.
Contract contract_from_json(std::string_view text);

// "0.1.0"
std::string_view lathe_version();

}  // namespace lathe
