#include "lathe/ml/decomposition/filtered_krylov.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "lathe/ml/core/product.h"
#include "lathe/ml/core/random.h"
#include "lathe/ml/decomposition/eigen_filter.h"
#include "lathe/ml/decomposition/orthonormal.h"

namespace lathe {
namespace {

// Columns of a block. More, where the matrix comes from memory for each product: 16 columns take
// 1.4 times as long as 8 at p = 2000, and 2 times at 784.
Index block_for(Index p) { return p > 1400 ? 16 : 8; }

// Orthonormal columns V, block after block, and S V.
class Basis {
 public:
  explicit Basis(const Matrix& S) : S_(S), block_(block_for(S.rows())) {}

  Index size() const { return size_; }
  Index block() const { return block_; }
  MatrixView V() const { return V_.leftCols(size_); }
  MatrixView SV() const { return SV_.leftCols(size_); }
  Matrix block_at(Index column) const { return V_.middleCols(column, block_); }
  Matrix S_block_at(Index column) const { return SV_.middleCols(column, block_); }

  void reserve(Index size) {
    V_.conservativeResize(S_.rows(), size);
    SV_.conservativeResize(S_.rows(), size);
  }

  // A block that but for rounding overlaps with the last two alone, as symmetry makes it. False if
  // nothing of a column is left outside those before but rounding.
  bool append(Matrix W) {
    RowVector rest = RowVector::Ones(block_);
    for (const Index from : {std::max<Index>(0, size_ - 2 * block_), Index{0}}) {
      if (size_ > 0) {
        const MatrixView before = V_.middleCols(from, size_ - from);
        W -= product(before, transposed_product(before, W));
        rest = W.colwise().norm();
      }
      orthonormalise(W);
    }
    if (!(rest.minCoeff() > 0.1)) return false;
    V_.middleCols(size_, block_) = W;
    SV_.middleCols(size_, block_) = product(S_, W);
    size_ += block_;
    return true;
  }

 private:
  const Matrix& S_;
  Matrix V_;
  Matrix SV_;
  Index block_;
  Index size_ = 0;
};

// Of S itself, from a random start. False if it ends before that.
bool plain_krylov(const Matrix& S, Index blocks, Basis& basis) {
  Random random(0, "eigen.start");
  Matrix W(S.rows(), basis.block());
  for (double& w : W.reshaped()) w = random.uniform() - 0.5;
  basis.reserve(blocks * basis.block());
  for (Index i = 0; i < blocks; ++i) {
    if (!basis.append(std::move(W))) return false;
    W = basis.S_block_at(i * basis.block());
  }
  return true;
}

// About how many eigenvalues are above which value: each Ritz value of a plain Krylov space stands
// for as many as its vector has of the random start (Lin, Saad and Yang 2016).
class Spread {
 public:
  Spread(const EigenPairs& ritz, Index start, Index p) : values_(ritz.values) {
    const double scale = static_cast<double>(p) / static_cast<double>(start);
    const Vector count = scale * ritz.vectors.topRows(start).colwise().squaredNorm().transpose();
    above_ = -0.5 * count;
    double sum = 0.0;
    for (Index i = 0; i < count.size(); ++i) above_[i] += sum += count[i];
  }

  double largest() const { return values_[0]; }

  double value_at(double count) const {
    Index i = 1;
    while (i + 1 < above_.size() && above_[i] < count) ++i;
    const double step = above_[i] - above_[i - 1];
    const double share = step > 0.0 ? (count - above_[i - 1]) / step : 1.0;
    return values_[i - 1] + std::clamp(share, 0.0, 1.0) * (values_[i] - values_[i - 1]);
  }

