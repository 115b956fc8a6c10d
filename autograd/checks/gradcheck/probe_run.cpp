// Running a function under the probe; see probe_run.hpp.
#include <xgrad/autograd/checks/gradcheck/probe_run.hpp>

#include <utility>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad::proof {

ProbeRun::ProbeRun(const ParameterFunction<Complex>& f, const Values& values, Random& random, OpAction each)
    : random_(&random), action_(std::move(each)) {
  Values directions;
  for (const auto& [path, value] : values) directions.emplace(path, random_direction(value.shape(), random));
  run(f, with_directions(values, directions));
}

ProbeRun::ProbeRun(const ParameterFunction<Complex>& f, const Values& values, OpAction each)
    : action_(std::move(each)) {
  run(f, with_directions(values, {}));
}

ProbeRun::ProbeRun(const ParameterFunction<Complex>& f, const Values& values, const Source& source,
                   Direction v, std::size_t instance, OpAction at)
    : action_(std::move(at)), source_(&source), v_(std::move(v)), looked_for_(instance) {
  Values directions;
  if (!source.path.empty()) directions.emplace(source.path, v_);
  run(f, with_directions(values, directions));
}

void ProbeRun::run(const ParameterFunction<Complex>& f, const std::map<std::string, Array<Complex>>& values) {
  scalar::kinks = 0;
  Tape<Complex> tape(*this);
  f(Parameters<Complex>(values));
}

Array<Complex> ProbeRun::value(const Op& op, std::uint32_t node, const Array<Complex>& y,
                               std::span<const WatchedInput<Complex>> inputs) {
  if (node == no_node) {
    scalar::kinks = 0;  // a constant's kink is nobody's
    return y;
  }
  ++instance_;
  if (looked_for_ == 0 || looked_for_ == instance_)
    action_({op.name(), instance_, TimeStep::current(), y, inputs, carried_derivative(y)});
  scalar::kinks = 0;
  // The value goes on in a block of its own: it may be a view, whose parent keeps its direction.
  const auto y_carrying = [&](const Direction& v) { return with_direction(y.cast<double>(), v); };
  if (random_ != nullptr) return y_carrying(random_direction(y.shape(), *random_));
  const bool here = source_ != nullptr && source_->path.empty() && source_->node == node;
  return y_carrying(here ? v_ : Direction::zeros(y.shape()));
}

}  // namespace xgrad::proof
