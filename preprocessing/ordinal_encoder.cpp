#include "lathe/preprocessing/ordinal_encoder.h"

#include <cmath>
#include <utility>

#include "lathe/ml/core/archive.h"
#include "lathe/ml/core/checks.h"
#include "lathe/ml/core/error.h"

namespace lathe {
namespace {

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool is_place(double value, Index count) {
  return value >= 0.0 && value < static_cast<double>(count) && value == std::trunc(value);
}

void check_unknown_value(const OrdinalEncoder& options) {
  const bool used = options.handle_unknown == OrdinalEncoder::HandleUnknown::use_encoded_value;
  const std::optional<double>& value = options.unknown_value;
  if (used == value.has_value() && (!used || std::isnan(*value) || *value == std::trunc(*value))) {
    return;
  }
  const std::string rule = used ? " is not an integer or nan, as use_encoded_value needs"
                                : " is given, but handle_unknown is error";
  throw InvalidArgument("G007",
                        "ordinal_encoder: unknown_value = " +
                            to_text(options::to_value(options.unknown_value)) + rule,
                        used ? "write unknown_value=-1" : "add handle_unknown=use_encoded_value");
}

}  // namespace

OrdinalEncoderModel OrdinalEncoder::fit(const MatrixView& X, const Context& context) const {
  check_fit(*this, X, context);
  check_unknown_value(*this);
  const Schema columns = context.columns != nullptr ? *context.columns : numeric_schema(X.cols());
  Categories categories(name, X, columns);
  for (Index j = 0; j < categories.cols(); ++j) {
    const Index count = categories.size(j) - (categories.has_missing(j) ? 1 : 0);
    const auto refuse_used = [&](std::string_view option, double value) {
      if (!is_place(value, count)) return;
      throw InvalidArgument("G008",
                            "ordinal_encoder: " + std::string(option) + " = " + to_text(value) +
                                " already stands for '" +
                                categories.text(j, static_cast<Index>(value)) + "' in " +
                                column_name(&columns, j),
                            "take a negative number");
    };
    if (unknown_value) refuse_used("unknown_value", *unknown_value);
    if (categories.has_missing(j)) refuse_used("encoded_missing_value", encoded_missing_value);
  }
  return {*this, std::move(categories)};
}

OrdinalEncoderModel::OrdinalEncoderModel(const OrdinalEncoder& options, Categories categories)
    : categories_(std::move(categories)),
      unknown_value_(options.unknown_value),
      missing_value_(options.encoded_missing_value) {}

std::string_view OrdinalEncoderModel::name() const { return OrdinalEncoder::name; }

Index OrdinalEncoderModel::n_encoded(Index j) const {
  return categories_.size(j) - (categories_.has_missing(j) ? 1 : 0);
}

Schema OrdinalEncoderModel::columns_out(const Schema& in) const {
  categories_.check_columns(name(), in);
  Schema out;
  for (const Column& column : in.columns) {
    out.columns.push_back({column.name, ColumnKind::numeric, {}});
  }
  return out;
}

void OrdinalEncoderModel::transform_into(const MatrixView& X, MatrixRef out) const {
  check_no_infinity(name(), X, n_features_in());
  check_out(name(), X, out, n_outputs());
  for (Index i = 0; i < X.rows(); ++i) {
    for (Index j = 0; j < X.cols(); ++j) {
      const Index place = categories_.find(j, X(i, j));
      if (place < 0 && !unknown_value_) categories_.refuse(name(), i, j, X(i, j));
      if (place < 0) {
        out(i, j) = *unknown_value_;
      } else {
        out(i, j) = place < n_encoded(j) ? static_cast<double>(place) : missing_value_;
      }
    }
  }
}

Matrix OrdinalEncoderModel::inverse_transform(const MatrixView& encoded) const {
  check_no_infinity(name(), encoded, n_outputs());
  constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  Matrix out(encoded.rows(), encoded.cols());
  for (Index i = 0; i < encoded.rows(); ++i) {
    for (Index j = 0; j < encoded.cols(); ++j) {
      const double value = encoded(i, j);
      const Column& column = categories_.columns()[j];
      if (is_place(value, n_encoded(j))) {
        out(i, j) = categories_.values(j)[static_cast<std::size_t>(value)];
      } else if (categories_.has_missing(j) && same(value, missing_value_)) {
        out(i, j) = missing;
      } else if (unknown_value_ && same(value, *unknown_value_)) {
        out(i, j) = column.kind == ColumnKind::categorical ? unknown_category : missing;
      } else {
        throw InvalidArgument("G006", "ordinal_encoder: row " + std::to_string(i) + ", column \"" +
                                          column.name + "\" holds " + to_text(value) +
                                          ", which stands for none of its values");
      }
    }
  }
  return out;
}

std::vector<Attribute> OrdinalEncoderModel::attributes() const {
  std::vector<Attribute> result;
  for (Index j = 0; j < n_features_in(); ++j) {
    result.push_back({"categories." + categories_.columns()[j].name, categories_.texts(j)});
  }
  return result;
}

void OrdinalEncoderModel::state(auto& self, auto& archive) {
  archive.version(1);
  Categories::state(self.categories_, archive);
  archive(self.unknown_value_, self.missing_value_);
}

OrdinalEncoderModel::OrdinalEncoderModel(InputArchive& archive) {
  state(*this, archive);
  check_state(OrdinalEncoder::name, categories_.consistent() && !std::isinf(missing_value_) &&
                                        !(unknown_value_ && std::isinf(*unknown_value_)));
}

void OrdinalEncoderModel::save(OutputArchive& archive) const { state(*this, archive); }

}  // namespace lathe
