// What is wrong with a derivative? `diagnose` compares the Jacobian that an op's vjp stands for with the
// exact one and guesses the mistake that its author made. Start with the list of kinds.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <xgrad/autograd/shape.hpp>

namespace xgrad {

/// The mistakes that are told apart, in the order in which they are tried.
enum class Defect {
  not_finite,     ///< a derivative is NaN or infinite, or the value is NaN
  independent,    ///< the value does not depend on the argument at all, as far as its computation shows
  overwritten,    ///< a vjp replaces what is there, or what it has put there itself, instead of adding to it
  sign,           ///< derivatives have the wrong sign
  factor,         ///< derivatives are off by a factor; one near 1 is a rounded constant
  time_shift,     ///< the derivatives are those of the neighbour along an axis: one step off in time
  transpose,      ///< an operand, or the result, is transposed
  wrong_axis,     ///< the derivatives couple numbers along another axis
  broadcast_sum,  ///< only part of the copies of a broadcast argument send their gradient back
  missing_term,   ///< anything else: a term of the formula is missing or wrong
};

/// "wrong sign", "a term is missing or wrong", ...
std::string to_string(Defect defect);

/// Which derivatives a wrong sign or factor is in.
enum class Extent {
  all,
  some,        ///< the others are right, as if one branch alone had the mistake
  along_axis,  ///< all, by a factor of its own for each place along an axis of x or of the result
};

struct Diagnosis {
  Defect defect = Defect::missing_term;
  /// For Defect::factor: what the right derivatives were multiplied with; along an axis, the factor furthest
  /// from 1.
  double factor = 1;
  Extent extent = Extent::all;
};

/// The Jacobian dy/dx, row-major: one row per number of y, one column per number of x.
struct Jacobian {
  Shape y, x;
  std::vector<double> entries;

  double at(std::size_t i, std::size_t m) const { return entries[i * x.size() + m]; }
};

/// The likeliest defect of `tape`, given the `exact` Jacobian of the same shapes. They must differ.
Diagnosis diagnose(const Jacobian& tape, const Jacobian& exact);

/// The same for entries sampled from larger Jacobians: tells sign, factor and missing term.
Diagnosis diagnose(const std::vector<double>& tape, const std::vector<double>& exact);

}  // namespace xgrad
