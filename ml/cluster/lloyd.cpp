#include "lathe/ml/cluster/lloyd.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>
#include <utility>

#include "lathe/ml/core/kernels.h"
#include "lathe/ml/core/parallel.h"
#include "lathe/ml/core/scratch.h"

namespace lathe {
namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Rows that are looked at together, still in cache when they are added to the sums.
constexpr Index piece_rows = ScoredCentres::piece;
static_assert(piece_rows <= Changes::most);

// Whether a piece of which so many rows are open is scored at once where its rows are rounded.
bool whole_piece(Index open) { return 2 * open >= piece_rows; }

}  // namespace

// Rows that may change: those that are scored next and those after them.
struct Lloyd::Open {
  Index index[3 * piece_rows];
  const double* rows[3 * piece_rows];
  Index n = 0;

  void add(Index i, const double* row) {
    index[n] = i;
    rows[n++] = row;
  }
  void drop(Index first) {
    std::copy(index + first, index + n, index);
    std::copy(rows + first, rows + n, rows);
    n -= first;
  }
};

NearestCentre nearest_centre(const double* x, const Matrix& centres) {
  NearestCentre nearest{0, std::numeric_limits<double>::infinity()};
  for (Index j = 0; j < centres.rows(); ++j) {
    const double distance =
        kernels::squared_distance(x, centres.data() + j * centres.cols(), centres.cols());
    if (distance < nearest.squared_distance * clearly_nearer) nearest = {j, distance};
  }
  return nearest;
}

Assignment choose_assignment(const ClusterRows& rows, Index k) {
  if (rows.rows() < 4 * k || k < 3 || !(rows.total_variance > 0.0)) {
    return Assignment::all_distances;
  }
  // What bounds save grows with the columns, what their upkeep costs does not, and centres hardly
  // matter: bench_kmeans took 0.7 to 0.8 of the time with them at 48 columns, 0.55 to 0.95 beyond,
  // with 4 to 512 centres, about as long at 32, and 1.1 to 2 times as long below.
  return rows.cols() >= 40 ? Assignment::bounds : Assignment::all_distances;
}

Lloyd::Lloyd(const ClusterRows& rows, Index k, Assignment assignment)
    : rows_(rows),
      scored_(rows, k, assignment == Assignment::bounds),
      sums_(rows, k),
      labels_(static_cast<std::size_t>(rows.rows())) {
  if (assignment != Assignment::bounds) return;
  bounds_.emplace(rows, k);
  rounded_.emplace(rows);
}

LloydResult Lloyd::run(Matrix centres, std::int64_t max_iter, double tol) {
  return *iterate(std::move(centres), max_iter, tol);
}

std::optional<LloydResult> Lloyd::run(Matrix centres, std::int64_t max_iter, double tol,
                                      RowMoments& moments) {
  moments_ = &moments;
  return iterate(std::move(centres), max_iter, tol);
}

std::optional<LloydResult> Lloyd::iterate(Matrix centres, std::int64_t max_iter, double tol) {
  std::fill(labels_.begin(), labels_.end(), -1);
  sums_.clear();
  equal_.clear();
  LloydResult result;
  Matrix before;
  while (result.n_iter < max_iter && !result.converged) {
    ++result.n_iter;
    const bool changed = assign(centres, before.size() > 0 ? &before : nullptr);
    if (RowMoments* measured = std::exchange(moments_, nullptr)) {
      if (measured->astray()) return std::nullopt;
      measured->tell();
    }
    before = centres;
    const bool relocated = relocate_empty(centres);
    move(centres);
    const double shift = (centres - before).squaredNorm();
    const double variance = rows_.total_variance / static_cast<double>(rows_.cols());
    result.converged = (!changed && !relocated) || shift <= tol * variance;
  }

  // Labels and inertia of the centres as they are now, so that the labels are what predict() says.
  if (centres != before) assign(centres, &before);
  result.inertia = inertia(centres);
  result.centres = std::move(centres);
  result.labels = labels_;
  return result;
}

bool Lloyd::assign(const Matrix& centres, const Matrix* before) {
  // A start begins with rows that have no label; from then on all have one.
  const bool first = before == nullptr;
  if (bounds_) bounds_->move(centres, before);
  if (scored_.pack(centres) && rounded_) rounded_->forget();
  std::atomic<bool> changed{false};
  parallel_blocks(rows_.rows(), rows_.block_rows, [&](Index block, Index begin, Index end) {
    ClusterSums::Part part(sums_);
    const bool here = bounds_ ? assign_bounded(centres, first, block, begin, end, part)
                              : assign_all(centres, begin, end, part);
    if (here) changed.store(true, std::memory_order_relaxed);
  });
  sums_.merge();
  return changed.load();
}

