#include "lathe/preprocessing/one_hot_encoder.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

using HandleUnknown = OneHotEncoder::HandleUnknown;

// Of the vocabulary a, b, c, d the training rows hold a, c and missing; the other column is
// numeric.
const Schema schema{{categorical("p", {"a", "b", "c", "d"}), numeric("q")}};
const Matrix training{{2.0, 4.0}, {0.0, 2.0}, {missing, 4.0}, {2.0, 2.0}, {2.0, 4.0}};
const Context context{.columns = &schema};

TEST(OneHotEncoder, GivesAColumnToEachValueThatTrainingSaw) {
  const OneHotEncoderModel model = OneHotEncoder{}.fit(training, context);
  EXPECT_EQ(model.n_outputs(), 5);
  EXPECT_EQ(names_of(model.columns_out(schema)), (Names{"p_a", "p_c", "p_nan", "q_2", "q_4"}));
  EXPECT_EQ(model.transform(Matrix{{0.0, 4.0}, {2.0, 2.0}, {missing, 2.0}}),
            (Matrix{{1, 0, 0, 0, 1}, {0, 1, 0, 1, 0}, {0, 0, 1, 1, 0}}));
  expect_same(model.inverse_transform(model.transform(training)), training);
}

TEST(OneHotEncoder, WritesZerosForUnknownValuesWhenTheyAreIgnored) {
  const OneHotEncoderModel model =
      OneHotEncoder{.handle_unknown = HandleUnknown::ignore}.fit(training, context);
  const Matrix unknown{{1.0, 4.0}, {unknown_category, 3.0}, {0.0, missing}};
  const Matrix encoded{{0, 0, 0, 0, 1}, {0, 0, 0, 0, 0}, {1, 0, 0, 0, 0}};
  EXPECT_EQ(model.transform(unknown), encoded);
  expect_same(model.inverse_transform(encoded),
              Matrix{{unknown_category, 4.0}, {unknown_category, missing}, {0.0, missing}});
}

TEST(OneHotEncoder, RefusesUnknownValuesByRowColumnAndLevel) {
  const OneHotEncoderModel model = OneHotEncoder{}.fit(training, context);
  const auto row = [&](double p, double q) {
    return refusal([&] { model.transform(Matrix{{p, q}}); });
  };
  EXPECT_EQ(row(1.0, 4.0),
            "G004: one_hot_encoder: row 0, column \"p\" holds 'b', which no training row had");
  EXPECT_EQ(
      row(unknown_category, 4.0),
      "G004: one_hot_encoder: row 0, column \"p\" holds a level that is not in its vocabulary");
  EXPECT_EQ(row(0.0, 3.0),
            "G004: one_hot_encoder: row 0, column \"q\" holds 3.0, which no training row had");
  EXPECT_EQ(row(0.0, missing),
            "G004: one_hot_encoder: row 0, column \"q\" is missing, and no training row was");
  Matrix X = Matrix::Constant(20000, 2, 2.0);
  X(12345, 0) = 3.0;
  EXPECT_EQ(refusal([&] { model.transform(X); }),
            "G004: one_hot_encoder: row 12345, column \"p\" holds 'd', which no training row had");
  EXPECT_EQ(refusal([&] {
              model.inverse_transform(Matrix{{0, 0, 0, 0, 1}});
            }),
            "G006: one_hot_encoder: row 0 is zero in all outputs of column \"p\", which stands for "
            "none of its values");
}

TEST(OneHotEncoder, LeavesOutTheFirstValueOrThatOfPairs) {
  const OneHotEncoderModel first =
      OneHotEncoder{.drop = OneHotEncoder::Drop::first}.fit(training, context);
  EXPECT_EQ(names_of(first.columns_out(schema)), (Names{"p_c", "p_nan", "q_4"}));
  EXPECT_EQ(first.drop_index(0), 0);
  EXPECT_EQ(first.transform(Matrix{{0.0, 4.0}}), (Matrix{{0, 0, 1}}));
  expect_same(first.inverse_transform(first.transform(training)), training);

  const OneHotEncoderModel pairs =
      OneHotEncoder{.drop = OneHotEncoder::Drop::if_binary}.fit(training, context);
  EXPECT_EQ(names_of(pairs.columns_out(schema)), (Names{"p_a", "p_c", "p_nan", "q_4"}));
  EXPECT_EQ(pairs.drop_index(0), -1);
  EXPECT_EQ(pairs.drop_index(1), 0);
  expect_same(pairs.inverse_transform(pairs.transform(training)), training);
}

TEST(OneHotEncoder, CannotTellUnknownFromDropped) {
  const OneHotEncoderModel model =
      OneHotEncoder{.handle_unknown = HandleUnknown::ignore, .drop = OneHotEncoder::Drop::first}
          .fit(training, context);
  EXPECT_EQ(model.inverse_transform(model.transform(Matrix{{3.0, 9.0}})), (Matrix{{0.0, 2.0}}));
}

