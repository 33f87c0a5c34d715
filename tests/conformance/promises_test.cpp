// One answer: for any number of threads, batch, order of rows and layout in memory, and for all
// threads that ask at once.
#include <cmath>
#include <numeric>
#include <thread>

#include <gmock/gmock.h>

#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/random.h"

#include "tests/conformance/cases.h"

namespace lathe::conformance {
namespace {

using ColumnMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

// Several row blocks, the last one short.
constexpr Index many_rows = 4003;

class ThreadLimit {
 public:
  explicit ThreadLimit(int threads) : before_(thread_limit()) { set_thread_limit(threads); }
  ~ThreadLimit() { set_thread_limit(before_); }
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

using Promises = Conformance;

TEST_P(Promises, AnyNumberOfThreadsGivesTheSameBits) {
  const TrainingData data = training(GetParam(), many_rows);
  std::string state;
  Matrix predicted;
  for (const int threads : {1, 2, 3, 8}) {
    const ThreadLimit limit(threads);
    const ModelPtr model = fit_model(data);
    const Matrix answer = answers(*model, data.X);
    if (threads == 1) {
      state = state_bytes(model);
      predicted = answer;
    }
    EXPECT_EQ(state_bytes(model), state) << threads << " threads";
    EXPECT_TRUE(same_bits(answer, predicted)) << threads << " threads";
  }
}

TEST_P(Promises, ARowAloneIsTheRowInABatch) {
  const TrainingData data = training(GetParam(), many_rows);
  const ModelPtr model = fit_model(training(GetParam(), 200));
  const Matrix batch = answers(*model, data.X);
  Index differ = 0;
  for (Index i = 0; i < data.X.rows(); i += 7) {
    if (!same_bits(answers(*model, data.X.row(i)), batch.row(i))) ++differ;
  }
  EXPECT_EQ(differ, 0);
  for (const Index n : {Index{2}, Index{3}, Index{9}, Index{1000}}) {
    EXPECT_TRUE(same_bits(answers(*model, data.X.topRows(n)), batch.topRows(n))) << n << " rows";
  }
}

TEST_P(Promises, PermutedRowsGivePermutedAnswers) {
  const TrainingData data = training(GetParam(), many_rows);
  const ModelPtr model = fit_model(training(GetParam(), 200));
  const std::vector<Index> order = Random(3, "permute").permutation(many_rows);
  const Matrix permuted = data.X(order, Eigen::all);
  const Matrix expected = answers(*model, data.X)(order, Eigen::all);
  EXPECT_TRUE(same_bits(answers(*model, permuted), expected));
}

TEST_P(Promises, ZeroRowsGiveZeroAnswers) {
  const TrainingData data = training(GetParam(), 200);
  const ModelPtr model = fit_model(data);
  const Matrix none = answers(*model, Matrix(0, data.X.cols()));
  EXPECT_EQ(none.rows(), 0);
  EXPECT_EQ(none.cols(), answers(*model, data.X).cols());
}

TEST_P(Promises, AnyLayoutGivesTheSameBits) {
  const TrainingData data = training(GetParam(), 200);
  const ModelPtr model = fit_model(data);
  const Matrix expected = answers(*model, data.X);
  const std::string state = state_bytes(model);
  const Index n = data.X.rows();
  const Index d = data.X.cols();
  const auto check = [&](const MatrixView& X, const char* layout) {
    EXPECT_TRUE(same_bits(answers(*model, X), expected)) << layout;
    const ModelPtr again =
        data.pipeline.fit(X, data.target(), {.columns = &data.inputs, .seed = 11});
    EXPECT_EQ(state_bytes(again), state) << layout;
  };

  check(ColumnMajor(data.X), "column-major");
  check(ColumnMajor(data.X).block(0, 0, n, d), "a block of column-major");
  Matrix wide = Matrix::Constant(n + 3, d + 4, 1e300);
  wide.block(2, 3, n, d) = data.X;
  check(wide.block(2, 3, n, d), "a block");
  Matrix spread = Matrix::Constant(2 * n, 3 * d, 1e300);
  Eigen::Map<Matrix, 0, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>> strided(
      spread.data(), n, d, Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(6 * d, 3));
  strided = data.X;
  check(strided, "strided");
  const Matrix transposed = data.X.transpose();
  check(transposed.transpose(), "transposed");
}

TEST_P(Promises, TheTargetMayBeAColumnOfAMatrix) {
  const TrainingData data = training(GetParam(), 200);
  const auto* y = std::get_if<Matrix>(&data.y);
  if (y == nullptr) return;
  Matrix wide = Matrix::Constant(y->rows(), 5, 1e300);
  wide.col(3) = *y;
  const Context context{.columns = &data.inputs, .seed = 11};
  const MatrixView column = wide.middleCols(3, 1);
  EXPECT_EQ(state_bytes(data.pipeline.fit(data.X, column, context)), state_bytes(fit_model(data)));
  const Vector vector = y->col(0);
  EXPECT_EQ(state_bytes(data.pipeline.fit(data.X, vector, context)), state_bytes(fit_model(data)));
}

TEST_P(Promises, AnswersMayBeWrittenIntoABlock) {
  const TrainingData data = training(GetParam(), 200);
  const ModelPtr model = fit_model(data);
  const Index n = data.X.rows();
  Matrix wide = Matrix::Constant(n + 2, model->n_outputs() + 3, 1e300);
  model->predict_into(data.X, wide.block(1, 2, n, model->n_outputs()));
  EXPECT_TRUE(same_bits(wide.block(1, 2, n, model->n_outputs()), predict_matrix(*model, data.X)));
  wide.block(1, 2, n, model->n_outputs()).setConstant(1e300);
  EXPECT_TRUE((wide.array() == 1e300).all()) << "written outside the block";
}

TEST_P(Promises, FittingTwiceGivesTheSameBits) {
  const TrainingData data = training(GetParam(), 200);
  EXPECT_EQ(state_bytes(fit_model(data)), state_bytes(fit_model(data)));
}

TEST_P(Promises, ThreadsShareAModel) {
  const TrainingData data = training(GetParam(), 500);
  const ModelPtr model = fit_model(data);
  const Matrix expected = answers(*model, data.X);
  std::vector<int> wrong(8);
  {
    std::vector<std::jthread> threads;
    for (int& mistakes : wrong) {
      threads.emplace_back([&] {
        const SerialScope serial;
        for (int round = 0; round < 5; ++round) {
          if (!same_bits(answers(*model, data.X), expected)) ++mistakes;
        }
      });
    }
  }
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST_P(Promises, ThreadsShareAnEstimator) {
  const TrainingData data = training(GetParam(), 100);
  const std::string expected = state_bytes(fit_model(data));
  std::vector<int> wrong(4);
  {
    std::vector<std::jthread> threads;
    for (int& mistakes : wrong) {
      threads.emplace_back([&] { mistakes += state_bytes(fit_model(data)) != expected; });
    }
  }
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST_P(Promises, ProbabilitiesSumToOneAndAgreeWithPredict) {
  const TrainingData data = training(GetParam(), 500);
  const ModelPtr model = fit_model(data);
  const auto* classifier = dynamic_cast<const Classifier*>(model.get());
  if (classifier == nullptr) return;
  const Matrix proba = classifier->predict_proba(data.X);
  const Labels labels = classifier->predict(data.X);
  EXPECT_EQ(labels.classes(), classifier->classes());
  for (Index i = 0; i < proba.rows(); ++i) {
    EXPECT_NEAR(proba.row(i).sum(), 1.0, 1e-14) << i;
    EXPECT_GE(proba.row(i).minCoeff(), 0.0) << i;
    Index best = 0;
    proba.row(i).maxCoeff(&best);  // the first of equals
    EXPECT_EQ(labels[i], best) << i;
  }
}

TEST_P(Promises, ClustersAreNumberedFromZero) {
  const TrainingData data = training(GetParam(), 500);
  const ModelPtr model = fit_model(data);
  const auto* clusterer = dynamic_cast<const Clusterer*>(model.get());
  if (clusterer == nullptr) return;
  for (const std::int64_t cluster : clusterer->predict(data.X)) {
    EXPECT_TRUE(cluster >= 0 && cluster < clusterer->n_clusters()) << cluster;
  }
}

TEST_P(Promises, TransformersNameWhatTheyGive) {
  const TrainingData data = training(GetParam(), 200);
  const ModelPtr model = fit_model(data);
  const auto* transformer = dynamic_cast<const Transformer*>(model.get());
  if (transformer == nullptr) return;
  const Schema out = transformer->columns_out(data.inputs);
  EXPECT_EQ(out.size(), transformer->n_outputs());
  std::vector<std::string> names;
  for (const Column& column : out.columns) names.push_back(column.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

INSTANTIATE_TEST_SUITE_P(All, Promises, testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace lathe::conformance
