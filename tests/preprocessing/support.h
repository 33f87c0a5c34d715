// What the tests of transformers share.
#pragma once

#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/error.h"
#include "lathe/ml/core/passthrough.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/core/registry.h"
#include "lathe/preprocessing/columns.h"
#include "lathe/preprocessing/drop.h"
#include "lathe/preprocessing/min_max_scaler.h"
#include "lathe/preprocessing/one_hot_encoder.h"
#include "lathe/preprocessing/ordinal_encoder.h"
#include "lathe/preprocessing/simple_imputer.h"
#include "lathe/preprocessing/standard_scaler.h"

namespace lathe {

inline constexpr double missing = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

inline const Registry& transformers() {
  static constexpr EstimatorEntry entries[] = {
      registry_entry<Columns, ColumnsModel>(Role::transformer),
      registry_entry<Drop, DropModel>(Role::transformer),
      registry_entry<MinMaxScaler, MinMaxScalerModel>(Role::transformer),
      registry_entry<OneHotEncoder, OneHotEncoderModel>(Role::transformer),
      registry_entry<OrdinalEncoder, OrdinalEncoderModel>(Role::transformer),
      registry_entry<Passthrough, PassthroughModel>(Role::transformer),
      registry_entry<SimpleImputer, SimpleImputerModel>(Role::transformer),
      registry_entry<StandardScaler, StandardScalerModel>(Role::transformer),
  };
  static constexpr Registry registry{entries};
  return registry;
}

inline ModelPtr load_transformer(std::string_view name, InputArchive& archive) {
  if (name == Pipeline::name) return load_pipeline(archive);
  const EstimatorEntry* entry = transformers().find(name);
  return entry != nullptr ? entry->load(archive) : nullptr;
}

// The model as it is after saving and loading.
template <class M>
M reloaded(const M& model) {
  OutputArchive out;
  model.save(out);
  const std::string bytes = out.bytes();
  InputArchive in(bytes, load_transformer);
  return M(in);
}

// Every single byte of the saved model changed, and every shorter file: CorruptData, or a model
// that transforms `X` to whatever it likes or refuses it, but does not crash.
template <class M>
void expect_hardened(const M& model, const Matrix& X) {
  OutputArchive out;
  model.save(out);
  const std::string bytes = out.bytes();
  const auto probe = [&](const std::string& changed) {
    try {
      InputArchive in(changed, load_transformer);
      const M loaded(in);
      if (loaded.n_outputs() < 1000) loaded.transform(X);
    } catch (const CorruptData&) {
    } catch (const InvalidArgument&) {
    }
  };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    probe(bytes.substr(0, i));
    for (const int bit : {1, 2, 64, 128}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ bit);
      probe(changed);
    }
  }
}

// What a call throws, as "code: message"; empty if it does not.
template <class Call>
std::string refusal(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code() + ": " + error.what();
  }
  return {};
}

inline Column numeric(std::string name) { return {std::move(name), ColumnKind::numeric, {}}; }
inline Column categorical(std::string name, std::vector<std::string> vocabulary) {
  return {std::move(name), ColumnKind::categorical, std::move(vocabulary)};
}

inline std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> result;
  for (const Column& column : schema.columns) result.push_back(column.name);
  return result;
}

// Equal, with NaN equal to NaN.
inline void expect_same(const Matrix& got, const Matrix& expected) {
  ASSERT_EQ(got.rows(), expected.rows());
  ASSERT_EQ(got.cols(), expected.cols());
  for (Index i = 0; i < got.rows(); ++i) {
    for (Index j = 0; j < got.cols(); ++j) {
      if (std::isnan(expected(i, j))) {
        EXPECT_TRUE(std::isnan(got(i, j))) << "row " << i << ", column " << j;
      } else {
        EXPECT_EQ(got(i, j), expected(i, j)) << "row " << i << ", column " << j;
      }
    }
  }
}

using Names = std::vector<std::string>;

}  // namespace lathe
