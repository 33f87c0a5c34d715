// Lloyd's iterations over fixed blocks of rows. Internal to k-means.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lathe/ml/cluster/centre_bounds.h"
#include "lathe/ml/cluster/cluster_sums.h"
#include "lathe/ml/cluster/rounded_rows.h"
#include "lathe/ml/cluster/scored_centres.h"
#include "lathe/ml/cluster/training_rows.h"
#include "lathe/ml/core/types.h"

namespace lathe {

struct NearestCentre {
  Index index = 0;
  double squared_distance = 0.0;
};

// The centre nearest to the row x, the lower one of two whose squared distances differ by less than
// one part in 2^46. So it is 0 for rows so far away that all squares overflow: fits only take data
// that are 1e14 times closer together.
NearestCentre nearest_centre(const double* x, const Matrix& centres);

// A squared distance of more than nearby(d) times the least, plus tiny, is no near-tie, whatever
// the order in which d squares were added up, and in which some underflowed. All others are decided
// by nearest_centre(), so labels are its labels.
constexpr double nearby(Index d) { return 1.0 + 0x1p-45 + 0x1p-50 * static_cast<double>(d + 8); }
constexpr double tiny = 1e-290;

// Decimals such as 0.2, 0.3, 0.4 are equally far apart on paper but not as doubles: what differs by
// rounding alone is a tie.
constexpr double clearly_nearer = 1.0 - 0x1p-46;

// How rows find their centres; the labels are the same.
enum class Assignment {
  all_distances,  // each row against all centres
  bounds,         // the rows that the triangle inequality leaves in doubt (centre_bounds.h)
};

// Which takes less time, by vector operations for each row and iteration.
Assignment choose_assignment(const ClusterRows& rows, Index k);

struct LloydResult {
  Matrix centres;
  std::vector<std::int32_t> labels;  // nearest of these centres
  double inertia = 0.0;
  std::int64_t n_iter = 0;
  bool converged = false;
};

// Works on one data set from several starts; keeps its workspace between them.
class Lloyd {
 public:
  Lloyd(const ClusterRows& rows, Index k, Assignment assignment);

  // Stops after `max_iter` iterations, when the squared shift of the centres is at most
  // `tol` times the mean variance of the columns, or when no label changes.
  LloydResult run(Matrix centres, std::int64_t max_iter, double tol);

  // The same where the rows' ranges are guessed: the first assignment is the pass that measures
  // them. Nothing where they are not within the guess. For bounds only.
  std::optional<LloydResult> run(Matrix centres, std::int64_t max_iter, double tol,
                                 RowMoments& moments);

 private:
  struct Open;
  std::int32_t& label(Index row) { return labels_[static_cast<std::size_t>(row)]; }
  std::int32_t label(Index row) const { return labels_[static_cast<std::size_t>(row)]; }

  std::optional<LloydResult> iterate(Matrix centres, std::int64_t max_iter, double tol);
  bool assign(const Matrix& centres, const Matrix* before);  // whether a label changed
  double inertia(const Matrix& centres) const;
  bool assign_all(const Matrix& centres, Index begin, Index end, ClusterSums::Part& part);
  bool assign_bounded(const Matrix& centres, bool first, Index block, Index begin, Index end,
                      ClusterSums::Part& part);
  bool assign_open(const Open& open, Index n, const Matrix& centres, const kernels::KeptRows& kept,
                   double* work, ClusterSums::Part& part);
  void relabel(Index row, std::int32_t to, Changes& changes);
  double inertia_of(const Matrix& centres, Index begin, Index end) const;
  void move(Matrix& centres) const;  // to the means of their rows
  std::vector<Index> exact_means(Index k) const;
  std::vector<Index> find_equal(Index k) const;
  bool relocate_empty(const Matrix& centres);

  const ClusterRows& rows_;
  std::optional<CentreBounds> bounds_;
  std::optional<RoundedRows> rounded_;
  ScoredCentres scored_;
  ClusterSums sums_;
  RowMoments* moments_ = nullptr;  // while rows are measured
  std::vector<std::int32_t> labels_;
  // A row of each cluster whose rows are all equal, and so their mean, exactly; -1 of others.
  // Looked for once a cluster has been empty; nothing before.
  std::vector<Index> equal_;
};

}  // namespace lathe
