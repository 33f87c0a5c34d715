// The nearest centres of rows by scores, |c|^2 / 2 - x.c, which order the centres as distances do
// and cost one multiply-add a number. Compiled once for each instruction level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::kernels {

// k packed centres of d columns, and how far a score may be trusted. Rows and centres are taken
// about `origin` (null: about 0). Where the two least scores of a row x differ by no more than
// share * (|x|^2 + largest) + tiny, its nearest centre is in doubt; margin: an upper bound of that
// for all rows.
struct ScoredTiles {
  const double* packed;
  const double* origin;
  std::ptrdiff_t k;
  std::ptrdiff_t d;
  double largest;  // squared norm of a centre
  double share;
  double tiny;
  double margin;
};

struct ScoreTable {
  // Numbers of packed centres, and of the workspace of nearest().
  std::ptrdiff_t (*packed_size)(std::ptrdiff_t k, std::ptrdiff_t d);
  std::ptrdiff_t (*work_size)(std::ptrdiff_t d);

  // The largest squared norm of a centre about the origin. centres: k x d.
  double (*pack)(const double* centres, std::ptrdiff_t k, std::ptrdiff_t d, const double* origin,
                 double* packed);

  // label[i]: the nearest centre of rows[i], -1 where in doubt. bounds (or null): n x 2, at least
  // the squared distance to the centre of the least score, and at most those to all others.
  void (*nearest)(const double* const* rows, std::ptrdiff_t n, const ScoredTiles& centres,
                  double* work, std::int32_t* label, double* bounds);
};

namespace baseline {
extern const ScoreTable score_table;
}
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const ScoreTable score_table;
}
namespace v4 {
extern const ScoreTable score_table;
}
#endif

const ScoreTable& score_table();  // of the chosen level

}  // namespace lathe::kernels