 private:
  Vector values_;
  Vector above_;  // descending values have more and more above
};

struct Plan {
  Filter filter;
  int starts;   // times the filter is applied to the start
  double rate;  // by which each block lets the residual fall, as a logarithm
  double size;  // columns that should do
};

Plan plan_for(const Spread& spread, Index k, Index block, Index p, double count) {
  // Rounding along the first directions must not drown the last: this of 16 digits may go.
  const double most_favour = std::log(1e8);
  const double start_favour = std::log(1e10);
  const double kth = spread.value_at(static_cast<double>(k));
  const Filter filter(spread.value_at(count), spread.largest(), kth, most_favour);
  const double rate = std::max(filter.growth(kth), 1e-3);
  // A filtered start serves as one more block would, and leaves the space smaller. It comes to the
  // first directions, as many as it has columns.
  const double first = filter.growth(spread.value_at(static_cast<double>(block)));
  const double starts = std::clamp(start_favour / std::max(first - rate, 1e-3), 0.0, 2.0);
  const double blocks = std::log(0.1 / residual_wanted(p)) / rate - std::floor(starts);
  return {filter, static_cast<int>(starts), rate,
          count + static_cast<double>(block) * std::max(blocks, 1.0)};
}

// The space has to hold what is above the cut, and some more for the residual to fall: of all cuts
// the one with the least of both.
Plan best_plan(const Spread& spread, Index k, Index block, Index p) {
  const double least = 1.2 * static_cast<double>(k);
  const double most = static_cast<double>(3 * k + 2 * block);
  Plan best = plan_for(spread, k, block, p, least);
  double count = least;
  while ((count *= 1.1) < most) {
    const Plan plan = plan_for(spread, k, block, p, count);
    if (plan.size < best.size) best = plan;
  }
  return best;
}

// Whether among the k largest, or next to them, are as many alike as a block has columns.
bool may_be_more(const Vector& values, Index k, Index block) {
  for (Index i = 0; i < k; ++i) {
    if (values[i] - values[i + block - 1] <= 1e-10 * values[0]) return true;
  }
  return false;
}

// Filtered and orthonormal, as often as planned.
Matrix start_of(const Matrix& S, const Basis& plain, const Plan& plan) {
  Matrix Q = plain.block_at(0);
  Matrix SQ = plain.S_block_at(0);
  for (int i = 0; i < plan.starts; ++i) {
    if (i > 0) SQ = product(S, Q);
    Q = plan.filter.of(S, Q, SQ);
    orthonormalise(Q);
  }
  return Q;
}

// To this many columns, or a few more.
bool grow(const Matrix& S, const Filter& filter, double size, Basis& basis) {
  const auto blocks = static_cast<Index>(std::ceil(size / static_cast<double>(basis.block())));
  basis.reserve(blocks * basis.block());
  while (basis.size() < blocks * basis.block()) {
    const Index last = basis.size() - basis.block();
    if (!basis.append(filter.of(S, basis.block_at(last), basis.S_block_at(last)))) return false;
  }
  return true;
}

struct Found {
  EigenPairs pairs;
  bool all;  // or there may be more as large
};

std::optional<Found> attempt(const Matrix& S, Index k, Index plain_blocks) {
  const Index p = S.rows();
  Basis plain(S);
  if (!plain_krylov(S, plain_blocks, plain)) return std::nullopt;
  const EigenPairs seen = ritz_pairs(plain.V(), plain.SV());
  if (!(seen.values[0] > 0.0)) return std::nullopt;
  const Index block = plain.block();
  const Plan plan = best_plan(Spread(seen, block, p), k, block, p);

  Basis basis(S);
  basis.reserve(block);
  basis.append(start_of(S, plain, plan));
  double size = plan.size;
  double residual = std::numeric_limits<double>::infinity();
  const Index most = p / 2;
  while (size <= static_cast<double>(most)) {
    const Index size_before = basis.size();
    if (!grow(S, plan.filter, size, basis)) return std::nullopt;
    const EigenPairs ritz = ritz_pairs(basis.V(), basis.SV());
    const Vector values = ritz.values.head(k);
    const Matrix turn = ritz.vectors.leftCols(k);
    Matrix vectors = product(basis.V(), turn);
    const double before =
        std::exchange(residual, residual_of(vectors, product(basis.SV(), turn), values));
    if (converged(residual, before, p)) {
      return Found{{values, std::move(vectors)}, !may_be_more(ritz.values, k, block)};
    }
    // Half of what was planned, or the spectrum is not as it seemed.
    const Index blocks = (basis.size() - size_before) / block;
    const double planned = std::exp(-0.5 * plan.rate * static_cast<double>(blocks));
    if (residual > before * planned) return std::nullopt;
    size = static_cast<double>(basis.size()) +
           static_cast<double>(block) * std::log(residual / residual_wanted(p)) / plan.rate;
  }
  return std::nullopt;
}

}  // namespace

std::optional<EigenPairs> filtered_krylov(const Matrix& S, Index k) {
  const Index usual = 4 + k / 12;
  for (const Index plain_blocks : {usual, 3 * usual}) {  // the more, the finer
    if (plain_blocks * block_for(S.rows()) > S.rows() / 2) break;
    if (std::optional<Found> found = attempt(S, k, plain_blocks)) {
      return found->all ? std::optional(std::move(found->pairs)) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace lathe
