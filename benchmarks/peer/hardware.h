// What this machine can do at most, measured: the bounds that a job's time is held against.
// Compiled for this very processor, so nothing is included here.
#pragma once

namespace lathe::bench {

// Fused multiply-adds of independent registers; returns how many operations (2 for each lane) and,
// in *sink, a number that depends on all of them.
double multiply_adds(long rounds, double* sink);

// a = b + 3 c over n doubles.
void triad(double* a, const double* b, const double* c, long n);

double sum(const double* a, long n);  // a pass that only reads

}  // namespace lathe::bench
