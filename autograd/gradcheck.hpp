// gradcheck: is the gradient of a whole function right? The function builds its model from a Parameters and
// returns a variable; every number of every parameter and input it declares is compared with 6-point central
// differences in double.
//
//   CHECK(gradcheck([](auto p) {                       // p: Parameters<double>
//     Mgu cell(p, 3, 4);
//     auto xs = p.input("xs", {5, 2, 3}), h0 = p.input("h0", {2, 4});
//     return sum(square(unroll(cell, xs, h0).ys));
//   }));
//
// The function is generic in the scalar and must be repeatable: the same values give the same result, to the
// bit.
#pragma once

#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// The values at which a function is checked: those of an existing model, by path. What the function declares beyond
/// them (its inputs) is drawn.
struct GradcheckValues {
  std::map<std::string, Array<double>> by_path;

  GradcheckValues() = default;
  template <class T>
  GradcheckValues(
      const Parameters<T>& parameters)  // NOLINT(google-explicit-constructor): {.values = parameters}
      : by_path(parameters.values()) {}
};

struct GradcheckOptions {
  GradcheckValues values{};  ///< to check a model as it is: {.values = parameters}
  std::uint32_t seed = 0;    ///< of the values that are drawn and of the random cotangent
  double step = 3e-3;        ///< h of the difference formula; stay 3 h away from kinks and poles
  double tolerance = 1e-10;  ///< on |difference| / max(largest derivative of the parameter, 0.01 max(1, |f|))
};

/// One number whose two derivatives disagree.
struct GradcheckFailure {
  std::string path;         ///< of the parameter or input
  Shape shape;              ///< of that parameter
  std::size_t index;        ///< the number's place in it, row-major
  double tape, difference;  ///< the derivative by the tape, and by central differences
};

/// The verdict; true in a condition if every derivative agrees. Prints as text.
struct GradcheckReport {
  std::vector<GradcheckFailure> failures;  ///< of each wrong parameter the worst number
  std::size_t compared = 0;                ///< how many numbers were compared
  double worst = 0;                        ///< the largest error, in units of the tolerance
  bool all_zero = false;                   ///< every derivative was zero: right, but the check says little

  explicit operator bool() const { return failures.empty(); }
};

std::string to_string(const GradcheckReport& report);
std::ostream& operator<<(std::ostream& out, const GradcheckReport& report);

/// The check itself, for a function of Parameters<double>. An output that is not a single number is
/// multiplied with a random cotangent. Throws Error if the function is not repeatable, declares nothing, or
/// depends on nothing it declares.
GradcheckReport gradcheck_double(const std::function<Variable<double>(Parameters<double>)>& f,
                                 const GradcheckOptions& options = {});

/// The same for a function generic in its Parameters.
template <class F>
GradcheckReport gradcheck(F f, const GradcheckOptions& options = {}) {
  return gradcheck_double([&f](const Parameters<double>& p) { return Variable<double>(f(p)); }, options);
}

}  // namespace xgrad
