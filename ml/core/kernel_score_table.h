// The nearest centres of rows by scores, |c|^2 / 2 - x.c, which order the centres as distances do
// and cost one multiply-add a number. In floats that is half the time, and the few rows that floats
// leave in doubt are scored again in doubles. Compiled once for each instruction level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::kernels {

// Rows and centres are taken about `origin` and times `scale`, a power of two; all that follows is
// of those. k packed centres of d columns, and how far a score may be trusted: `error` times
// |x|^2 + |c|^2 is what it may be off, and `tie` times that is what nearest_centre() takes for a
// tie. Where `margin` lies between the two least scores of any row, its nearest centre is sure.
template <class Number>
struct ScoredTiles {
  const Number* packed;
  const double* origin;
  double scale;
  std::ptrdiff_t k;
  std::ptrdiff_t d;
  const double* norms;  // k, squared
  double error;
  double tie;
  double tiny;
  double margin;
};

template <class Number>
struct ScoreKernel {
  // Numbers of packed centres, and of the workspace of nearest().
  std::ptrdiff_t (*packed_size)(std::ptrdiff_t k, std::ptrdiff_t d);
  std::ptrdiff_t (*work_size)(std::ptrdiff_t d);

  // centres: k x d. Scores are less by what their centre's norm makes them uncertain.
  void (*pack)(const double* centres, const ScoredTiles<Number>& tiles, Number* packed,
               double* norms);

  // label[i]: the nearest centre of rows[i], -1 where in doubt. bounds (or null): n x 2, at least
  // the squared distance to the centre of the least score, and at most those to all others. After
  // the n rows, `ahead` more that will be asked for next are fetched from memory.
  void (*nearest)(const double* const* rows, std::ptrdiff_t n, std::ptrdiff_t ahead,
                  const ScoredTiles<Number>& tiles, Number* work, std::int32_t* label,
                  double* bounds);
};

struct ScoreTable {
  ScoreKernel<float> floats;
  ScoreKernel<double> doubles;
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
