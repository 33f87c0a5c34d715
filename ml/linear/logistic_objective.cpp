#include "lathe/ml/linear/logistic_objective.h"

#include <algorithm>
#include <cmath>

#include "lathe/ml/core/kernel_logistic.h"
#include "lathe/ml/core/kernel_tiles.h"
#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/large_memory.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/linear/logistic_rows.h"

namespace lathe {
namespace {

using Eigen::MatrixXd;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Work of one part of the rows; parts are few where what they hold is large: 8 MiB in all.
Index part_size(const LogisticProblem& problem, Index numbers) {
  constexpr Index budget = Index{1} << 20;
  const Index parts = std::clamp<Index>(budget / std::max<Index>(1, numbers), 2, 16);
  return std::max<Index>(logistic_block, (problem.x.rows + parts - 1) / parts);
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
  MatrixXd diagonal;
  Matrix hessian;  // blocks of pairs of scores k <= l, as WeightedGram keeps them

  Sums& operator+=(const Sums& other) {
    objective += other.objective;
    gradient += other.gradient;
    diagonal += other.diagonal;
    hessian += other.hessian;
    return *this;
  }
};

// scores = Z u of the first rows.
void find_scores(const Matrix& Z, Index rows, const Matrix& coef, Matrix& scores) {
  kernels::affine(Z.topRows(rows), coef, Vector::Zero(coef.rows()), scores.topRows(rows));
}

// Adds up products of blocks of rows by packed tiles (ml/core/kernel_tiles.h).
class BlockProducts {
 public:
  // Z's columns are as many as `scale` has numbers, and times those.
  explicit BlockProducts(const Eigen::VectorXd& scale)
      : cols_(scale.size()),
        whole_(whole_steps(cols_)),
        none_(at(whole_), 0.0),
        scale_(at(whole_), 0.0),
        packed_(logistic_block, whole_) {
    std::copy(scale.begin(), scale.end(), scale_.begin());
  }

  static Index whole_steps(Index cols) {
    const Index step = kernels::tile_table().step;
    return (cols + step - 1) / step * step;
  }
  Index whole() const { return whole_; }

  // Z' diag(root^2) Z: the part on and above the diagonal of `whole` x `whole` numbers from `sum`
  // on.
  void add_square(const Matrix& Z, Index rows, const Vector& root, bool subtract, double* sum) {
    pack(Z, rows, root.data());
    for (Index j = 0; j * table_.panel < whole_; ++j) {
      table_.cross(packed_.data(), logistic_block, whole_, 0, j + 1, packed_.data(), logistic_block,
                   whole_, j, rows, true, subtract, sum, whole_);
    }
  }

  // Z'Y: `whole` x `other.whole()` numbers from `sum` on. `other` packs Y.
  void add_product(const Matrix& Z, const Matrix& Y, Index rows, BlockProducts& other,
                   double* sum) {
    pack(Z, rows, nullptr);
    other.pack(Y, rows, nullptr);
    const Index panels = (whole_ + table_.panel - 1) / table_.panel;
    for (Index j = 0; j * table_.panel < other.whole_; ++j) {
      table_.cross(packed_.data(), logistic_block, whole_, 0, panels, other.packed_.data(),
                   logistic_block, other.whole_, j, rows, false, false, sum, other.whole_);
    }
  }

 private:
  void pack(const Matrix& Z, Index rows, const double* root) {
    kernels::PackSource from{};
    from.X = Z.data();
    from.x_stride = Z.cols();
    from.x_cols = cols_;
    from.x_end = Z.data() + Z.size();
    from.shift = none_.data();
    from.x_scale = scale_.data();
    from.y_scale = none_.data();
    from.root = root;
    table_.pack(from, 0, rows, whole_, packed_.data(), logistic_block);
  }

