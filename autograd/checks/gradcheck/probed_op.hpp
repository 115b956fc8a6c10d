// One op under the probe, and the verdict on it. The probe sees the op's value, the derivative J v that the
// value carries, and the vjps; `judge` holds one against the other. A Source is one of the op's inputs, told
// apart from the others. Internal to gradcheck.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/checks/gradcheck/report.hpp>
#include <xgrad/autograd/watcher.hpp>

namespace xgrad::proof {

using Direction = Array<double>;

/// An op as it is recorded.
struct ProbedOp {
  const char* name;
  std::size_t instance;  ///< counted from 1
  std::optional<std::size_t> time_step;
  const Array<Complex>& y;
  std::span<const WatchedInput<Complex>> inputs;
  Direction Jv;  ///< what y carries

  /// The gradient that input j's vjp makes of the cotangent u, added to `start` in place if there is one.
  Array<double> vjp(std::size_t j, const Direction& u, const Array<Complex>* start = nullptr) const;
  /// True if input j carries a direction.
  bool carries(std::size_t j) const;
  /// True if a number of y is NaN.
  bool undefined() const;
};

struct Verdict {
  double error = 0;  ///< in units of the tolerance
  bool saturated = false;
};

/// <u, Jv> against the sum of <vjp_j(u), v_j>, over all inputs that carry a direction.
Verdict judge(const ProbedOp& op, const Direction& u);

/// One of an op's inputs: a parameter, or the result of another op.
struct Source {
  std::string path;  ///< of a parameter, or empty
  std::uint32_t node = no_node;
  Shape shape;

  explicit Source(const WatchedInput<Complex>& input)
      : path(input.x.parameter() != nullptr ? input.x.parameter()->path : ""),
        node(input.node),
        shape(input.x.shape()) {}
};

/// The different values among an op's inputs that are not constants: x * x has one.
std::vector<Source> sources_of(const ProbedOp& op);

/// A failure of `op` in `source`, with nothing yet said about elements and numbers.
GradcheckFailure failure_at(const ProbedOp& op, const Source& source);

}  // namespace xgrad::proof
