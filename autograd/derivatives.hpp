// Derivatives as numbers, for those who want them outside of a training step: jvp, vjp, hvp, jacobian. Each
// takes a function that is generic in its scalar and its arguments in braces,
//
//   const auto f = [](auto x, auto W) { return tanh(matmul(x, W)); };  // Variable<T> to Variable<T>
//   const auto [y, dy] = jvp(f, {x, W}, {dx, dW});
//
// or, jvp and hvp, a function of the Parameters it declares, with values and directions by path. In training
// hvp takes a model's parameters, at their values, and a direction among Gradients, and returns Gradients, by
// which an optimizer can step:
//
//   const auto f = [&]<class S>(const Parameters<S>& p) { return Model<S>(p).loss(data); };
//   const Gradients<float> Hv = hvp(f, parameters, gradients);
//
// Forward derivatives are exact, carried through the function in imaginary parts (forward.hpp). So it must be
// made of xgrad's ops, or of xtensor's on `.xt()`: what goes through item() or std:: functions of a double
// has no derivative here.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/gradients.hpp>

namespace xgrad {

/// A function's value and its derivative along a direction.
struct JvpResult {
  Array<double> y;   ///< f(x)
  Array<double> dy;  ///< J v, in y's shape
};
/// A function's value and its gradients.
struct VjpResult {
  Array<double> y;                       ///< f(x)
  std::vector<Array<double>> gradients;  ///< J_j^T u, in the shape of argument j
};

/// Where a derivative of a gradient is taken beside the parameters, and along what.
struct HvpInputs {
  Values inputs{};      ///< the values of what f declares with `p.input`, by path
  Values directions{};  ///< along parameters and inputs, by path; what is not there does not move
};

/// A function of several variables of one scalar.
template <class T>
using VariableFunction = std::function<Variable<T>(std::span<const Variable<T>>)>;

namespace detail {

JvpResult jvp(const VariableFunction<Complex>& f, std::span<const Array<double>> xs,
              std::span<const Array<double>> vs);
VjpResult vjp(const VariableFunction<double>& f, std::span<const Array<double>> xs,
              const std::optional<Array<double>>& u);
std::vector<Array<double>> hvp(const VariableFunction<Complex>& f, std::span<const Array<double>> xs,
                               std::span<const Array<double>> vs);
std::vector<Array<double>> jacobian(const VariableFunction<Complex>& f, std::span<const Array<double>> xs);
JvpResult jvp(const ParameterFunction<Complex>& f, const Values& values, const Values& directions);
Values hvp(const ParameterFunction<Complex>& f, const Values& values, const Values& directions);
// The products for the parameters, of which f may declare some; beside them it declares the inputs alone.
Values hvp_of_model(const ParameterFunction<Complex>& f, const Values& parameters, const HvpInputs& at);

// What is below a scope, by the paths from there.
inline Values below(const std::string& scope, const Values& values) {
  Values result;
  for (const auto& [path, value] : values)
    if (path.starts_with(scope)) result.emplace(path.substr(scope.size()), value);
  return result;
}

// f(x0, x1, ...) as a function of a list.
template <class T, std::size_t N, class F>
VariableFunction<T> of_list(F f) {
  return [f](std::span<const Variable<T>> xs) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) { return Variable<T>(f(xs[I]...)); }
    (std::make_index_sequence<N>{});
  };
}

}  // namespace detail

/// f(xs) and its derivative along the directions vs: the Jacobian-vector product. f runs several times.
/// Throws Error if a direction is not finite or has not the shape of its argument.
template <class F, std::size_t N>
JvpResult jvp(F f, const Array<double> (&xs)[N], const Array<double> (&vs)[N]) {
  return detail::jvp(detail::of_list<Complex, N>(f), xs, vs);
}
/// The same for a function of its Parameters; along the parameters that `directions` names.
template <class F>
JvpResult jvp(F f, const Values& values, const Values& directions) {
  return detail::jvp(ParameterFunction<Complex>(f), values, directions);
}

/// f(xs) and the gradient of <u, f> with respect to every argument: the vector-Jacobian product, by a tape.
/// u may be left out for a value of a single element. Throws Error if it has not the shape of f(xs).
template <class F, std::size_t N>
VjpResult vjp(F f, const Array<double> (&xs)[N], const std::optional<Array<double>>& u = {}) {
  return detail::vjp(detail::of_list<double, N>(f), xs, u);
}

/// The product of the Hessian of f, whose value is a single element, with the directions vs: one array per
/// argument. It is the exact derivative of the tape's gradient along vs. Throws Error as jvp does.
template <class F, std::size_t N>
std::vector<Array<double>> hvp(F f, const Array<double> (&xs)[N], const Array<double> (&vs)[N]) {
  return detail::hvp(detail::of_list<Complex, N>(f), xs, vs);
}
/// The same for a function of its Parameters: the product for every parameter, by path.
template <class F>
Values hvp(F f, const Values& values, const Values& directions) {
  return detail::hvp(ParameterFunction<Complex>(f), values, directions);
}

/// The product of the Hessian of f with a direction, for a model at its values, to step by or to go on with:
/// in conjugate gradients, or in the gradient through a step theta - a dL/dtheta, which is g - a H g.
///
/// f gets a Parameters<Complex> of the parameters' values, exactly as they are, on which it builds the model
/// anew; with a scope, that of the parameters below it, by their paths from there. What it does not declare,
/// or what the direction lacks, counts as 0. The direction is looked up by path, so that it may have been
/// made on another list, and the results, computed in double, are rounded to T. A product takes the time of
/// three to six gradients in double. Throws Error for a direction of a path that is not in the list, of
/// another shape or not finite, and if f declares what is not in the list.
template <class F, class T>
Gradients<T> hvp(F f, const Parameters<T>& parameters, const Gradients<T>& direction) {
  const ParameterFunction<Complex> complex_f(std::move(f));
  const HvpInputs at{.directions = detail::below(parameters.scope(), direction.values())};
  return {parameters, detail::hvp_of_model(complex_f, parameters.values(), at), zeros};
}
/// The same along directions by path, where f also declares inputs: the mixed second derivatives. The
/// gradient of a penalty |dD/dx|^2, say, is twice the product along v = dD/dx of the input x:
///
///     hvp(D, parameters, {.inputs = {{"x", x}}, .directions = {{"x", v}}})
///
/// Throws Error also if f does not declare an input, or if it is a parameter of the list, too.
template <class F, class T>
Gradients<T> hvp(F f, const Parameters<T>& parameters, const HvpInputs& at) {
  const ParameterFunction<Complex> complex_f(std::move(f));
  return {parameters, detail::hvp_of_model(complex_f, parameters.values(), at), zeros};
}

/// dy/dx for every argument, in the shape y.shape + x.shape, one forward derivative per element of the
/// arguments. Throws Error if that shape has more than 6 axes.
template <class F, std::size_t N>
std::vector<Array<double>> jacobian(F f, const Array<double> (&xs)[N]) {
  return detail::jacobian(detail::of_list<Complex, N>(f), xs);
}

}  // namespace xgrad
