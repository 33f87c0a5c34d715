#include "benchmarks/peer/task.h"

#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "lathe/evaluation/cross_validate.h"
#include "lathe/ml/cluster/kmeans.h"
#include "lathe/ml/core/pipeline.h"
#include "lathe/ml/decomposition/pca.h"
#include "lathe/ml/linear/linear_regression.h"
#include "lathe/ml/linear/logistic_regression.h"
#include "lathe/ml/linear/ridge.h"
#include "lathe/preprocessing/standard_scaler.h"

#include "tests/ml/core/allocations.h"

namespace lathe::bench {
namespace {

// Seconds that the call takes; what it returns is given up after the clock has stopped.
template <class Call>
auto timed(Call call, double& seconds) {
  const auto start = std::chrono::steady_clock::now();
  auto result = call();
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

// FNV-1a over words: two answers have one hash only if they have the same bits.
class Bits {
 public:
  template <class Numbers>
  Bits& add(const Numbers& values) {
    for (Index i = 0; i < static_cast<Index>(values.size()); ++i) {
      std::uint64_t word = 0;
      static_assert(sizeof *values.data() <= sizeof word);
      std::memcpy(&word, values.data() + i, sizeof *values.data());
      hash_ = (hash_ ^ word) * 0x100000001b3U;
      hash_ ^= hash_ >> 29;
    }
    return *this;
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

std::vector<double> numbers(const auto& values) {
  return {values.data(), values.data() + values.size()};
}

Run linear_run(double seconds, const LinearModel& model) {
  return {seconds,
          {{"coef", numbers(model.coef())}, {"intercept", numbers(model.intercept())}},
          Bits().add(model.coef()).add(model.intercept()).value()};
}

// The rows that both sides show of what they transformed.
std::vector<double> some_rows(const Matrix& all) {
  std::vector<double> shown;
  for (Index i = 0; i < all.rows(); i += all.rows() / 50) {
    for (Index j = 0; j < all.cols(); ++j) shown.push_back(all(i, j));
  }
  return shown;
}

}  // namespace

Task::Task(const std::string& folder, const nlohmann::json& job)
    : job_(job), name_(job.at("name").get<std::string>()) {
  const std::vector<Index> shape = job.at("shape").get<std::vector<Index>>();
  const std::string family = job.at("family").get<std::string>();
  std::string stem = folder + "/" + family + "_";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    stem += (i > 0 ? "x" : "") + std::to_string(shape[i]);
  }
  if (shape.size() > 2) k_ = shape[2];
  rows_ = Array(stem + "_X.bin");
  new (&X_) Eigen::Map<const Matrix>(rows_.rows(shape[1]));
  if (family == "linear" || family == "logistic") {
    target_ = Array(stem + "_y.bin");
    new (&y_) Eigen::Map<const Vector>(target_.vector());
  }
  if (name_ == "kmeans") start_ = Array(stem + "_start.bin");

  if (name_.starts_with("linear_regression") || name_ == "ridge") run_ = regression();
  if (name_.starts_with("kmeans")) run_ = clustering();
  if (name_.starts_with("pca")) run_ = reduction();
  if (name_.starts_with("standard_scaler")) run_ = scaling();
  if (name_ == "logistic_regression") run_ = classification();
  if (name_.starts_with("cv_")) run_ = validation();
  if (name_ == "predict_one_row") run_ = one_row();
  if (!run_) throw std::runtime_error("no job is called " + name_);
}

LinearRegression Task::linear_regression() const {
  return {.refine = name_.ends_with("_refined") ? Refine::always : Refine::automatic,
          .standard_errors = !name_.starts_with("linear_regression_no_errors")};
}

Task::Runner Task::regression() const {
  return [this](std::uint64_t) {
    double seconds = 0.0;
    if (name_ == "ridge") {
      return linear_run(seconds, timed([&] { return Ridge{}.fit(X_, y_); }, seconds));
    }
    return linear_run(seconds, timed([&] { return linear_regression().fit(X_, y_); }, seconds));
  };
}

Task::Runner Task::clustering() const {
  return [this](std::uint64_t seed) {
    KMeans kmeans{.n_clusters = k_, .random_state = static_cast<std::int64_t>(seed)};
    if (start_.size() > 0) {
      kmeans.init = Matrix(start_.rows(X_.cols()));
      kmeans.n_init = 1;
      kmeans.max_iter = 20;
      kmeans.tol = 0.0;
    }
    Run run;
    const KMeansModel model = timed([&] { return kmeans.fit(X_); }, run.seconds);
    run.figures = {{"inertia", {model.inertia()}},
                   {"n_iter", {static_cast<double>(model.n_iter())}}};
    run.bits = Bits().add(model.cluster_centers()).add(model.result().labels).value();
    return run;
  };
}

Task::Runner Task::reduction() const {
  return [this](std::uint64_t) {
    Pca pca{.n_components = CountOrShare(k_)};
    if (name_ == "pca_randomized") pca.svd_solver = PcaSolver::randomized;
    Run run;
    const PcaModel model = timed([&] { return pca.fit(X_); }, run.seconds);
    run.figures = {{"explained_variance", numbers(model.explained_variance())},
                   {"total_variance", {model.explained_variance().sum()}}};
    run.bits = Bits().add(model.components()).add(model.explained_variance()).value();
    return run;
  };
}

Task::Runner Task::scaling() const {
  if (name_ == "standard_scaler_fit") {
    return [this](std::uint64_t) {
      Run run;
      const StandardScalerModel model =
          timed([&] { return StandardScaler{}.fit(X_); }, run.seconds);
      run.figures = {{"mean", numbers(model.mean())}, {"scale", numbers(model.scale())}};
      run.bits = Bits().add(model.mean()).add(model.scale()).value();
      return run;
    };
  }
  const auto model = std::make_shared<const StandardScalerModel>(StandardScaler{}.fit(X_));
  return [this, model](std::uint64_t) {
    Run run;
    const Matrix out = timed([&] { return model->transform(X_); }, run.seconds);
    run.figures = {{"rows", some_rows(out)}};
    run.bits = Bits().add(out).value();
    return run;
  };
}

Task::Runner Task::classification() const {
  std::vector<std::int64_t> codes(y_.begin(), y_.end());
  const auto labels = std::make_shared<const Labels>(std::span<const std::int64_t>(codes));
  return [this, labels](std::uint64_t) {
    Run run;
    const LogisticRegressionModel model =
        timed([&] { return LogisticRegression{}.fit(X_, *labels); }, run.seconds);
    run.figures = {{"coef", numbers(model.coef())},
                   {"intercept", numbers(model.intercept())},
                   {"n_iter", {static_cast<double>(model.n_iter())}}};
    run.bits = Bits().add(model.coef()).add(model.intercept()).value();
    return run;
  };
}

Task::Runner Task::validation() const {
  const CrossValidateOptions options{.splitter = KFold{.n_splits = 5},
                                     .metrics = {make_metric("r2")}};
  return [this, options](std::uint64_t) {
    std::vector<Estimator> candidates;
    if (name_ == "cv_ridge_20_alphas") {
      for (const double alpha : job_.at("extra").at("alphas")) {
        candidates.push_back(Ridge{.alpha = alpha});
      }
    } else {
      candidates.push_back(linear_regression());
    }
    const Target y(std::span<const double>(y_.data(), static_cast<std::size_t>(y_.size())));
    Run run;
    const std::vector<double> scores = timed(
        [&] {
          std::vector<double> all;
          for (const CrossValidation& cv : cross_validate(candidates, X_, y, options)) {
            all.insert(all.end(), cv.metrics[0].folds.begin(), cv.metrics[0].folds.end());
          }
          return all;
        },
        run.seconds);
    run.figures = {{"scores", scores}};
    run.bits = Bits().add(scores).value();
    return run;
  };
}

// One row at a time, each another one, into a place that is there.
Task::Runner Task::one_row() const {
  const Index trained = 10000;
  const ModelPtr model =
      (StandardScaler{} | LinearRegression{}).fit(X_.topRows(trained), Vector(y_.head(trained)));
  return [this, model](std::uint64_t) {
    constexpr Index calls = 200'000;
    Matrix out(1, 1);
    Vector said(50);
    model->predict_into(X_.topRows(1), out);  // the thread's workspace
    double seconds = 0.0;
    const std::size_t allocations = timed(
        [&] {
          const AllocationCount count;
          for (Index i = 0; i < calls; ++i) {
            model->predict_into(X_.middleRows(i % 2000, 1), out);
            said[i % 50] = out(0, 0);
          }
          return count.calls();
        },
        seconds);
    for (Index i = 0; i < 50; ++i) {
      model->predict_into(X_.middleRows(i, 1), out);
      said[i] = out(0, 0);
    }
    return Run{seconds / static_cast<double>(calls),
               {{"rows", numbers(said)}, {"allocations", {static_cast<double>(allocations)}}},
               Bits().add(said).value()};
  };
}

}  // namespace lathe::bench