  const kernels::TileTable& table_ = kernels::tile_table();
  Index cols_;
  Index whole_;
  std::vector<double> none_;
  std::vector<double> scale_;
  Matrix packed_;
};

// What rows as they are read are multiplied by for the scores.
Matrix score_coef(const LogisticRows& reader, const Parameters& u) {
  return (reader.scale().asDiagonal() * u).transpose();
}

Sums sum_rows(const LogisticProblem& problem, const Parameters& u, Curvature curvature, Index begin,
              Index end) {
  const bool with_hessian = curvature == Curvature::hessian;
  const bool with_curve = curvature != Curvature::none;
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const LogisticRows reader(problem);
  const Matrix coef = score_coef(reader, u);
  Matrix Z = reader.block();
  Matrix scores(logistic_block, m);
  Matrix residual(logistic_block, m);
  Matrix curve(logistic_block, m);
  Vector root(logistic_block);
  RowProbabilities prob(problem.n_classes);
  BlockProducts of_rows(reader.scale());
  BlockProducts of_scores(Eigen::VectorXd::Ones(m));
  const Index whole = of_rows.whole();
  Matrix gradient = Matrix::Zero(whole, of_scores.whole());
  Sums sums;
  if (curvature == Curvature::diagonal) sums.diagonal = MatrixXd::Zero(p, m);
  if (with_hessian) {
    sums.hessian = large_matrix(m * (m + 1) / 2 * whole, whole);
    sums.hessian.setZero();
  }
  LogSum loss;

  for (Index first = begin; first < end; first += logistic_block) {
    const Index rows = std::min(logistic_block, end - first);
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
        if (with_curve) curve(i, k) = weight * prob.of(i, k) * prob.rest(i, k);
      }
    }
    of_rows.add_product(Z, residual, rows, of_scores, gradient.data());
    if (curvature == Curvature::diagonal) {
      sums.diagonal.noalias() += Z.topRows(rows).cwiseAbs2().transpose() * curve.topRows(rows);
    }
    if (!with_hessian) continue;
    double* block = sums.hessian.data();
    for (Index k = 0; k < m; ++k) {
      for (Index l = k; l < m; ++l, block += whole * whole) {
        for (Index i = 0; i < rows; ++i) {
          const double square =
              k == l ? curve(i, k) : problem.weights[first + i] * prob.of(i, k) * prob.of(i, l);
          root[i] = std::sqrt(square);
        }
        of_rows.add_square(Z, rows, root, k != l, block);
      }
    }
  }
  sums.objective += loss.total();
  sums.gradient = gradient.topLeftCorner(p, m);
  if (curvature == Curvature::diagonal) {
    sums.diagonal = reader.scale().cwiseAbs2().asDiagonal() * sums.diagonal;
  }
  return sums;
}

// Columns and coefficients of a binary problem as the kernel reads them.
class BinaryRows {
 public:
  BinaryRows(const LogisticProblem& problem, const Parameters& u)
      : problem_(problem),
        scale_(at(size(problem)), 0.0),
        shift_(at(size(problem)), 0.0),
        coef_(at(size(problem)), 0.0),
        none_(at(size(problem)), 0.0) {
    const ScaledColumns& x = problem.x;
    for (std::size_t j = 0; j < x.index.size(); ++j) {
      scale_[j] = x.scale[j];
      shift_[j] = x.mean[j].hi;
      coef_[j] = u(static_cast<Index>(j), 0);
    }
    if (problem.intercept) {
      shift_[x.index.size()] = -1.0;  // what packing makes a column of ones
      intercept_ = u(x.size(), 0);
    }
  }

  // Whether the kernels read this problem: of two classes, its columns side by side.
  static bool can_read(const LogisticProblem& problem) {
    const std::vector<Index>& index = problem.x.index;
    return problem.n_classes == 2 && !index.empty() &&
           index.back() - index.front() + 1 == problem.x.size();
  }

  // Of packed columns.
  static Index size(const LogisticProblem& problem) {
    return BlockProducts::whole_steps(problem.n_parameters());
  }

  kernels::LogisticRows rows(Index first) const {
    const ScaledColumns& x = problem_.x;
    const std::vector<double>& weight = problem_.weights.weight;
    return {row(first),
            x.stride,
            x.size(),
            row(x.rows - 1) + x.size(),
            scale_.data(),
            shift_.data(),
            coef_.data(),
            intercept_,
            problem_.label.data() + first,
            weight.empty() ? nullptr : weight.data() + first};
  }

  kernels::PackSource packed(Index first, const double* root) const {
    const ScaledColumns& x = problem_.x;
    kernels::PackSource from{};
    from.X = row(first);
    from.x_stride = x.stride;
    from.x_cols = x.size();
    from.x_end = row(x.rows - 1) + x.size();
    from.shift = shift_.data();
    from.x_scale = scale_.data();
    from.y_scale = none_.data();
    from.root = root;
    return from;
  }

  const double* row(Index i) const {
    return problem_.x.data + i * problem_.x.stride + problem_.x.index.front();
  }

 private:
  const LogisticProblem& problem_;
  std::vector<double> scale_;
  std::vector<double> shift_;
  std::vector<double> coef_;
  std::vector<double> none_;
  double intercept_ = 0.0;
};

