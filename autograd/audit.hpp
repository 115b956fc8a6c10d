// audit: is a backward pass that somebody wrote by hand right, and if not, what is wrong with it? You give
// the forward pass, generic in T as for gradcheck, and the hand-written gradient as any callable; the report
// compares the two, parameter by parameter, and names the mistakes in the order of repair (docs/audit.md).
//
//   const auto report = audit(
//       [](auto p) { return Network(p).loss(x, targets); },                       // p: Parameters<T>
//       [](const Values& w) { return legacy_backward(w.at("Wx"), w.at("Wh")); },  // gradients, by path
//       {.values = parameters});
//   if (!report.right()) std::cout << report;
//
// Time steps are known from TimeStep scopes: unroll opens them; a loop of your own says
// `const TimeStep now(t);`. Where to start: detail::audit in audit.cpp.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/checks/audit/report.hpp>
#include <xgrad/autograd/gradcheck.hpp>

namespace xgrad {

/// A hand-written gradient: the sums, and, if it is known, what each time step contributes to them.
struct WrittenGradient {
  Values total;                                               ///< by path, in the shapes of the parameters
  std::map<std::string, std::vector<Array<double>>> steps{};  ///< term t is that of step t; may lack any path
};

/// Another forward pass or loss that the gradient may belong to, instead of the one that is audited.
struct AuditForward {
  std::string name;                    ///< for the report: "cross entropy"
  ParameterFunction<Complex> forward;  ///< from the parameters to the loss

  /// `f(p)` gets a Parameters<Complex> and returns a loss of one element. It may be generic, as in `audit`.
  template <class F>
  AuditForward(std::string called, F f) : name(std::move(called)), forward(std::move(f)) {}
};

/// At which values `audit` compares, how closely, and with what else.
struct AuditOptions {
  /// To audit at these values: {.values = parameters}. What is not given is drawn.
  GradcheckValues values{};
  std::uint32_t seed = 0;  ///< of what is drawn
  bool negated = false;    ///< the callable returns minus the gradient, as for an update w += rate * g
  /// How precise the elements of the hand-written gradient are beside the true ones; 1e-6 for code in float.
  double tolerance = 1e-9;
  std::vector<AuditForward> others{};  ///< further suspects, tried as they are
};

namespace detail {
using Backward = std::function<WrittenGradient(const Values&)>;
AuditReport audit(const ParameterFunction<double>& f, const ParameterFunction<Complex>& f_complex,
                  const Backward& backward, const AuditOptions& options);
}  // namespace detail

/// Compares `backward`, which gets the values of all that `forward` declares (p.weight, p.bias, p.input), by
/// path, and returns gradients by path, with the gradient of the one element that `forward` returns. What it
/// does not return is reported as not given.
/// Throws Error if the forward pass is itself not right or not one element, if `backward` returns nothing, an
/// unknown path or a wrong shape, or other numbers when it is called again.
template <class F, class Backward>
AuditReport audit(F forward, Backward backward, const AuditOptions& options = {}) {
  return detail::audit(
      std::ref(forward), std::ref(forward),
      [&](const Values& values) { return WrittenGradient{backward(values)}; }, options);
}

}  // namespace xgrad
