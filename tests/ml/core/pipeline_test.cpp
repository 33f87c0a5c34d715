#include "lathe/ml/core/pipeline.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/passthrough.h"
#include "lathe/ml/core/random.h"

#include "tests/ml/core/support.h"
#include "tests/ml/core/toys.h"

namespace lathe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using toys::Centre;
using toys::Near;
using toys::RowSum;
using toys::Sign;
using toys::Squares;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const Matrix X{{1.0, 2.0}, {-3.0, 4.0}, {5.0, 6.0}};
const Vector y{{1.0, 2.0, 6.0}};

Matrix random_matrix(Index rows, Index cols) {
  Random random(1, "pipeline_test");
  Matrix matrix(rows, cols);
  for (Index i = 0; i < matrix.size(); ++i) matrix.data()[i] = random.normal();
  return matrix;
}

// A fit whose model has a role that no pipeline can end in.
class OutlierModel final : public Model {
 public:
  Role role() const override { return Role::outlier_detector; }
  std::string_view name() const override { return "outlier"; }
  Index n_features_in() const override { return 2; }
  Index n_outputs() const override { return 1; }
  void predict_into(const MatrixView&, MatrixRef) const override {}
  void save(OutputArchive& archive) const override { archive.version(1); }
};
struct Outlier {
  static constexpr std::string_view name = "outlier";
  static void describe(auto&, auto&&) {}
  Role role() const { return Role::outlier_detector; }
  ModelPtr fit(const MatrixView&, const Context& = {}) const {
    return std::make_shared<OutlierModel>();
  }
  bool operator==(const Outlier&) const = default;
};

TEST(Pipeline, IsMadeWithABarAndFlat) {
  const Pipeline p = Centre{} | Squares{} | RowSum{};
  ASSERT_EQ(p.steps().size(), 3U);
  EXPECT_EQ(p, Pipeline({Centre{}, Squares{}, RowSum{}}));
  EXPECT_EQ(p, Pipeline({Centre{}, Pipeline({Squares{}, RowSum{}})}));
  EXPECT_EQ((Centre{} | (Squares{} | RowSum{})), p);
  EXPECT_NE((Centre{.factor = 2.0} | RowSum{}), (Centre{} | RowSum{}));
}

TEST(Pipeline, TakesEstimatorsOfAnyKindWithABar) {
  const Estimator first = Centre{};
  EXPECT_EQ((first | RowSum{}), (Centre{} | RowSum{}));
  EXPECT_EQ((Centre{} | Estimator(RowSum{})), (Centre{} | RowSum{}));
  EXPECT_EQ((first | Estimator(Squares{} | RowSum{})), (Centre{} | Squares{} | RowSum{}));
}

TEST(Pipeline, HasTheRoleOfItsLastStep) {
  EXPECT_EQ((Centre{} | RowSum{}).role(), Role::regressor);
  EXPECT_EQ(Estimator(Centre{} | Near{}).role(), Role::classifier);
  EXPECT_EQ(Estimator(Centre{} | Sign{}).role(), Role::clusterer);
  EXPECT_EQ(Estimator(Centre{} | Squares{}).role(), Role::transformer);
}

TEST(Pipeline, TakesWhatItsFirstAndLastStepsTake) {
  const Tags tags = (Centre{} | RowSum{}).tags();
  EXPECT_TRUE(tags.missing && tags.weights && tags.multi_target);
  EXPECT_FALSE(tags.categorical);
  EXPECT_FALSE((Squares{} | RowSum{}).tags().missing);
  EXPECT_FALSE((Centre{} | Near{}).tags().weights);
  // Categories pass through as codes, and what comes next takes numbers only.
  EXPECT_FALSE((Passthrough{} | Near{}).tags().categorical);
  EXPECT_TRUE((Passthrough{} | Passthrough{}).tags().categorical);
  // In a branch, where the last step is a transformer, any step may want the weights.
  EXPECT_TRUE((Centre{} | Squares{}).tags().weights);
}

TEST(Pipeline, RefusesNoStepsAndLateTransformers) {
  EXPECT_EQ(refusal([] { Pipeline({}); }), "P004 a pipeline needs at least one step | ");
  EXPECT_EQ(refusal([] {
              Pipeline({RowSum{}, Centre{}});
            }),
            "P004 row_sum is a regressor: only the last step of a pipeline may be one | move it to "
            "the end");
  EXPECT_THAT(refusal([] {
                Pipeline({Centre{}, Near{}, Squares{}, Near{}});
              }),
              HasSubstr("near is a classifier"));
}

