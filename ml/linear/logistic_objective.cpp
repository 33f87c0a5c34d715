#include "lathe/ml/linear/logistic_objective.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;

constexpr Index block_rows = 128;  // with what is made of them they stay in the second cache

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Probabilities of a block of rows from their scores; what is left of 1 is summed, not subtracted,
// so that probabilities near 1 keep their digits.
struct Probabilities {
  explicit Probabilities(Index n_classes)
      : of(block_rows, n_classes), rest(block_rows, n_classes), best(at(block_rows)) {}

  // scores: of all classes but the last, whose score is 0.
  void find(const Matrix& scores, Index rows) {
    const Index K = of.cols();
    for (Index i = 0; i < rows; ++i) {
      Index top = K - 1;
      double high = 0.0;
      for (Index k = 0; k + 1 < K; ++k) {
        if (scores(i, k) > high) {
          high = scores(i, k);
          top = k;
        }
      }
      for (Index k = 0; k + 1 < K; ++k) of(i, k) = scores(i, k) - high;
      of(i, K - 1) = -high;
      best[at(i)] = top;
      highest[i] = high;
    }
    kernels::exp(of.data(), rows * K);
    for (Index i = 0; i < rows; ++i) {
      double sum = 0.0;
      for (Index k = 0; k < K; ++k) sum += k == best[at(i)] ? 0.0 : of(i, k);
      const double total = 1.0 + sum;
      for (Index k = 0; k < K; ++k) {
        rest(i, k) = (k == best[at(i)] ? sum : total - of(i, k)) / total;
        of(i, k) /= total;
      }
      others[i] = sum;
    }
  }

  Matrix of;    // block_rows x n_classes
  Matrix rest;  // 1 - of
  std::vector<Index> best;
  Vector highest{block_rows};  // score
  Vector others{block_rows};   // sum of exp(score - highest) but of the best class
};

// The sum of weight * log(1 + x): one logarithm of a product does for many rows of one weight. What
// is kept is the product less 1, so that small x lose nothing.
class LogSum {
 public:
  void add(double weight, double x) {
    if (weight != weight_ || product_ > 1e200) {
      sum_ += weight_ * std::log1p(product_);
      weight_ = weight;
      product_ = 0.0;
    }
    product_ += x + product_ * x;
  }
  double total() const { return sum_ + weight_ * std::log1p(product_); }

 private:
  double weight_ = 0.0;
  double product_ = 0.0;
  double sum_ = 0.0;
};

// Rows of the columns, centred and scaled, with a last column of ones for the intercept.
class Rows {
 public:
  explicit Rows(const LogisticProblem& problem) : problem_(problem) {
    for (const DoubleDouble& mean : problem.x.mean) {
      mean_.push_back(mean.hi);
      mean_rest_.push_back(mean.lo);
    }
    const std::vector<Index>& index = problem.x.index;
    adjacent_ = !index.empty() && index.back() - index.front() + 1 == problem.x.size();
  }

  void read(Index begin, Index rows, Matrix& out) const {
    const Index d = problem_.x.size();
    for (Index i = 0; i < rows; ++i) {
      double* row = out.data() + i * out.cols();
      if (adjacent_) {
        read_row(problem_.x.data + (begin + i) * problem_.x.stride + problem_.x.index.front(), row);
      } else {
        problem_.x.centred_row(begin + i, row);
      }
      if (problem_.intercept) row[d] = 1.0;
    }
  }

 private:
  void read_row(const double* __restrict from, double* __restrict to) const {
    const double* scale = problem_.x.scale.data();
    const double* mean = mean_.data();
    const double* rest = mean_rest_.data();
    const Index d = problem_.x.size();
    for (Index j = 0; j < d; ++j) to[j] = (from[j] * scale[j] - mean[j]) - rest[j];
  }

  const LogisticProblem& problem_;
  std::vector<double> mean_;
  std::vector<double> mean_rest_;
  bool adjacent_ = false;
};

// scores = Z u of the first rows.
void find_scores(const Matrix& Z, Index rows, const Matrix& coef, Matrix& scores) {
  kernels::affine(Z.topRows(rows), coef, Vector::Zero(coef.rows()), scores.topRows(rows));
}

// Work of one part of the rows; parts are few where what they hold is large.
Index part_size(const LogisticProblem& problem, Index numbers) {
  constexpr Index budget = Index{1} << 23;
  const Index parts = std::clamp<Index>(budget / std::max<Index>(1, numbers), 2, 16);
  return std::max<Index>(block_rows, (problem.x.rows + parts - 1) / parts);
}