void Lloyd::relabel(Index row, std::int32_t to, Changes& changes) {
  if (label(row) == to) return;
  changes.add(row, label(row), to);
  label(row) = to;
}

bool Lloyd::assign_all(const Matrix& centres, Index begin, Index end, ClusterSums::Part& part) {
  Scratch work(1, scored_.work_size());
  const double* rows[2 * piece_rows] = {};
  std::int32_t found[piece_rows];
  const bool fetch = rows_.cols() >= 64;  // shorter rows come by themselves
  bool changed = false;
  for (Index i = begin; i < end; i += piece_rows) {
    const Index n = std::min(piece_rows, end - i);
    const Index ahead = fetch ? std::min(piece_rows, end - i - n) : 0;
    for (Index r = 0; r < n + ahead; ++r) rows[r] = rows_.row(i + r);
    scored_.nearest(rows, n, ahead, work.matrix().data(), found);
    if (label(i) >= 0 && std::equal(found, found + n, &label(i))) continue;
    Changes changes;
    for (Index r = 0; r < n; ++r) {
      std::int32_t to = found[r];
      if (to < 0) to = static_cast<std::int32_t>(nearest_centre(rows[r], centres).index);
      relabel(i + r, to, changes);
    }
    part.change(changes);
    changed |= changes.n > 0;
  }
  return changed;
}

bool Lloyd::assign_bounded(const Matrix& centres, bool first, Index block, Index begin, Index end,
                           ClusterSums::Part& part) {
  Scratch scratch(1, scored_.work_size());
  double* work = scratch.matrix().data();
  Open open;
  const auto assign_gathered = [&] {
    const Index n = std::min(piece_rows, open.n);
    const bool changed = assign_open(open, n, centres, {}, work, part);
    open.drop(n);
    return changed;
  };
  bool changed = false;
  for (Index i = begin; i < end; i += piece_rows) {
    const Index n = std::min(piece_rows, end - i);
    if (moments_ != nullptr && !moments_->add_guessed(block, i, i + n)) return false;
    Index here[piece_rows];
    std::iota(here, here + n, i);
    const Index found = first ? n : bounds_->find_open(i, n, &label(i), centres, here);
    const kernels::KeptRows kept = scored_.rough() ? rounded_->at(i) : kernels::KeptRows{};
    if (kept.rows != nullptr && (found == n || (kept.known && whole_piece(found)))) {
      Open piece;
      const Index read = kept.known ? n : std::min(2 * piece_rows, rows_.rows() - i);
      for (Index r = 0; r < read; ++r) piece.add(i + r, rows_.row(i + r));
      changed |= assign_open(piece, n, centres, kept, work, part);
      rounded_->set_known(i);
    } else {
      for (Index r = 0; r < found; ++r) open.add(here[r], rows_.row(here[r]));
      if (open.n >= 2 * piece_rows) changed |= assign_gathered();
    }
  }
  while (open.n > 0) changed |= assign_gathered();
  return changed;
}

// The first n of them. Those after them are fetched from memory meanwhile.
bool Lloyd::assign_open(const Open& open, Index n, const Matrix& centres,
                        const kernels::KeptRows& kept, double* work, ClusterSums::Part& part) {
  std::int32_t found[piece_rows];
  double bounds[2 * piece_rows];
  // At first all rows go into sums, which has time for more of memory than a few centres' scores:
  // an assignment of 20000 x 784 with k = 10 went from 10.6 ms to 9.1. With a quarter of them
  // fetched before, a fit from 15.0 to 14.8.
  const bool first = label(open.index[0]) < 0;
  const Index ahead = std::min(open.n - n, piece_rows);
  scored_.nearest(open.rows, n, first ? ahead / 4 : ahead, work, found, bounds, kept);
  Changes changes;
  if (first && ahead > 0) changes.ahead = n;
  for (Index r = 0; r < n; ++r) {
    const Index i = open.index[r];
    if (found[r] < 0) {
      found[r] = static_cast<std::int32_t>(nearest_centre(open.rows[r], centres).index);
      bounds_->forget(i);
    } else {
      bounds_->keep(i, bounds[2 * r], bounds[2 * r + 1]);
    }
    relabel(i, found[r], changes);
  }
  part.change(changes);
  return changes.n > 0;
}

