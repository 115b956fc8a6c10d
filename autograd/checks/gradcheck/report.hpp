// What gradcheck found: a report that is a struct for programs and prints as text for people. A wrong
// derivative comes with a guess at the mistake: start with the list of kinds. The guess is made by
// `diagnose`, which compares the Jacobian that a vjp stands for with the exact one (defect.cpp).
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
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

/// A wrong derivative: of an op, or, with an empty `op`, of the whole function.
struct GradcheckFailure {
  std::string op{};                        ///< the name given to record(), "" for the whole function
  std::size_t instance = 0;                ///< which op of the run it is, counted from 1 in execution order
  std::size_t argument = 0;                ///< which input of the op, counted from 0
  std::string path{};                      ///< of the parameter or input, where the argument is one
  std::optional<std::size_t> time_step{};  ///< where the op was recorded in one
  Shape shape{};                           ///< of the argument
  std::size_t index = 0;                   ///< the worst element, row-major in `shape`
  Shape output_shape{};                    ///< of the op's result
  std::size_t output_index = 0;            ///< the element of the result whose derivative is wrong there
  double tape = 0, exact = 0;              ///< that derivative by the vjp, and as it should be
  Diagnosis diagnosis{};                   ///< a guess at the mistake
  std::size_t repeats = 0;                 ///< how many more instances of this op fail
};

/// A value at which the derivative is a convention, because the two sides have different slopes.
struct GradcheckKink {
  std::string op;            ///< "" where only the whole function is known
  std::size_t instance = 0;  ///< as in GradcheckFailure
  std::optional<std::size_t> time_step;
  std::size_t count = 0;  ///< how many of the op's numbers stand at a kink
};

/// The verdict; true in a condition if nothing is wrong.
struct GradcheckReport {
  std::vector<GradcheckFailure> failures;
  std::vector<GradcheckKink> kinks;  ///< not failures, but not proved either
  std::size_t ops = 0;               ///< how many recorded ops were judged one by one
  std::size_t saturated = 0;         ///< of these, how many were so flat that rounding hides their derivative
  std::size_t compared = 0;          ///< how many single derivatives of the whole function were compared
  double worst = 0;                  ///< the largest error, in units of its tolerance
  bool all_zero = false;             ///< the function is constant there: right, but the check says little

  explicit operator bool() const { return failures.empty(); }
};

std::string to_string(const GradcheckReport& report);
std::ostream& operator<<(std::ostream& out, const GradcheckReport& report);

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