TEST(Pipeline, PrintsItsSteps) {
  EXPECT_EQ(Estimator(Centre{.factor = 0.5} | RowSum{}).text(), "centre(factor=0.5) | row_sum");
  EXPECT_EQ(Estimator(Pipeline({Sign{}})).text(), "sign");
}

TEST(Pipeline, RefusesOptionsAndBranches) {
  Estimator p = Centre{} | RowSum{};
  EXPECT_TRUE(p.options().empty());
  EXPECT_THAT(refusal([&] { p.set("x", Value(), toys::registry()); }), StartsWith("O003 pipeline"));
  EXPECT_THAT(refusal([&] { p.add_branch(Value(), Sign{}); }), StartsWith("P002 pipeline"));
}

TEST(Pipeline, FitsAndPredictsAsItsStepsDoOneByOne) {
  const Matrix data = random_matrix(5000, 3);
  const Vector target = data.col(0);
  const auto centre = Centre{}.fit(data);
  const Matrix centred = centre.transform(data);
  const auto squares = Squares{}.fit(centred);
  const Matrix squared = squares.transform(centred);
  const Matrix expected = RowSum{}.fit(squared, target).predict(squared);

  const ModelPtr model = (Centre{} | Squares{} | RowSum{}).fit(data, target);
  EXPECT_EQ(model->n_features_in(), 3);
  EXPECT_EQ(model->n_outputs(), 1);
  EXPECT_EQ(model->name(), "pipeline");
  EXPECT_EQ(predict_matrix(*model, data), expected);
  Matrix whole(data.rows(), 1);
  model->predict_into(data, whole);
  EXPECT_EQ(whole, expected);
}

TEST(Pipeline, OfOneStepPredictsAsThatStep) {
  const ModelPtr model = Pipeline({RowSum{}}).fit(X, y);
  EXPECT_EQ(predict_matrix(*model, X), RowSum{}.fit(X, y).predict(X));
}

TEST(Pipeline, OfTransformersTransformsAndNamesItsColumns) {
  const ModelPtr model = (Squares{} | Squares{} | Centre{.factor = 0.0}).fit(X);
  const auto& transformer = dynamic_cast<const Transformer&>(*model);
  EXPECT_EQ(transformer.n_outputs(), 8);
  const Matrix out = transformer.transform(X);
  EXPECT_EQ(out(1, 0), -3.0);
  EXPECT_EQ(out(1, 3), 81.0);
  const Schema names = transformer.columns_out(numeric_schema(2));
  EXPECT_EQ(names[3].name, "x0^2^2");
  EXPECT_EQ(names.size(), 8);
}

TEST(Pipeline, OfAClassifierGivesLabelsAndProbabilities) {
  const Labels labels{"a", "b", "a"};
  const ModelPtr model = (Centre{} | Near{}).fit(X, labels);
  const auto& classifier = dynamic_cast<const Classifier&>(*model);
  const auto centre = Centre{}.fit(X);
  const auto near = Near{}.fit(centre.transform(X), labels);
  EXPECT_EQ(classifier.classes(), labels.classes());
  EXPECT_EQ(classifier.predict(X), near.predict(centre.transform(X)));
  EXPECT_EQ(classifier.predict_proba(X), near.predict_proba(centre.transform(X)));
}

TEST(Pipeline, OfAClustererClusters) {
  const ModelPtr model = (Centre{} | Sign{}).fit(X);
  const auto& clusterer = dynamic_cast<const Clusterer&>(*model);
  EXPECT_EQ(clusterer.n_clusters(), 2);
  EXPECT_THAT(clusterer.predict(X), ElementsAre(0, 0, 1));  // the mean of column 0 is 1
}

TEST(Pipeline, CannotEndInAnOutlierDetector) {
  EXPECT_EQ(thrown<NotSupported>([] {
              Pipeline({Centre{}, Outlier{}}).fit(X);
            }),
            "P005 a pipeline cannot end in a outlier_detector | ");
}

