#include "lathe/ml/core/gram_statistics.h"

#include <algorithm>
#include <cassert>

namespace lathe {
namespace {

constexpr double largest_square = 0x1p+700;

bool in_range(const Matrix& products) {
  // NaN fails too.
  return (products.diagonal().array() <= largest_square).all();
}

std::unique_ptr<Statistics> collect(const MatrixView& X, const Target& y,
                                    std::span<const double> weight) {
  if (y.has_labels()) return nullptr;
  const Index positive = weight.empty() ? X.rows()
                                        : std::count_if(weight.begin(), weight.end(),
                                                        [](double w) { return w > 0.0; });
  if (positive == 0) return nullptr;
  const GramOptions options{.weight = weight};
  Gram gram = y.has_numbers() ? centred_gram(X, y.numbers(), options) : centred_gram(X, options);
  if (!in_range(gram.xx) || !in_range(gram.yy)) return nullptr;
  return std::make_unique<GramStatistics>(std::move(gram), X.rows(), positive);
}

}  // namespace

const StatisticsKind* gram_statistics() {
  static constexpr StatisticsKind kind{"gram", &collect};
  return &kind;
}

std::unique_ptr<Statistics> GramStatistics::clone() const {
  return std::make_unique<GramStatistics>(*this);
}

void GramStatistics::merge(const Statistics& other) {
  const auto* more = dynamic_cast<const GramStatistics*>(&other);
  assert(more != nullptr);
  gram.merge(more->gram);
  rows += more->rows;
  positive += more->positive;
}

Index GramStatistics::size() const {
  return gram.xx.size() + gram.xy.size() + gram.yy.size() + 4 * gram.x_mean.size();
}

}  // namespace lathe
