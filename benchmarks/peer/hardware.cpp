#include "benchmarks/peer/hardware.h"

namespace lathe::bench {
namespace {

#if defined(__AVX512F__)
constexpr int lanes = 8;
constexpr int registers = 24;
#elif defined(__AVX__)
constexpr int lanes = 4;
constexpr int registers = 12;
#else
constexpr int lanes = 2;
constexpr int registers = 12;
#endif
typedef double Lanes __attribute__((vector_size(lanes * 8)));

}  // namespace

double multiply_adds(long rounds, double* sink) {
  Lanes total[registers];
  for (int r = 0; r < registers; ++r) total[r] = Lanes{} + 1e-3 * r;
  const Lanes factor = Lanes{} + 0.999999;
  const Lanes term = Lanes{} + 1e-6;
  for (long i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (int r = 0; r < registers; ++r) total[r] = total[r] * factor + term;
  }
  double all = 0.0;
  for (int r = 0; r < registers; ++r) {
    for (int l = 0; l < lanes; ++l) all += total[r][l];
  }
  *sink = all;
  return 2.0 * lanes * registers * static_cast<double>(rounds);
}

void triad(double* a, const double* b, const double* c, long n) {
#pragma GCC ivdep
  for (long i = 0; i < n; ++i) a[i] = b[i] + 3.0 * c[i];
}

double sum(const double* a, long n) {
  Lanes total[8] = {};
  for (long i = 0; i + 8 * lanes <= n; i += 8 * lanes) {
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
      Lanes x;
      __builtin_memcpy(&x, a + i + r * lanes, sizeof x);
      total[r] += x;
    }
  }
  double all = 0.0;
  for (int r = 0; r < 8; ++r) {
    for (int l = 0; l < lanes; ++l) all += total[r][l];
  }
  return all;
}

}  // namespace lathe::bench
