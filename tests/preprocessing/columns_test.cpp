#include "lathe/preprocessing/columns.h"

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

#include "tests/preprocessing/support.h"

namespace lathe {
namespace {

const Schema schema{{numeric("age"), categorical("sex", {"f", "m"}), numeric("pay"),
                     categorical("city", {"B", "X"})}};
const Matrix training{{20.0, 0.0, 1.0, 1.0}, {40.0, 1.0, missing, 0.0}, {60.0, 1.0, 3.0, 0.0}};
const Context context{.columns = &schema};

struct Regress {  // something that no branch may be
  static constexpr std::string_view name = "regress";
  class Model final : public Regressor {
   public:
    std::string_view name() const override { return "regress"; }
    Index n_features_in() const override { return 1; }
    Index n_targets() const override { return 1; }
    void predict_into(const MatrixView&, MatrixRef) const override {}
    void save(OutputArchive&) const override {}
  };
  static void describe(auto&, auto&&) {}
  Model fit(const MatrixView&, const MatrixView&, const Context&) const { return {}; }
  bool operator==(const Regress&) const = default;
};

Columns read(const std::string& text) {
  const Estimator estimator = make_estimator(text, transformers());
  const auto* columns = estimator.get_if<Columns>();
  return columns != nullptr ? *columns : Columns{};
}

TEST(Columns, SendsEachKindThroughItsOwnPipeline) {
  const auto columns = Columns{}
                           .add("numeric", SimpleImputer{} | MinMaxScaler{})
                           .add("categorical", OneHotEncoder{});
  const ColumnsModel model = columns.fit(training, {}, context);
  EXPECT_EQ(names_of(model.columns_out(schema)),
            (Names{"age", "pay", "sex_f", "sex_m", "city_B", "city_X"}));
  EXPECT_EQ(model.transform(training),
            (Matrix{{0.0, 0.0, 1, 0, 0, 1}, {0.5, 0.5, 0, 1, 1, 0}, {1.0, 1.0, 0, 1, 1, 0}}));
}

TEST(Columns, SelectsByNameInTheOrderOfTheBranches) {
  const auto columns = Columns{}
                           .add({"pay", "age"}, Passthrough{})
                           .add("city", OrdinalEncoder{})
                           .add("categorical", Passthrough{});
  const ColumnsModel model = columns.fit(training, {}, context);
  EXPECT_EQ(names_of(model.columns_out(schema)), (Names{"pay", "age", "city", "sex"}));
  EXPECT_EQ(model.columns_out(schema)[3], schema[1]);
  expect_same(model.transform(training),
              Matrix{{1.0, 20.0, 1.0, 0.0}, {missing, 40.0, 0.0, 1.0}, {3.0, 60.0, 0.0, 1.0}});
}

TEST(Columns, DropsTheRemainderUnlessItIsToPassThrough) {
  const ColumnsModel dropped = Columns{}.add("age", StandardScaler{}).fit(training, {}, context);
  EXPECT_EQ(names_of(dropped.columns_out(schema)), Names{"age"});
  const ColumnsModel passed = Columns{.remainder = Columns::Remainder::passthrough}
                                  .add("age", StandardScaler{.with_std = false})
                                  .add({"sex", "pay"}, Drop{})
                                  .fit(training, {}, context);
  EXPECT_EQ(names_of(passed.columns_out(schema)), (Names{"age", "city"}));
  EXPECT_EQ(passed.transform(training), (Matrix{{-20.0, 1.0}, {0.0, 0.0}, {20.0, 0.0}}));
}

TEST(Columns, LeavesBranchesWithoutColumnsOut) {
  const auto columns = Columns{}.add("numeric", Passthrough{}).add("categorical", OneHotEncoder{});
  const ColumnsModel model = columns.fit(Matrix{{1.0, 2.0}});
  EXPECT_EQ(model.parts().size(), 1u);
  EXPECT_EQ(model.transform(Matrix{{5.0, 6.0}}), (Matrix{{5.0, 6.0}}));
}

TEST(Columns, PrefixesNamesThatSeveralBranchesGive) {
  const auto columns = Columns{}
                           .add("numeric", Passthrough{})
                           .add("numeric", SimpleImputer{.add_indicator = true})
                           .add("categorical", Passthrough{});
  EXPECT_EQ(names_of(columns.fit(training, {}, context).columns_out(schema)),
            (Names{"numeric__age", "numeric__pay", "numeric#2__age", "numeric#2__pay",
                   "missingindicator_pay", "sex", "city"}));
}

TEST(Columns, PrintsAsItReads) {
  for (const std::string text :
       {"columns", "columns(numeric: standard_scaler, remainder=passthrough)",
        "columns(numeric: simple_imputer(strategy=median) | standard_scaler, categorical: "
        "one_hot_encoder(drop=first))",
        "columns(age: drop, [sex, \"a b\"]: columns(\"numeric\": passthrough), \"true\": drop)"}) {
    const Estimator estimator = make_estimator(text, transformers());
    EXPECT_EQ(estimator.text(), text);
    EXPECT_EQ(make_estimator(estimator.text(), transformers()), estimator);
  }
}

TEST(Columns, AreTheSameFromTextAndFromCode) {
  EXPECT_EQ(
      read("columns(numeric: simple_imputer | standard_scaler, [age, \"b c\"]: drop, pay: drop)"),
      Columns{}
          .add("numeric", SimpleImputer{} | StandardScaler{})
          .add({"age", "b c"}, Drop{})
          .add("pay", Drop{}));
  EXPECT_EQ(read("columns(\"numeric\": drop)"), Columns{}.add({"numeric"}, Drop{}));
  EXPECT_FALSE(read("columns(\"numeric\": drop)") == read("columns(numeric: drop)"));
}

TEST(Columns, GiveWeightsToTheBranchesThatTakeThem) {
  const std::vector<double> weight{1.0, 0.0, 1.0};
  const auto columns = Columns{}.add("age", StandardScaler{}).add("categorical", OneHotEncoder{});
  EXPECT_TRUE(columns.tags().weights);
  const ColumnsModel model = columns.fit(training, {}, {.weight = weight, .columns = &schema});
  EXPECT_EQ(model.transform(training).col(0), (Vector{{-1.0, 0.0, 1.0}}));
  const auto unweighted = Columns{}.add("categorical", OneHotEncoder{});
  EXPECT_EQ(refusal([&] {
              unweighted.fit(training, {}, {.weight = weight, .columns = &schema});
            }).substr(0, 4),
            "W003");
}

TEST(Columns, GiveOneRowTheBitsItHasAmongMany) {
  Random random(3, "columns_test");
  Matrix X(30000, 5);
  for (Index i = 0; i < X.size(); ++i) X.data()[i] = random.normal();
  const auto columns = Columns{}
                           .add({"x3", "x0"}, StandardScaler{} | MinMaxScaler{})
                           .add({"x1", "x2"}, StandardScaler{});
  const int before = thread_limit();
  set_thread_limit(1);
  const ColumnsModel model = columns.fit(X);
  const Matrix batch = model.transform(X);
  set_thread_limit(3);
  EXPECT_EQ(columns.fit(X).transform(X), batch);
  set_thread_limit(before);
  for (const Index row : {0, 4095, 4096, 29999}) {
    EXPECT_EQ(model.transform(X.row(row)), batch.row(row));
  }
  EXPECT_EQ(model.transform(X.topRows(0)).rows(), 0);
}

TEST(Columns, KeepTheirBitsWhenSaved) {
  const auto columns = Columns{.remainder = Columns::Remainder::passthrough}
                           .add({"pay"}, SimpleImputer{} | StandardScaler{})
                           .add("categorical", Columns{}.add("sex", OneHotEncoder{}));
  const ColumnsModel model = columns.fit(training, {}, context);
  const ColumnsModel again = reloaded(model);
  EXPECT_EQ(again.transform(training), model.transform(training));
  EXPECT_EQ(again.columns_out(schema), model.columns_out(schema));
  expect_hardened(model, training);
}

TEST(Columns, PassWarningsAndAttributesOn) {
  const ColumnsModel model = Columns{}.add("numeric", SimpleImputer{}).fit(Matrix{{missing}});
  EXPECT_TRUE(model.converged());
  EXPECT_EQ(model.warnings(),
            Names{"numeric: column \"x0\" holds only missing values in training; they are filled "
                  "with 0.0"});
  ASSERT_EQ(model.attributes().size(), 1u);
  EXPECT_EQ(model.attributes()[0].name, "numeric.statistics");
}

TEST(Columns, RefuseColumnsThatAreNotThere) {
  const auto fit = [&](const Columns& columns) {
    return refusal([&] { columns.fit(training, {}, context); });
  };
  EXPECT_EQ(fit(Columns{}.add("agee", Drop{})), "G021: columns: there is no column \"agee\"");
  try {
    Columns{}.add("agee", Drop{}).fit(training, {}, context);
  } catch (const NotFound& error) {
    EXPECT_EQ(error.help(), "did you mean \"age\"?");
  }
  EXPECT_EQ(fit(Columns{}), "G023: columns: no column comes out of columns");
  EXPECT_EQ(fit(Columns{}.add("numeric", Drop{})),
            "G023: columns: no column comes out of columns(numeric: drop)");
  EXPECT_EQ(fit(Columns{}.add("categorical", StandardScaler{})).substr(0, 4), "X005");
  const ColumnsModel model = Columns{}.add("age", Passthrough{}).fit(training, {}, context);
  EXPECT_EQ(refusal([&] { model.columns_out(numeric_schema(3)); }).substr(0, 4), "G005");
  EXPECT_EQ(refusal([&] { model.transform(Matrix{{1.0}}); }).substr(0, 4), "X006");
}

TEST(Columns, RefuseBranchesThatCannotBe) {
  EXPECT_EQ(refusal([] {
              Columns{}.add("age", Drop{}).add({"pay", "age"}, Drop{});
            }),
            "G020: columns: column \"age\" is named twice");
  EXPECT_EQ(refusal([] {
              Columns{}.add({"age", "age"}, Drop{});
            }),
            "G020: columns: column \"age\" is named twice");
  EXPECT_EQ(refusal([] { Columns{}.add("age", Regress{}); }),
            "G022: columns: regress is a regressor: a branch must be a transformer");
  EXPECT_NE(refusal([] { read("columns([1, 2]: drop)"); }), "");
  EXPECT_NE(refusal([] { read("columns([]: drop)"); }), "");
  EXPECT_EQ(refusal([] { ColumnSelector{Value(std::int64_t{3})}; }),
            "G024: columns: 3 selects no columns");
}

}  // namespace
}  // namespace lathe
