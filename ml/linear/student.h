// Student's t and Fisher's F distributions, by the incomplete beta function's continued fraction
// (NIST Digital Library of Mathematical Functions, 8.17.22). Nine digits at least up to 1e7 degrees
// of freedom, of small probabilities too.
// NaN where an argument is NaN or the degrees of freedom are not positive.
#pragma once

namespace lathe {

// I_x(a, b), with y = 1 - x given as such, so that x near 1 loses nothing; a, b > 0.
double incomplete_beta(double a, double b, double x, double y);

// The probability that |T| > |t|.
double student_two_sided(double t, double dof);

// The t below which T is with probability p in (0, 1).
double student_quantile(double p, double dof);

// The probability that F(dof1, dof2) > f.
double fisher_above(double f, double dof1, double dof2);

}  // namespace lathe
