// pca from the Gram matrix of the rows: what cross-validation fits folds by.
#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include <Eigen/Eigenvalues>

#include "lathe/ml/core/double_double.h"
#include "lathe/ml/core/gram_statistics.h"
#include "lathe/ml/decomposition/pca.h"

namespace lathe {
namespace {

// The least gap between the variances that are kept and those that are not, as a share of the
// largest: rounding turns the kept subspace by about units / gap.
constexpr double least_gap = 1e-3;
// The least kept share: the square of the least singular value that the Gram matrix tells well.
constexpr double least_share = 1e-4;
constexpr double least_square = 0x1p-900;

class PcaFit final : public StatisticsFit {
 public:
  explicit PcaFit(std::shared_ptr<const PcaModel> model, Vector scale)
      : model_(std::move(model)), scale_(std::move(scale)) {}

  ModelPtr model() const override { return model_; }

  // Products of the scores: components' products, scaled.
  std::unique_ptr<Statistics> transform(const Statistics& rows) const override {
    auto scores = std::make_unique<GramStatistics>(dynamic_cast<const GramStatistics&>(rows));
    Gram& gram = scores->gram;
    const Index d = gram.x_mean.size();
    RowVector moved(d);
    for (Index j = 0; j < d; ++j) {
      const DoubleDouble mean(gram.x_mean[j], gram.x_mean_rest[j]);
      moved[j] = (mean - model_->mean()[j]).value();
    }
    const Matrix weights = scale_.cwiseInverse().asDiagonal() * model_->components();
    gram.x_mean = moved * weights.transpose();
    gram.x_mean_rest = RowVector::Zero(weights.rows());
    gram.x_scale = RowVector::Ones(weights.rows());
    gram.xx = (weights * gram.xx * weights.transpose()).eval();
    gram.xy = (weights * gram.xy).eval();
    return scores;
  }

 private:
  std::shared_ptr<const PcaModel> model_;
  Vector scale_;
};

// As Pca::fit counts; 0 where rounding could decide.
Index count_of(const std::optional<CountOrShare>& asked, const Vector& ratio) {
  if (!asked) return ratio.size();
  const auto* count = std::get_if<std::int64_t>(&*asked);
  if (count != nullptr) return static_cast<Index>(*count);
  const double share = std::get<double>(*asked);
  double sum = 0.0;
  for (Index k = 0; k < ratio.size(); ++k) {
    sum += ratio[k];
    if (std::abs(sum - share) < 1e-9) return 0;
    if (sum > share) return k + 1;
  }
  return 0;
}

}  // namespace

const StatisticsKind* Pca::statistics() const {
  const bool exact = svd_solver == PcaSolver::automatic || svd_solver == PcaSolver::full;
  return exact ? gram_statistics() : nullptr;
}

std::unique_ptr<StatisticsFit> Pca::fit_statistics(const Statistics& rows,
                                                   const TrainingRows*) const {
  const auto& statistics = dynamic_cast<const GramStatistics&>(rows);
  const Gram& gram = statistics.gram;
  const Index d = gram.x_mean.size();
  if (statistics.rows <= d + 1) return nullptr;
  // Columns far from 0 lose digits in what transform subtracts.
  const auto least = (1e-8 * gram.x_mean.transpose().array()).square().max(least_square);
  if (!((gram.xx.diagonal() / gram.weight).array() > least).all()) return nullptr;

  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram.xx);
  if (solver.info() != Eigen::Success) return nullptr;
  const Vector values = solver.eigenvalues().reverse().cwiseMax(0.0);
  const double total = values.sum();
  const Index k = count_of(n_components, values / total);
  if (k < 1 || k > d || !(values[k - 1] >= least_share * values[0])) return nullptr;
  if (k < d && !(values[k - 1] - values[k] >= least_gap * values[0])) return nullptr;

  PcaResult result;
  result.mean = gram.x_mean.transpose();
  result.components = solver.eigenvectors().rowwise().reverse().leftCols(k).transpose();
  result.singular_values = values.head(k).cwiseSqrt();
  result.explained_variance = values.head(k) / (gram.weight - 1.0);
  result.explained_variance_ratio = values.head(k) / total;
  if (k < d) result.noise_variance = values.tail(d - k).mean() / (gram.weight - 1.0);
  result.scale = Vector::Ones(k);
  if (whiten) result.scale = result.explained_variance.cwiseSqrt();
  Vector scale = result.scale;
  return std::make_unique<PcaFit>(std::make_shared<const PcaModel>(std::move(result)),
                                  std::move(scale));
}

}  // namespace lathe
