#include "lathe/ml/core/statistics.h"

namespace lathe {

Statistics::~Statistics() = default;
TrainingRows::~TrainingRows() = default;
StatisticsFit::~StatisticsFit() = default;

std::unique_ptr<Statistics> StatisticsFit::transform(const Statistics&) const { return nullptr; }

std::optional<SquaredErrors> StatisticsFit::squared_errors(const Statistics&) const { return {}; }

}  // namespace lathe
