// One op under the probe, the runs that show it, and the verdict on it. The probe sees the op's value, the
// derivative J v that the value carries, and the vjps; `judge` holds one against the other. A run that judges
// sets a random direction at every value; a run that looks for something sets one at a single value, a Source
// among the inputs of the suspect, so that what the suspect's value carries is the effect of that input
// alone. Internal to gradcheck. Start with `judge`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/checks/gradcheck/report.hpp>
#include <xgrad/autograd/tape.hpp>
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

using OpAction = std::function<void(const ProbedOp&)>;

/// A run of f that judges: every value carries a random direction, `each` sees every op.
void probe_all(const ParameterFunction<Complex>& f, const Values& values, Random& random, OpAction each);
/// A run on plain numbers, as in training: nothing carries a direction, `each` sees every op.
void probe_plain(const ParameterFunction<Complex>& f, const Values& values, OpAction each);
/// A run that looks: `source` alone carries `v`; `at` sees op number `instance`.
void probe_one(const ParameterFunction<Complex>& f, const Values& values, const Source& source,
               const Direction& v, std::size_t instance, OpAction at);

/// Which element of a source of op number `instance` is wrong, and how; nothing if the op treats it right
/// (search.cpp).
std::optional<GradcheckFailure> examine(const ParameterFunction<Complex>& f, const Values& values,
                                        std::size_t instance, const Source& source, Random& random);

}  // namespace xgrad::proof