// The sum over parts, in order, of what part(begin, end) returns.
template <class Sum, class Part>
Sum sum_of_parts(Index rows, Index size, Part&& part) {
  std::vector<Sum> sums(at((rows + size - 1) / size));
  parallel_blocks(rows, size,
                  [&](Index p, Index begin, Index end) { sums[at(p)] = part(begin, end); });
  for (std::size_t p = 1; p < sums.size(); ++p) sums[0] += sums[p];
  return std::move(sums[0]);
}

struct Sums {
  double objective = 0.0;
  MatrixXd gradient;
  MatrixXd diagonal;  // without the Hessian only
  Matrix hessian;     // blocks of pairs of scores k <= l, as WeightedGram keeps them

  Sums& operator+=(const Sums& other) {
    objective += other.objective;
    gradient += other.gradient;
    diagonal += other.diagonal;
    hessian += other.hessian;
    return *this;
  }
};

// Adds up Z' diag(h) Z of blocks of rows by packed tiles (ml/core/kernel_tiles.h).
class WeightedGram {
 public:
  explicit WeightedGram(Index cols)
      : whole_((cols + table_.step - 1) / table_.step * table_.step),
        none_(at(whole_), 0.0),
        scale_(at(whole_), 0.0),
        packed_(block_rows, whole_) {
    std::fill_n(scale_.begin(), cols, 1.0);
  }

  Index whole() const { return whole_; }

  // Where sums are kept: the part on and above the diagonal of `whole` x `whole` numbers from
  // `sum` on. root: the roots of the weights.
  void add(const Matrix& Z, Index rows, const Vector& root, bool subtract, double* sum) {
    kernels::PackSource from{};
    from.X = Z.data();
    from.x_stride = Z.cols();
    from.x_cols = Z.cols();
    from.x_end = Z.data() + Z.size();
    from.shift = none_.data();
    from.x_scale = scale_.data();
    from.y_scale = none_.data();
    from.root = root.data();
    table_.pack(from, 0, rows, whole_, packed_.data(), block_rows);
    for (Index j = 0; j * table_.panel < whole_; ++j) {
      table_.cross(packed_.data(), block_rows, whole_, 0, j + 1, packed_.data(), block_rows, whole_,
                   j, rows, true, subtract, sum, whole_);
    }
  }

 private:
  const kernels::TileTable& table_ = kernels::tile_table();
  Index whole_;
  std::vector<double> none_;
  std::vector<double> scale_;
  Matrix packed_;
};

Sums sum_rows(const LogisticProblem& problem, const Parameters& u, bool with_hessian, Index begin,
              Index end) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Rows reader(problem);
  const Matrix coef = u.transpose();
  Matrix Z(block_rows, p);
  Matrix scores(block_rows, m);
  Matrix residual(block_rows, m);
  Matrix curve(block_rows, m);
  Vector root(block_rows);
  Probabilities prob(problem.n_classes);
  WeightedGram gram(with_hessian ? p : 0);
  const Index whole = gram.whole();
  Sums sums;
  sums.gradient = MatrixXd::Zero(p, m);
  if (!with_hessian) sums.diagonal = MatrixXd::Zero(p, m);
  if (with_hessian) sums.hessian = Matrix::Zero(m * (m + 1) / 2 * whole, whole);
  LogSum loss;

  for (Index first = begin; first < end; first += block_rows) {
    const Index rows = std::min(block_rows, end - first);
    reader.read(first, rows, Z);
    find_scores(Z, rows, coef, scores);
    prob.find(scores, rows);
    for (Index i = 0; i < rows; ++i) {
      const double weight = problem.weights[first + i];
      const Index label = problem.label[at(first + i)];
      if (weight > 0.0) {
        loss.add(weight, prob.others[i]);
        sums.objective += weight * (prob.highest[i] - (label < m ? scores(i, label) : 0.0));
      }
      for (Index k = 0; k < m; ++k) {
        residual(i, k) = weight * (k == label ? -prob.rest(i, k) : prob.of(i, k));
        curve(i, k) = weight * prob.of(i, k) * prob.rest(i, k);
      }
    }
    sums.gradient.noalias() += Z.topRows(rows).transpose() * residual.topRows(rows);
    if (!with_hessian) {
      sums.diagonal.noalias() += Z.topRows(rows).cwiseAbs2().transpose() * curve.topRows(rows);
      continue;
    }
    double* block = sums.hessian.data();
    for (Index k = 0; k < m; ++k) {
      for (Index l = k; l < m; ++l, block += whole * whole) {
        for (Index i = 0; i < rows; ++i) {
          const double square =
              k == l ? curve(i, k) : problem.weights[first + i] * prob.of(i, k) * prob.of(i, l);
          root[i] = std::sqrt(square);
        }
        gram.add(Z, rows, root, k != l, block);
      }
    }
  }
  sums.objective += loss.total();
  return sums;
}