TEST(Pipeline, GivesWeightsToTheStepsThatTakeThem) {
  const std::vector<double> weight{1.0, 0.0, 1.0};
  const ModelPtr weighted = (Centre{} | RowSum{}).fit(X, y, {.weight = weight});
  Matrix two(2, 2);
  two << X.row(0), X.row(2);
  const ModelPtr fewer = (Centre{} | RowSum{}).fit(two, Vector{{1.0, 6.0}});
  EXPECT_EQ(predict_matrix(*weighted, X), predict_matrix(*fewer, X));
  EXPECT_NO_THROW((Squares{} | RowSum{}).fit(X, y, {.weight = weight}));
}

TEST(Pipeline, RefusesWeightsThatItsLastStepDoesNotTake) {
  const std::vector<double> weight{1.0, 1.0, 1.0};
  EXPECT_EQ(thrown<NotSupported>([&] { (Centre{} | Sign{}).fit(X, {}, {.weight = weight}); }),
            "W003 sign takes no sample weights | ");
}

TEST(Pipeline, GivesEachStepASeedOfItsOwn) {
  const auto seed = [](const ModelPtr& model) {
    return dynamic_cast<const toys::RowSumModel&>(*fitted_steps(model).back()).seed();
  };
  const std::uint64_t first = seed((Centre{} | RowSum{}).fit(X, y, {.seed = 1}));
  EXPECT_EQ(seed((Centre{} | RowSum{}).fit(X, y, {.seed = 1})), first);
  EXPECT_NE(seed((Centre{} | RowSum{}).fit(X, y, {.seed = 2})), first);
  EXPECT_NE(seed((Centre{} | Centre{} | RowSum{}).fit(X, y, {.seed = 1})), first);
  EXPECT_EQ(first, derive_seed(1, "row_sum", 1));
}

TEST(Pipeline, GivesStepsTheNamesOfTheirColumns) {
  const Schema schema{{{"age", {}, {}}, {"fare", {}, {}}}};
  Matrix huge = X;
  huge(2, 1) = 1e200;  // its square is infinite
  EXPECT_THAT(refusal([&] { (Squares{} | RowSum{}).fit(huge, y, {.columns = &schema}); }),
              AllOf(StartsWith("X003 row_sum"), HasSubstr("row 2, column \"fare^2\"")));
}

TEST(Pipeline, PassesMissingValuesToTheStepThatRefusesThem) {
  Matrix hole = X;
  hole(1, 0) = nan;
  EXPECT_THAT(refusal([&] { (Centre{} | RowSum{}).fit(hole, y); }),
              AllOf(StartsWith("X002 row_sum"), HasSubstr("row 1, column \"x0\"")));
}

TEST(Pipeline, ChecksTheDoorAtPredict) {
  const ModelPtr model = (Centre{} | Near{}).fit(X, Labels{1, 2, 1});
  const auto& classifier = dynamic_cast<const Classifier&>(*model);
  Matrix out(3, 1);
  EXPECT_THAT(refusal([&] { model->predict_into(X.leftCols(1), out); }),
              StartsWith("X006 pipeline: X has 1 column, but the model was fitted on 2"));
  EXPECT_THAT(refusal([&] { classifier.predict_proba_into(X.leftCols(1), out); }),
              StartsWith("X006 pipeline"));
  EXPECT_THAT(refusal([&] { classifier.predict_proba_into(X, out); }), StartsWith("X007 pipeline"));
  Matrix wide(3, 2);
  EXPECT_THAT(refusal([&] { model->predict_into(X, wide); }), StartsWith("X007 pipeline"));
}

