// gradcheck: is the gradient of a function right? The function builds its model from a Parameters and returns
// a variable. Each op it records is judged by itself, then its gradient as a whole, and it must be repeatable
// to the bit. What is proved, and how to read the report: docs/proof.md.
//
//   CHECK(gradcheck([](auto p) {                       // p: Parameters<T>, T = double, then Complex
//     Mgu cell(p, 3, 4);
//     auto xs = p.input("xs", {5, 2, 3}), h0 = p.input("h0", {2, 4});
//     return sum(square(unroll(cell, xs, h0).ys));
//   }));
#pragma once

#include <concepts>
#include <functional>

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
  /// h of the central differences, relative to values below 1e-40 or above 1e40; stay 3 h away from kinks and
  /// poles.
  double step = 3e-3;
};

namespace detail {
GradcheckReport gradcheck(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
                          const GradcheckOptions& options);
}  // namespace detail

/// Checks `f`, a function of Parameters<T> generic in T, or of Parameters<double>. An output that is not a
/// single element is multiplied with a random cotangent. What is wrong with a derivative, beyond the bounds
/// of docs/proof.md, is in the report, with a guess at the mistake. Throws Error if the function is not
/// repeatable, declares nothing, or depends on nothing it declares.
template <class F>
GradcheckReport gradcheck(F f, const GradcheckOptions& options = {}) {
  ParameterFunction<Complex> f_complex;
  if constexpr (std::invocable<F&, const Parameters<Complex>&>) f_complex = std::ref(f);
  return detail::gradcheck(std::ref(f), f_complex, options);
}

}  // namespace xgrad