// The lower triangle of the whole from its blocks' upper triangles.
MatrixXd assemble(const Matrix& blocks, Index p, Index m) {
  MatrixXd hessian = MatrixXd::Zero(p * m, p * m);
  const Index whole = blocks.cols();
  Index row = 0;
  for (Index k = 0; k < m; ++k) {
    for (Index l = k; l < m; ++l, row += whole) {
      const auto block = blocks.block(row, 0, p, p);
      hessian.block(l * p, k * p, p, p) = MatrixXd(block.selfadjointView<Eigen::Upper>());
    }
  }
  return hessian;
}

// How much the sum over classes counts: W_k = u_k - mean(u) leaves I - 11'/K of the penalty.
double shared_part(const LogisticProblem& problem) {
  return problem.n_classes > 2 ? 1.0 / static_cast<double>(problem.n_classes) : 0.0;
}

// strength * (u - share of the row sums), which is both the gradient of the penalty at u and its
// Hessian times u.
Parameters penalty_times(const LogisticProblem& problem, const Parameters& u) {
  Parameters result = Parameters::Zero(u.rows(), u.cols());
  const double share = shared_part(problem);
  for (Index j = 0; j < problem.x.size(); ++j) {
    const double strength = problem.strength[at(j)];
    const double common = share * u.row(j).sum();
    for (Index k = 0; k < u.cols(); ++k) result(j, k) = strength * (u(j, k) - common);
  }
  return result;
}

double penalty_of(const LogisticProblem& problem, const Parameters& u) {
  return 0.5 * u.cwiseProduct(penalty_times(problem, u)).sum();
}

}  // namespace

LogisticValue evaluate(const LogisticProblem& problem, const Parameters& u, bool with_hessian) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Index size = part_size(problem, with_hessian ? p * m * p * m : 2 * p * m);
  Sums sums = sum_of_parts<Sums>(problem.x.rows, size, [&](Index begin, Index end) {
    return sum_rows(problem, u, with_hessian, begin, end);
  });
  LogisticValue value{sums.objective + penalty_of(problem, u),
                      sums.gradient + penalty_times(problem, u), std::move(sums.diagonal),
                      with_hessian ? assemble(sums.hessian, p, m) : MatrixXd()};
  const double share = shared_part(problem);
  for (Index j = 0; j < problem.x.size(); ++j) {
    const double strength = problem.strength[at(j)];
    for (Index k = 0; k < m; ++k) {
      if (!with_hessian) value.diagonal(j, k) += strength * (1.0 - share);
      for (Index l = k; with_hessian && l < m; ++l) {
        value.hessian(l * p + j, k * p + j) += strength * ((k == l ? 1.0 : 0.0) - share);
      }
    }
  }
  return value;
}

double objective_at(const LogisticProblem& problem, const Parameters& u) {
  return evaluate(problem, u, false).objective;
}

Parameters hessian_times(const LogisticProblem& problem, const Parameters& u, const Parameters& v) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Rows reader(problem);
  const Matrix coef = u.transpose();
  const Matrix step = v.transpose();
  const auto part = [&](Index begin, Index end) -> MatrixXd {
    Matrix Z(block_rows, p);
    Matrix scores(block_rows, m);
    Matrix along(block_rows, m);
    Probabilities prob(problem.n_classes);
    MatrixXd sum = MatrixXd::Zero(p, m);
    for (Index first = begin; first < end; first += block_rows) {
      const Index rows = std::min(block_rows, end - first);
      reader.read(first, rows, Z);
      find_scores(Z, rows, coef, scores);
      find_scores(Z, rows, step, along);
      prob.find(scores, rows);
      for (Index i = 0; i < rows; ++i) {
        double mean = 0.0;
        for (Index k = 0; k < m; ++k) mean += prob.of(i, k) * along(i, k);
        for (Index k = 0; k < m; ++k) {
          along(i, k) = problem.weights[first + i] * prob.of(i, k) * (along(i, k) - mean);
        }
      }
      sum.noalias() += Z.topRows(rows).transpose() * along.topRows(rows);
    }
    return sum;
  };
  return sum_of_parts<MatrixXd>(problem.x.rows, part_size(problem, p * m), part) +
         penalty_times(problem, v);
}

}  // namespace lathe
