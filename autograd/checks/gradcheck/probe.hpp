// One op under the probe, the runs that show it, and the verdict on it. The probe sees the op's value, the
// derivative J v that the value carries, and the vjps; `judge` holds one against the other. A run that judges
// sets a random direction at every value; a run that looks for something sets one at a single value, a Source
// among the inputs of the suspect, so that what the suspect's value carries is the effect of that input
// alone. Internal to gradcheck. Start with `judge`.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/checks/gradcheck/report.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
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
  Array<double> vjp(std::size_t j, const Direction& u, const Array<Complex>* start = nullptr) const {
    GradientSum<Complex> sum;
    if (start != nullptr) sum.add(start->copy());
    const Shape& shape = inputs[j].x.shape();
    VjpTarget<Complex> target(sum, name, static_cast<unsigned>(j), shape, y.shape());
    inputs[j].vjp->run(u.cast<Complex>(), target);
    return sum.take_dense(shape).cast<double>();
  }
  /// What input j carries along the unit direction of element m, beside the derivative by that element.
  double unit(std::size_t j, std::size_t m) const {
    return direction_size(inputs[j].x.value().data()[m].real());
  }
  /// True if a number of y is NaN.
  bool undefined() const {
    return std::any_of(y.begin(), y.end(), [](Complex yi) { return std::isnan(yi.real()); });
  }
};

struct Verdict {
  double error = 0;  ///< in units of the tolerance
  bool saturated = false;
};

/// <u, Jv> against the sum of <vjp_j(u), v_j>, over all inputs that carry a direction.
inline Verdict judge(const ProbedOp& op, const Direction& u) {
  constexpr double tolerance = 1e-13;      // of |<u, Jv> - sum <vjp(u), v>| / sum |terms|
  constexpr std::size_t few_terms = 1000;  // a longer sum rounds more
  Contraction sum;
  sum.add(u, op.Jv, 1);
  std::size_t terms = 1;
  double size = 0;  // of the directions, in units of natural_size
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    const Direction v = carried_derivative(op.inputs[j].x.value());
    if (std::all_of(v.begin(), v.end(), [](double vi) { return vi == 0; })) continue;
    sum.add(op.vjp(j, u), v, -1);
    for (std::size_t m = 0; m < v.size(); ++m)
      size = std::max(size, std::abs(v.data()[m]) / natural_size(op.inputs[j].x.value().data()[m].real()));
    if (op.y.size() > 0) terms = std::max(terms, op.inputs[j].x.size() / op.y.size());
  }
  if (op.undefined()) return {INFINITY};
  size = std::min(1.0, 2 * size);
  // h^2 f'''/6, for f''' up to 1e10, shows where all else is zero, as in x x x at 0; so does the rounding of
  // the smallest numbers, divided by h.
  if (std::abs(sum.value) <= 1e10 * std::pow(scalar::complex_step * size, 2) * size + 1e-220) return {};
  const double allowed = tolerance * (terms > few_terms ? std::sqrt(static_cast<double>(terms)) : 1.0);
  const double error = static_cast<double>(std::abs(sum.value) / sum.magnitude) / allowed;

  // A vjp written in terms of its output, like 1 - y^2, knows y to half a unit only. Where that is more than
  // the whole derivative, the op is saturated, and nothing can be said.
  double rounding = 0;
  for (std::size_t i = 0; i < u.size(); ++i)
    rounding += 4 * std::numeric_limits<double>::epsilon() * size * std::abs(u.data()[i]) *
                std::min(1.0, std::abs(op.y.data()[i].real()));
  if (error > 1 && std::abs(sum.value) <= rounding) return {0, true};
  return {std::isnan(error) ? INFINITY : error};
}

/// One of an op's inputs that are not constants, a parameter or the result of another op.
struct Source {
  GradcheckFailure failure;  ///< of the op in it, with nothing yet said about elements and numbers
  std::uint32_t node;

  Source(const ProbedOp& op, const WatchedInput<Complex>& input)
      : failure{.op = op.name,
                .instance = op.instance,
                .path = input.x.parameter() != nullptr ? input.x.parameter()->path : "",
                .time_step = op.time_step,
                .shape = input.x.shape(),
                .output_shape = op.y.shape()},
        node(input.node) {
    while (op.inputs[failure.argument].node != node) ++failure.argument;
  }
};

/// The different values among an op's inputs that are not constants: x * x has one.
inline std::vector<Source> sources_of(const ProbedOp& op) {
  std::vector<Source> sources;
  for (const auto& input : op.inputs) {
    const auto known = [&](const Source& source) { return source.node == input.node; };
    if (input.node != no_node && std::none_of(sources.begin(), sources.end(), known))
      sources.emplace_back(op, input);
  }
  return sources;
}

using OpAction = std::function<void(const ProbedOp&)>;

// The watcher of a run.
struct Probe : Watcher<Complex> {
  OpAction action;
  std::function<Direction(std::uint32_t node, const Shape& shape)> next;  // what a value goes on with
  std::size_t instance = 0;

  Array<Complex> value(const Op& op, std::uint32_t node, const Array<Complex>& y,
                       std::span<const WatchedInput<Complex>> inputs) override {
    if (node != no_node)
      action({op.name(), ++instance, TimeStep::current(), y, inputs, carried_derivative(y)});
    scalar::kinks = 0;  // a constant's kink is nobody's
    if (node == no_node) return y;
    // The value goes on in a block of its own: it may be a view, whose parent keeps its direction.
    return with_direction(y.cast<double>(), next(node, y.shape()));
  }

  void run(const ParameterFunction<Complex>& f, const Values& values, const Values& directions) {
    scalar::kinks = 0;
    Tape<Complex> tape(*this);
    f(Parameters<Complex>(with_directions(values, directions)));
  }
};

/// A run of f in which `each` sees every op. To judge them, every value carries a random direction; without
/// `random` nothing carries one, as in training.
inline void probe_all(const ParameterFunction<Complex>& f, const Values& values, Random* random,
                      OpAction each) {
  const auto direction = [random](const Shape& shape) {
    return random != nullptr ? random_direction(shape, *random) : Direction::zeros(shape);
  };
  Probe probe;
  probe.action = std::move(each);
  probe.next = [&](std::uint32_t, const Shape& shape) { return direction(shape); };
  Values directions;
  for (const auto& [path, value] : values) directions.emplace(path, direction(value.shape()));
  probe.run(f, values, directions);
}
/// A run that looks: `source` alone carries `v`; `at` sees the op whose input it is.
inline void probe_one(const ParameterFunction<Complex>& f, const Values& values, const Source& source,
                      const Direction& v, const OpAction& at) {
  Probe probe;
  probe.action = [&](const ProbedOp& op) {
    if (op.instance == source.failure.instance) at(op);
  };
  probe.next = [&](std::uint32_t node, const Shape& shape) {
    return node == source.node ? v : Direction::zeros(shape);
  };
  probe.run(f, values, source.failure.path.empty() ? Values() : Values{{source.failure.path, v}});
}

}  // namespace xgrad::proof