// As sum_rows, by kernels that read rows where they are.
Sums sum_binary_rows(const LogisticProblem& problem, const BinaryRows& reader, bool with_hessian,
                     Index begin, Index end) {
  const kernels::TileTable& tiles = kernels::tile_table();
  const Index whole = BinaryRows::size(problem);
  Vector gradient = Vector::Zero(whole);
  Vector odds(problem.weights.weight.empty() ? 0 : logistic_block);
  Vector root(logistic_block);
  Matrix packed(with_hessian ? logistic_block : 0, whole);
  kernels::LogisticSums found{};
  found.gradient = gradient.data();
  found.odds = odds.data();
  found.root = with_hessian ? root.data() : nullptr;
  Sums sums;
  if (with_hessian) sums.hessian = Matrix::Zero(whole, whole);
  LogSum loss;
  for (Index first = begin; first < end; first += logistic_block) {
    const Index rows = std::min(logistic_block, end - first);
    found.product = 0.0;
    kernels::logistic_table().add(reader.rows(first), rows, found);
    loss.add(1.0, found.product);
    for (Index i = 0; i < rows && odds.size() > 0; ++i) {
      loss.add(problem.weights.weight[at(first + i)], odds[i]);
    }
    if (!with_hessian) continue;
    tiles.pack(reader.packed(first, root.data()), 0, rows, whole, packed.data(), logistic_block);
    const bool adjacent = problem.x.stride < 2 * problem.x.cols;
    const Index ahead = adjacent ? std::min(logistic_block, end - first - rows) : 0;
    tiles.triangle(packed.data(), logistic_block, whole, rows, sums.hessian.data(),
                   reader.row(first + rows), ahead * problem.x.stride);
  }
  sums.objective = found.outside + loss.total();
  const Index d = problem.x.size();
  sums.gradient = MatrixXd::Zero(problem.n_parameters(), 1);
  sums.gradient.topRows(d) = gradient.head(d);
  if (problem.intercept) sums.gradient(d, 0) = found.residual;
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

double penalty_of(const LogisticProblem& problem, const Parameters& u) {
  return 0.5 * u.cwiseProduct(penalty_times(problem, u)).sum();
}

}  // namespace

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

LogisticValue evaluate(const LogisticProblem& problem, const Parameters& u, Curvature curvature) {
  const bool with_hessian = curvature == Curvature::hessian;
  const bool with_diagonal = curvature == Curvature::diagonal;
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const Index size = part_size(problem, with_hessian ? p * m * p * m : 2 * p * m);
  Sums sums;
  if (BinaryRows::can_read(problem) && !with_diagonal) {
    const BinaryRows reader(problem, u);
    sums = sum_of_parts<Sums>(problem.x.rows, size, [&](Index begin, Index end) {
      return sum_binary_rows(problem, reader, with_hessian, begin, end);
    });
  } else {
    sums = sum_of_parts<Sums>(problem.x.rows, size, [&](Index begin, Index end) {
      return sum_rows(problem, u, curvature, begin, end);
    });
  }
  LogisticValue value{sums.objective + penalty_of(problem, u),
                      sums.gradient + penalty_times(problem, u), std::move(sums.diagonal),
                      with_hessian ? assemble(sums.hessian, p, m) : MatrixXd()};
  const double share = shared_part(problem);
  for (Index j = 0; j < problem.x.size(); ++j) {
    const double strength = problem.strength[at(j)];
    for (Index k = 0; k < m; ++k) {
      if (with_diagonal) value.diagonal(j, k) += strength * (1.0 - share);
      for (Index l = k; with_hessian && l < m; ++l) {
        value.hessian(l * p + j, k * p + j) += strength * ((k == l ? 1.0 : 0.0) - share);
      }
    }
  }
  return value;
}

double objective_at(const LogisticProblem& problem, const Parameters& u) {
  return evaluate(problem, u, Curvature::none).objective;
}

Parameters hessian_times(const LogisticProblem& problem, const Parameters& u, const Parameters& v) {
  const Index p = problem.n_parameters();
  const Index m = problem.n_scores();
  const LogisticRows reader(problem);
  const Matrix coef = score_coef(reader, u);
  const Matrix step = score_coef(reader, v);
  const auto part = [&](Index begin, Index end) -> MatrixXd {
    Matrix Z = reader.block();
    Matrix scores(logistic_block, m);
    Matrix along(logistic_block, m);
    RowProbabilities prob(problem.n_classes);
    BlockProducts of_rows(reader.scale());
    BlockProducts of_scores(Eigen::VectorXd::Ones(m));
    Matrix sum = Matrix::Zero(of_rows.whole(), of_scores.whole());
    for (Index first = begin; first < end; first += logistic_block) {
      const Index rows = std::min(logistic_block, end - first);
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
      of_rows.add_product(Z, along, rows, of_scores, sum.data());
    }
    return sum.topLeftCorner(p, m);
  };
  return sum_of_parts<MatrixXd>(problem.x.rows, part_size(problem, p * m), part) +
         penalty_times(problem, v);
}

}  // namespace lathe
