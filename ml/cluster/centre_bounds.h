// What is known of the distances of each row without computing them again: an upper bound to its
// own centre, and lower bounds to the others (Elkan 2003), one for each group of neighbouring
// centres (Yinyang k-means: Ding et al. 2015) where one for each centre would take more memory than
// a tenth of the rows themselves. A lower bound is a byte: whole steps of 1/127.5 of the data's
// standard deviation, so that 64 are tested at once; rounding is always to the safe side, so labels
// are those of all distances. Internal to k-means.
#pragma once

#include <cstdint>
#include <vector>

#include "lathe/ml/cluster/packed_centres.h"
#include "lathe/ml/cluster/training_rows.h"

namespace lathe {

class CentreBounds {
 public:
  CentreBounds(const ClusterRows& rows, Index k);

  // Room for one row's distances, for one thread.
  struct Work {
    explicit Work(Index k) : groups(size(k)), centres(size(k)), squared(size(k)) {}
    static std::size_t size(Index k) { return static_cast<std::size_t>(k); }

    Index n_groups = 0;
    std::vector<std::int32_t> groups;  // that may hold a nearer centre
    Index n_centres = 0;
    std::vector<std::int32_t> centres;  // theirs, without the row's own
    std::vector<double> squared;        // distances to those
  };

  // Before each assignment: the centres, and where they were before (none at a start).
  void move(const Matrix& centres, const Matrix* before);

  // The nearest of the centres to row i, which was in cluster `label`.
  std::int32_t nearest(Index i, std::int32_t label, const Matrix& centres, Work& work);
  // The same at a start, from all squared distances of row i.
  std::int32_t first(Index i, const double* squared, const Matrix& centres, Work& work);
  void forget(Index i);

 private:
  std::uint8_t* bounds(Index i) { return bounds_.data() + i * n_groups_; }
  void make_groups(const Matrix& centres);
  void find_halves(const Matrix& centres, Index begin, Index end);
  void list_centres(std::int32_t label, Work& work) const;
  std::int32_t settle(Index i, std::int32_t label, double own, const Matrix& centres,
                      const Work& work);
  void keep_bounds(Index i, std::int32_t before, std::int32_t label, double own, const Work& work);

  const ClusterRows& rows_;
  Index k_;
  Index group_size_;
  Index n_groups_;
  double scale_;                      // steps in a unit of distance
  std::vector<std::int32_t> order_;   // the centres, group by group
  std::vector<Index> group_of_;       // of each centre
  std::vector<std::uint8_t> bounds_;  // n x n_groups
  std::vector<float> upper_;          // n, in steps
  std::vector<std::uint8_t> halves_;  // k x n_groups: half the distance to the nearest of the group
  std::vector<std::uint8_t> drift_;   // n_groups: steps since the last assignment
  std::vector<double> travelled_;     // n_groups: steps since the start
  std::vector<float> moved_;          // k: steps since the last assignment
  PackedCentres packed_;
};

}  // namespace lathe