double Lloyd::inertia(const Matrix& centres) const {
  if (const std::optional<double> known = sums_.inertia(centres)) return *known;
  std::vector<double> of_block(
      static_cast<std::size_t>((rows_.rows() + rows_.block_rows - 1) / rows_.block_rows));
  parallel_blocks(rows_.rows(), rows_.block_rows, [&](Index block, Index begin, Index end) {
    of_block[static_cast<std::size_t>(block)] = inertia_of(centres, begin, end);
  });
  return std::accumulate(of_block.begin(), of_block.end(), 0.0);
}

double Lloyd::inertia_of(const Matrix& centres, Index begin, Index end) const {
  double inertia = 0.0;
  for (Index i = begin; i < end; ++i) {
    const double w = rows_.weight_of(i);
    if (w == 0.0) continue;  // a row without weight must not add 0 * inf
    const double* centre = centres.data() + label(i) * centres.cols();
    inertia += w * kernels::squared_distance(rows_.row(i), centre, centres.cols());
  }
  return inertia;
}

void Lloyd::move(Matrix& centres) const {
  const std::vector<Index> exact = exact_means(centres.rows());
  for (Index j = 0; j < centres.rows(); ++j) {
    if (const Index row = exact[at(j)]; row >= 0) {
      centres.row(j) = rows_.X.row(row);
    } else if (!sums_.empty(j)) {
      centres.row(j) = sums_.mean(j, labels_);
    }
  }
}

// A row of each cluster that is its mean, as far as that is known; else -1. With weights the mean
// of one row is rounded.
std::vector<Index> Lloyd::exact_means(Index k) const {
  std::vector<Index> rows = equal_;
  rows.resize(at(k), -1);
  for (Index i = 0; i < rows_.rows() && !rows_.weight.empty(); ++i) {
    if (rows_.weight_of(i) != 0.0 && sums_.has_one_row(label(i))) rows[at(label(i))] = i;
  }
  return rows;
}

// A row of each cluster whose rows are all equal; -1 where they differ or there are none.
std::vector<Index> Lloyd::find_equal(Index k) const {
  std::vector<Index> first(static_cast<std::size_t>(k), -1);
  std::vector<bool> differ(static_cast<std::size_t>(k), false);
  for (Index i = 0; i < rows_.rows(); ++i) {
    if (rows_.weight_of(i) == 0.0) continue;
    const auto c = static_cast<std::size_t>(label(i));
    if (first[c] < 0) first[c] = i;
    if (differ[c]) continue;
    differ[c] = !std::equal(rows_.row(i), rows_.row(i) + rows_.cols(), rows_.row(first[c]));
  }
  for (std::size_t c = 0; c < first.size(); ++c) {
    if (differ[c]) first[c] = -1;
  }
  return first;
}

// Rows of a cluster in which all are equal are not taken from it: what lies between them and their
// mean is rounding, and clusters would change for its sake without end.
bool Lloyd::relocate_empty(const Matrix& centres) {
  std::vector<Index> empty;
  for (Index j = 0; j < centres.rows(); ++j) {
    if (sums_.empty(j)) empty.push_back(j);
  }
  if (empty.empty() && equal_.empty()) return false;
  equal_ = find_equal(centres.rows());
  if (empty.empty()) return false;

  // Minus the distance, so that ascending is farthest first.
  std::vector<std::pair<double, Index>> far;
  std::vector<Index> rows_left(static_cast<std::size_t>(centres.rows()), 0);
  for (Index i = 0; i < rows_.rows(); ++i) {
    const auto c = static_cast<std::size_t>(label(i));
    if (rows_.weight_of(i) == 0.0 || equal_[c] >= 0) continue;
    ++rows_left[c];
    const double* centre = centres.data() + label(i) * centres.cols();
    const double distance = kernels::squared_distance(rows_.row(i), centre, centres.cols());
    if (distance > 0.0) far.emplace_back(-distance, i);
  }
  std::sort(far.begin(), far.end());

  bool relocated = false;
  auto next = far.begin();
  for (const Index j : empty) {
    const auto lone = [&](const auto& candidate) {
      return rows_left[static_cast<std::size_t>(label(candidate.second))] == 1;
    };
    next = std::find_if_not(next, far.end(), lone);
    if (next == far.end()) break;
    const Index row = next->second;
    --rows_left[static_cast<std::size_t>(label(row))];
    Changes changes;
    relabel(row, static_cast<std::int32_t>(j), changes);
    sums_.change(changes);
    if (bounds_) bounds_->forget(row);
    relocated = true;
    ++next;
  }
  if (relocated) equal_ = find_equal(centres.rows());  // the rows that are left may be equal
  return relocated;
}

}  // namespace lathe
