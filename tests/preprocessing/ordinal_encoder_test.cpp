#include "lathe/preprocessing/ordinal_encoder.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

constexpr auto use_encoded_value = OrdinalEncoder::HandleUnknown::use_encoded_value;

const Schema schema{{categorical("p", {"10", "9", "B", "a"}), numeric("q")}};
const Matrix training{{3.0, 7.5}, {0.0, -1.0}, {missing, 7.5}};
const Context context{.columns = &schema};

TEST(OrdinalEncoder, NumbersTheValuesThatTrainingSaw) {
  const OrdinalEncoderModel model = OrdinalEncoder{}.fit(training, context);
  expect_same(model.transform(training), Matrix{{1.0, 1.0}, {0.0, 0.0}, {missing, 1.0}});
  expect_same(model.inverse_transform(model.transform(training)), training);
  EXPECT_EQ(model.columns_out(schema), (Schema{{numeric("p"), numeric("q")}}));
  EXPECT_EQ(model.categories().texts(0), (Names{"10", "a", "nan"}));
  EXPECT_EQ(model.categories().texts(1), (Names{"-1.0", "7.5"}));
}

TEST(OrdinalEncoder, WritesWhatItIsToldForMissingAndUnknownValues) {
  const OrdinalEncoder options{
      .handle_unknown = use_encoded_value, .unknown_value = -1.0, .encoded_missing_value = -2.0};
  const OrdinalEncoderModel model = options.fit(training, context);
  const Matrix rows{{missing, missing}, {2.0, 1.0}, {unknown_category, 7.5}};
  const Matrix encoded{{-2.0, -1.0}, {-1.0, -1.0}, {-1.0, 1.0}};
  EXPECT_EQ(model.transform(rows), encoded);
  expect_same(model.inverse_transform(encoded),
              Matrix{{missing, missing}, {unknown_category, missing}, {unknown_category, 7.5}});
}

TEST(OrdinalEncoder, RefusesUnknownValuesByRowColumnAndLevel) {
  const OrdinalEncoderModel model = OrdinalEncoder{}.fit(training, context);
  EXPECT_EQ(refusal([&] {
              model.transform(Matrix{{0.0, 7.5}, {2.0, 7.5}});
            }),
            "G004: ordinal_encoder: row 1, column \"p\" holds 'B', which no training row had");
  EXPECT_EQ(refusal([&] {
              model.inverse_transform(Matrix{{0.0, 2.0}});
            }),
            "G006: ordinal_encoder: row 0, column \"q\" holds 2.0, which stands for none of its "
            "values");
}

TEST(OrdinalEncoder, RefusesValuesThatStandForOthers) {
  const auto fit = [&](const OrdinalEncoder& options) {
    return refusal([&] { options.fit(training, context); });
  };
  EXPECT_EQ(fit({.unknown_value = -1.0}),
            "G007: ordinal_encoder: unknown_value = -1.0 is given, but handle_unknown is error");
  EXPECT_EQ(fit({.handle_unknown = use_encoded_value}),
            "G007: ordinal_encoder: unknown_value = none is not an integer or nan, as "
            "use_encoded_value needs");
  EXPECT_EQ(fit({.handle_unknown = use_encoded_value, .unknown_value = 0.5}).substr(0, 4), "G007");
  EXPECT_EQ(fit({.handle_unknown = use_encoded_value, .unknown_value = 1.0}),
            "G008: ordinal_encoder: unknown_value = 1.0 already stands for 'a' in column \"p\"");
  EXPECT_EQ(fit({.encoded_missing_value = 0.0}),
            "G008: ordinal_encoder: encoded_missing_value = 0.0 already stands for '10' in column "
            "\"p\"");
  EXPECT_EQ(fit({.handle_unknown = use_encoded_value, .unknown_value = 2.0}), "");
  EXPECT_EQ(fit({.handle_unknown = use_encoded_value, .unknown_value = missing}), "");
}

TEST(OrdinalEncoder, EqualsItselfThoughItHoldsNan) {
  EXPECT_EQ(OrdinalEncoder{}, OrdinalEncoder{});
  EXPECT_FALSE(OrdinalEncoder{} == OrdinalEncoder{.encoded_missing_value = -1.0});
  const Estimator read = make_estimator(
      "ordinal_encoder(handle_unknown=use_encoded_value, unknown_value=nan)", transformers());
  EXPECT_EQ(read.text(), "ordinal_encoder(handle_unknown=use_encoded_value, unknown_value=nan)");
  EXPECT_EQ(read, Estimator(OrdinalEncoder{.handle_unknown = use_encoded_value,
                                           .unknown_value = missing}));
}

TEST(OrdinalEncoder, KeepsItsBitsWhenSaved) {
  for (const OrdinalEncoder& options :
       {OrdinalEncoder{},
        OrdinalEncoder{.handle_unknown = use_encoded_value, .unknown_value = missing}}) {
    const OrdinalEncoderModel model = options.fit(training, context);
    expect_same(reloaded(model).transform(training), model.transform(training));
    expect_hardened(model, training);
  }
}

}  // namespace
}  // namespace lathe
