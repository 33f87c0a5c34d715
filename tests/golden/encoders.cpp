#include <cmath>

#include "lathe/preprocessing/one_hot_encoder.h"
#include "lathe/preprocessing/ordinal_encoder.h"

#include "tests/golden/categories.h"
#include "tests/golden/tasks.h"

namespace lathe::golden {
namespace {

Json value_at(const Categories& categories, Index column, Index place) {
  const double value = categories.values(column)[static_cast<std::size_t>(place)];
  return std::isnan(value) ? Json() : Json(categories.text(column, place));
}

Json all_values(const Categories& categories) {
  Json columns = Json::array();
  for (Index j = 0; j < categories.cols(); ++j) {
    Json values = Json::array();
    for (Index place = 0; place < categories.size(j); ++place) {
      values.push_back(value_at(categories, j, place));
    }
    columns.push_back(values);
  }
  return columns;
}

Json dropped(const OneHotEncoderModel& model) {
  Json list = Json::array();
  for (Index j = 0; j < model.n_features_in(); ++j) {
    const std::int64_t place = model.drop_index(j);
    list.push_back(place < 0 ? Json() : Json(place));
  }
  return list;
}

Json infrequent(const OneHotEncoderModel& model) {
  Json list = Json::array();
  for (Index j = 0; j < model.n_features_in(); ++j) {
    Json values = Json::array();
    for (std::int64_t place : model.infrequent(j)) {
      values.push_back(value_at(model.categories(), j, place));
    }
    list.push_back(values.empty() ? Json() : values);
  }
  return list;
}

OneHotEncoder one_hot_options(Settings& settings) {
  settings.only("category_order", {"sorted, missing last"});
  OneHotEncoder options;
  options.handle_unknown = settings.choice("handle_unknown", options.handle_unknown);
  if (settings.has("drop")) options.drop = settings.choice("drop", OneHotEncoder::Drop::first);
  const Json& least = settings.get("min_frequency");
  if (least.is_number_integer()) {
    options.min_frequency = least.get<std::int64_t>();
  } else if (least.is_number()) {
    options.min_frequency = least.get<double>();
  }
  if (settings.has("max_categories")) {
    options.max_categories = settings.integer("max_categories", 0);
  }
  return options;
}

}  // namespace

void one_hot_encoder(const Case& given, Results& results) {
  Settings settings = given.settings();
  const OneHotEncoder options = one_hot_options(settings);
  settings.finish();
  const CategoricalData data = training_categories(given);
  const OneHotEncoderModel model = options.fit(data.X, {.columns = &data.schema});

  results.give("categories", all_values(model.categories()));
  results.give("drop_index", options.drop ? dropped(model) : Json());
  const bool rare = options.min_frequency || options.max_categories;
  results.give("infrequent_categories", rare ? infrequent(model) : Json());
  results.give("n_output_columns", model.n_outputs());
  Json names = Json::array();
  for (const Column& column : model.columns_out(data.schema).columns) names.push_back(column.name);
  results.give("feature_names", names);

  const Matrix query = encode_rows(given.input("query"), data.schema);
  results.attempt("transform_query", [&] { return to_json(model.transform(query)); });
  // The format leaves the way back out where there is none, and where it leads to "infrequent".
  const bool refused = results.values().at("transform_query").is_string();
  const bool to_infrequent =
      options.handle_unknown == OneHotEncoder::HandleUnknown::infrequent_if_exist;
  results.give("inverse_of_query",
               refused || to_infrequent
                   ? Json()
                   : decode_rows(model.inverse_transform(model.transform(query)), data.schema));
}

void ordinal_encoder(const Case& given, Results& results) {
  Settings settings = given.settings();
  settings.only("category_order", {"sorted, missing last"});
  OrdinalEncoder options;
  options.handle_unknown = settings.choice("handle_unknown", options.handle_unknown);
  if (settings.has("unknown_value")) options.unknown_value = settings.number("unknown_value", 0.0);
  options.encoded_missing_value =
      settings.number("encoded_missing_value", options.encoded_missing_value);
  settings.finish();
  const CategoricalData data = training_categories(given);
  const OrdinalEncoderModel model = options.fit(data.X, {.columns = &data.schema});

  results.give("categories", all_values(model.categories()));
  const Matrix query = encode_rows(given.input("query"), data.schema);
  results.attempt("transform_query", [&] { return to_json(model.transform(query)); });
}

}  // namespace lathe::golden
