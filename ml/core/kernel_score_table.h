// The nearest centres of rows by scores, |c|^2 / 2 - x.c, which order the centres as distances do
// and cost one multiply-add a number. In floats that is half the time, in whole numbers of 16 bits
// a quarter; the few rows that these leave in doubt are looked at again. Compiled once for each
// instruction level.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lathe::kernels {

// `tile` centres are scored at a time, as ScoreTable::tile says. Rows and centres are taken about
// `origin` and times `scale`, a power of two; all that follows is of those. k packed centres of d
// columns, and how far a score may be trusted: `error` times |x|^2 + |c|^2 is what it may be off,
// and `tie` times that is what nearest_centre() takes for a tie. Where `margin` lies between the
// two least scores of any row, its nearest centre is sure.
template <class Number>
struct ScoredTiles {
  const Number* packed;
  const double* origin;
  double scale;
  std::ptrdiff_t tile;
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
  // Centres that are scored at a time, of k.
  std::ptrdiff_t (*tile)(std::ptrdiff_t k);

  ScoreKernel<float> floats;
  ScoreKernel<double> doubles;
};

// The same in whole numbers of 16 bits. A number of a row is x * scale - q, with q a whole number,
// to the nearest; one of a centre that times `ratio`. Both are less than rough_reach in length, but
// for some rows where lengths are known of a sample alone: these are in doubt.
// Scores are whole numbers less than rough_infinite, which give up their low bits to say whose they
// are. One is off by error * (|x| + reach) + least_error at most, |x| as its whole numbers tell.
struct RoughTiles {
  const std::int32_t* packed;
  const double* shift;  // d: 1.5 * 2^52 - q
  double scale;
  double ratio;
  std::int32_t mask;    // of the low bits
  std::int32_t margin;  // twice what the score of a row of rough_reach is off
  std::ptrdiff_t tile;
  std::ptrdiff_t k;
  std::ptrdiff_t d;
  double error;  // of a row's length
  double reach;  // of the longest centre
  double least_error;
  bool sampled;  // rough_reach is that of a sample: rows may be longer
};
constexpr std::int32_t rough_infinite = 1 << 30;
constexpr double rough_reach = 22400.0;
// A score is at most |x| |c| + |c|^2 / 2 of whole numbers, and no centre is longer than twice the
// longest row may be.
static_assert(2.0 * rough_reach * rough_reach + 0x1p25 < rough_infinite);
// Rows that are longer are in doubt: lengths are sums of up to 2^15 floats, off by 2^-9 at most.
constexpr float rough_longest = 22300.0F;
static_assert(rough_longest * rough_longest * (1.0 + 0x1p-8) < rough_reach * rough_reach);
// The largest number of any row, these too: the squares of a pair do not run over.
constexpr double rough_largest = 32700.0;
static_assert(2.0 * (rough_largest + 1.0) * (rough_largest + 1.0) < 0x1p31);

// Room for the whole numbers of some blocks of rows, a pair of columns in a lane, and behind them
// the rows' squared lengths, from the start of a line of the cache on; `known` where they are there
// already, so that the rows are not read. Or none, if null.
struct KeptRows {
  std::int32_t* rows = nullptr;
  bool known = false;
};
constexpr std::ptrdiff_t kept_numbers(std::ptrdiff_t d) { return (d + 1) / 2 + 1; }  // of a row

struct RoughTable {
  std::ptrdiff_t (*packed_size)(std::ptrdiff_t k, std::ptrdiff_t d);
  std::ptrdiff_t (*work_size)(std::ptrdiff_t d);

  // norms: k squared lengths of centres, in numbers as rows have them.
  void (*pack)(const double* centres, const RoughTiles& tiles, const double* norms,
               std::int32_t* packed);

  // As ScoreKernel::nearest. Where two centres are in doubt, label and rival are these and the
  // second bound is that of all others; rival is -1 where none is, label where more are. The number
  // of rows in doubt.
  std::ptrdiff_t (*nearest)(const double* const* rows, std::ptrdiff_t n, std::ptrdiff_t ahead,
                            const RoughTiles& tiles, const KeptRows& kept, std::int32_t* work,
                            std::int32_t* label, std::int32_t* rival, double* bounds);
};

namespace baseline {
extern const ScoreTable score_table;
extern const RoughTable rough_table;
}  // namespace baseline
#ifdef LATHE_X86_LEVELS
namespace v3 {
extern const ScoreTable score_table;
extern const RoughTable rough_table;
}  // namespace v3
namespace v4 {
extern const ScoreTable score_table;
extern const RoughTable rough_table;
}  // namespace v4
namespace v4_vnni {
extern const RoughTable rough_table;
}
#endif

const ScoreTable& score_table();  // of the chosen level
const RoughTable& rough_table();

}  // namespace lathe::kernels