TEST(OneHotEncoder, MakesRareValuesOne) {
  const Schema one{{categorical("p", {"a", "b", "c", "d"})}};
  // a 1, b 3, c 2, d 1
  const Matrix X{{1}, {2}, {1}, {0}, {3}, {1}, {2}};
  const auto outputs = [&](const OneHotEncoder& options) {
    return names_of(options.fit(X, {.columns = &one}).columns_out(one));
  };
  EXPECT_EQ(outputs({.min_frequency = 2}), (Names{"p_b", "p_c", "p_infrequent_sklearn"}));
  EXPECT_EQ(outputs({.min_frequency = 0.3}), (Names{"p_b", "p_infrequent_sklearn"}));
  EXPECT_EQ(outputs({.min_frequency = 1}), (Names{"p_a", "p_b", "p_c", "p_d"}));
  EXPECT_EQ(outputs({.max_categories = 3}), (Names{"p_b", "p_c", "p_infrequent_sklearn"}));
  EXPECT_EQ(outputs({.max_categories = 1}), (Names{"p_infrequent_sklearn"}));
  EXPECT_EQ(outputs({.max_categories = 9}), (Names{"p_a", "p_b", "p_c", "p_d"}));
  EXPECT_EQ(outputs({.min_frequency = 2, .max_categories = 2}),
            (Names{"p_b", "p_infrequent_sklearn"}));

  const OneHotEncoderModel model =
      OneHotEncoder{.handle_unknown = HandleUnknown::infrequent_if_exist, .min_frequency = 2}.fit(
          X, {.columns = &one});
  EXPECT_EQ(model.infrequent(0), (std::vector<std::int64_t>{0, 3}));
  EXPECT_EQ(model.transform(Matrix{{0.0}, {1.0}, {3.0}, {unknown_category}}),
            (Matrix{{0, 0, 1}, {1, 0, 0}, {0, 0, 1}, {0, 0, 1}}));
  EXPECT_EQ(model.inverse_transform(Matrix{{0, 0, 1}, {0, 1, 0}, {0, 0, 0}}),
            (Matrix{{unknown_category}, {2.0}, {unknown_category}}));
}

TEST(OneHotEncoder, DropsAmongWhatIsLeftOfRareValues) {
  const Schema one{{categorical("p", {"a", "b", "c"})}};
  const Matrix X{{0}, {1}, {1}, {2}, {2}};
  const OneHotEncoderModel model =
      OneHotEncoder{.drop = OneHotEncoder::Drop::first, .min_frequency = 2}.fit(X,
                                                                                {.columns = &one});
  EXPECT_EQ(names_of(model.columns_out(one)), (Names{"p_c", "p_infrequent_sklearn"}));
  EXPECT_EQ(model.drop_index(0), 1);
  EXPECT_EQ(model.transform(Matrix{{0.0}, {1.0}, {2.0}}), (Matrix{{0, 1}, {0, 0}, {1, 0}}));
}

TEST(OneHotEncoder, GivesEachOutputANameOfItsOwn) {
  const Schema twins{{categorical("a_b", {"c"}), categorical("a", {"b_c", "nan"})}};
  const Matrix X{{0, 0}, {0, 1}, {0, missing}};
  EXPECT_EQ(names_of(OneHotEncoder{}.fit(X, {.columns = &twins}).columns_out(twins)),
            (Names{"a_b_c", "a_b_c#2", "a_nan", "a_nan#2"}));
  const Matrix fractions{{0.5}, {1.0}};
  EXPECT_EQ(names_of(OneHotEncoder{}.fit(fractions).columns_out(numeric_schema(1))),
            (Names{"x0_0.5", "x0_1.0"}));
}

TEST(OneHotEncoder, KeepsItsBitsWhenSaved) {
  for (const OneHotEncoder& options :
       {OneHotEncoder{.handle_unknown = HandleUnknown::ignore},
        OneHotEncoder{.drop = OneHotEncoder::Drop::first, .min_frequency = 2},
        OneHotEncoder{.handle_unknown = HandleUnknown::infrequent_if_exist, .max_categories = 2}}) {
    const OneHotEncoderModel model = options.fit(training, context);
    const OneHotEncoderModel again = reloaded(model);
    EXPECT_EQ(again.transform(training), model.transform(training));
    EXPECT_EQ(again.columns_out(schema), model.columns_out(schema));
    expect_same(again.inverse_transform(model.transform(training)),
                model.inverse_transform(model.transform(training)));
    expect_hardened(model, training);
  }
}

TEST(OneHotEncoder, RefusesWhatIsNoCodeAndOtherColumns) {
  const auto fit = [&](double code) {
    return refusal([&] { OneHotEncoder{}.fit(Matrix{{code, 1.0}}, context); });
  };
  EXPECT_EQ(fit(unknown_category),
            "G003: one_hot_encoder: row 0, column \"p\" holds -1.0, which is no code of its "
            "vocabulary of 4 levels");
  EXPECT_EQ(fit(4.0).substr(0, 4), "G003");
  EXPECT_EQ(fit(0.5).substr(0, 4), "G003");
  EXPECT_EQ(fit(1e300).substr(0, 4), "G003");
  const OneHotEncoderModel model = OneHotEncoder{}.fit(training, context);
  EXPECT_EQ(refusal([&] { model.columns_out(numeric_schema(2)); }),
            "G005: one_hot_encoder: the columns are not those it was fitted on, in number or kind");
  EXPECT_EQ(
      refusal([&] { OneHotEncoder{.max_categories = 0}.fit(training, context); }).substr(0, 4),
      "O001");
}

}  // namespace
}  // namespace lathe
