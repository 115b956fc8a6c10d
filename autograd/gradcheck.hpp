// gradcheck: is the gradient of a function right? The function builds its model from a Parameters and returns
// a variable. It is proved three times over:
//
//   - op by op: each op it records is judged by itself, and a wrong one is named with its argument, element
//     and time step (gradcheck/op_proof.hpp);
//   - as a whole: its gradient, by the tape as it runs in training, against the exact derivative along a
//     random direction; with `.exhaustive`, against every single derivative;
//   - and it must be repeatable to the bit.
//
//   CHECK(gradcheck([](auto p) {                       // p: Parameters<T>, T = double, then Complex
//     Mgu cell(p, 3, 4);
//     auto xs = p.input("xs", {5, 2, 3}), h0 = p.input("h0", {2, 4});
//     return sum(square(unroll(cell, xs, h0).ys));
//   }));
//
// Exact derivatives come from running the function in complex numbers (scalar.hpp). A function that is
// written for Parameters<double> alone is compared with central differences instead, which see the function
// as a whole only. Either way a wrong derivative comes with a guess at the mistake (gradcheck/report.hpp).
#pragma once

#include <concepts>
#include <map>
#include <string>

#include <xgrad/autograd/checks/gradcheck/op_proof.hpp>
#include <xgrad/autograd/checks/gradcheck/report.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// The values at which a function is checked: those of an existing model of any scalar, by path. What the
/// function declares beyond them (its inputs) is drawn.
struct GradcheckValues {
  Values by_path;  ///< as Parameters::values returns them

  /// None: everything is drawn.
  GradcheckValues() = default;
  /// A copy of the values of all parameters; of complex ones the real parts.
  template <class T>
  GradcheckValues(
      const Parameters<T>& parameters)  // NOLINT(google-explicit-constructor): {.values = parameters}
      : by_path(parameters.values()) {}
};

/// At which values `gradcheck` works, and what it does beside the proof of each op.
struct GradcheckOptions {
  GradcheckValues values{};  ///< to check a model as it is: {.values = parameters}
  std::uint32_t seed = 0;    ///< of the values, directions and cotangents that are drawn
  bool exhaustive = false;   ///< compare every single derivative of the whole function, too
  /// Compare each with central differences, too, which know nothing of complex numbers.
  bool differences = false;
  bool repeatable = true;  ///< the same values must give the same bits; false: the same up to rounding
  double step = 3e-3;      ///< h of the central differences; stay 3 h away from kinks and poles
};

namespace detail {
GradcheckReport gradcheck(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
                          const GradcheckOptions& options);
}  // namespace detail

/// Checks `f`, a function of Parameters<T> generic in T, or of Parameters<double>. An output that is not a
/// single element is multiplied with a random cotangent. What is wrong with a derivative is in the report; it
/// throws Error if the function is not repeatable, declares nothing, or depends on nothing it declares.
///
/// Metrics (u, v random directions, J the Jacobian): op by op |<u, Jv> - sum <vjp(u), v>| <= 1e-13 of the
/// summed magnitudes of all terms, times sqrt(K) where an element is the sum of K > 1000 terms; the whole
/// function 1e-12 of the same; exhaustively 1e-11 of max(|derivative|, 1e-8 times the parameter's largest);
/// central differences of sixth order 1e-10 of max(the parameter's largest, 0.01 max(1, |f|)).
template <class F>
GradcheckReport gradcheck(F f, const GradcheckOptions& options = {}) {
  const auto in_double = [&f](const Parameters<double>& p) { return Variable<double>(f(p)); };
  if constexpr (std::invocable<F&, const Parameters<Complex>&>) {
    return detail::gradcheck(
        in_double, [&f](const Parameters<Complex>& p) { return Variable<Complex>(f(p)); }, options);
  } else {
    return detail::gradcheck(in_double, {}, options);
  }
}

}  // namespace xgrad