TEST(Pipeline, MessagesCountRowsFromTheFirst) {
  Matrix data = random_matrix(20'000, 2);
  const ModelPtr model = (Centre{} | RowSum{}).fit(data, Vector(data.col(0)));
  data(17'001, 1) = nan;
  EXPECT_THAT(refusal([&] { predict_matrix(*model, data); }), HasSubstr("in row 17001, column 1"));
  Matrix out(data.rows(), 1);
  EXPECT_THAT(refusal([&] { model->predict_into(data, out); }), HasSubstr("in row 17001"));
}

TEST(Pipeline, GivesARowTheSameBitsAloneInABatchAndForAnyThreads) {
  const Matrix data = random_matrix(3000, 4);
  const ModelPtr model = (Centre{} | Squares{} | RowSum{}).fit(data, Vector(data.col(1)));
  const int before = thread_limit();
  set_thread_limit(1);
  const Matrix expected = predict_matrix(*model, data);
  for (const int threads : {2, 3, 8}) {
    set_thread_limit(threads);
    EXPECT_EQ(predict_matrix(*model, data), expected) << threads;
  }
  set_thread_limit(before);
  for (const Index i : {0, 1, 1023, 2999}) {
    EXPECT_EQ(predict_matrix(*model, data.row(i))(0, 0), expected(i, 0));
  }
  EXPECT_EQ(predict_matrix(*model, Eigen::MatrixXd(data)), expected);  // column-major
  EXPECT_EQ(predict_matrix(*model, data.topRows(0)).rows(), 0);
}

TEST(Pipeline, TellsWhatItsStepsTell) {
  const ModelPtr model = (Centre{} | Squares{} | RowSum{}).fit(X, y);
  EXPECT_FALSE(model->converged());
  EXPECT_TRUE((Centre{} | Sign{}).fit(X)->converged());
  EXPECT_THAT(model->warnings(), ElementsAre("squares: squares grow"));
  const auto attributes = model->attributes();
  ASSERT_EQ(attributes.size(), 1U);
  EXPECT_EQ(attributes[0].name, "1.centre.mean");
}

TEST(FittedSteps, AreInOrderAndTheModelItselfWhereItIsNoPipeline) {
  for (const Estimator& e : {Estimator(Centre{} | RowSum{}), Estimator(Centre{} | Near{}),
                             Estimator(Centre{} | Sign{}), Estimator(Centre{} | Squares{})}) {
    const ModelPtr model = e.role() == Role::classifier ? e.fit(X, Labels{1, 2, 1}) : e.fit(X, y);
    const std::vector<ModelPtr> steps = fitted_steps(model);
    ASSERT_EQ(steps.size(), 2U);
    EXPECT_EQ(steps[0]->name(), "centre");
    EXPECT_EQ(steps[1]->role(), e.role());
  }
  const ModelPtr plain = Estimator(Sign{}).fit(X);
  EXPECT_THAT(fitted_steps(plain), ElementsAre(plain));
}

TEST(Pipeline, IsSavedAndLoadedWithEachRole) {
  for (const Estimator& e : {Estimator(Centre{} | Squares{} | RowSum{}),
                             Estimator(Centre{} | Near{}), Estimator(Centre{} | Sign{}),
                             Estimator(Centre{} | Squares{}), Estimator(Pipeline({RowSum{}}))}) {
    const ModelPtr model =
        e.role() == Role::classifier ? e.fit(X, Labels{"a", "b", "a"}) : e.fit(X, y);
    const ModelPtr loaded = toys::saved_and_loaded(model);
    EXPECT_EQ(loaded->role(), model->role());
    EXPECT_EQ(loaded->name(), "pipeline");
    EXPECT_EQ(fitted_steps(loaded).size(), fitted_steps(model).size());
    EXPECT_EQ(predict_matrix(*loaded, X), predict_matrix(*model, X));
  }
}

std::string load_refusal(const std::vector<ModelPtr>& models) {
  OutputArchive out;
  out.version(1);
  out(models);
  const std::string bytes = out.bytes();
  return thrown<Error>([&] {
    InputArchive in(bytes, toys::load);
    load_pipeline(in);
  });
}

TEST(LoadPipeline, RefusesStepsThatDoNotFit) {
  const auto centre = std::make_shared<const toys::CentreModel>(Centre{}.fit(X));
  const auto squares = std::make_shared<const toys::SquaresModel>(Squares{}.fit(X));
  const auto sum = std::make_shared<const toys::RowSumModel>(RowSum{}.fit(X, y));
  const std::string inconsistent = "M011 the state of pipeline is not consistent | ";
  EXPECT_EQ(load_refusal({centre, sum}), "");
  EXPECT_EQ(load_refusal({}), inconsistent);
  EXPECT_EQ(load_refusal({squares, sum}), inconsistent);  // 4 columns into 2
  EXPECT_EQ(load_refusal({sum, centre}), inconsistent);   // a regressor in front
}

}  // namespace
}  // namespace lathe
