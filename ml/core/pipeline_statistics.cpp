// How a pipeline is fitted from sums of rows (statistics.h).
#include <utility>

#include "lathe/ml/core/pipeline.h"

namespace lathe {
namespace {

class PipelineStatisticsFit final : public StatisticsFit {
 public:
  explicit PipelineStatisticsFit(std::vector<std::unique_ptr<StatisticsFit>> steps)
      : steps_(std::move(steps)) {}

  ModelPtr model() const override {
    std::vector<ModelPtr> models;
    for (const auto& step : steps_) models.push_back(step->model());
    return fitted_pipeline(models);
  }
  std::unique_ptr<Statistics> transform(const Statistics& rows) const override {
    return through_steps(rows, steps_.size());
  }
  std::optional<SquaredErrors> squared_errors(const Statistics& rows) const override {
    return steps_.back()->squared_errors(*through_steps(rows, steps_.size() - 1));
  }

 private:
  std::unique_ptr<Statistics> through_steps(const Statistics& rows, std::size_t count) const {
    std::unique_ptr<Statistics> current = rows.clone();
    for (std::size_t i = 0; i < count; ++i) current = steps_[i]->transform(*current);
    return current;
  }

  std::vector<std::unique_ptr<StatisticsFit>> steps_;
};

}  // namespace

const StatisticsKind* Pipeline::statistics(const Context& context) const {
  const StatisticsKind* kind = steps_.front().statistics(context);
  for (const Estimator& step : steps_) {
    if (step.statistics(context) != kind) return nullptr;
  }
  return kind;
}

std::unique_ptr<StatisticsFit> Pipeline::fit_statistics(const Statistics& rows,
                                                        const TrainingRows* source) const {
  if (source != nullptr && steps_.size() > 1) return nullptr;
  std::vector<std::unique_ptr<StatisticsFit>> fits;
  std::unique_ptr<Statistics> current = rows.clone();
  for (const Estimator& step : steps_) {
    fits.push_back(step.fit_statistics(*current, source));
    if (fits.back() == nullptr) return nullptr;
    if (fits.size() < steps_.size()) current = fits.back()->transform(*current);
  }
  return std::make_unique<PipelineStatisticsFit>(std::move(fits));
}

}  // namespace lathe
