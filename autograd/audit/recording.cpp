// Recording a forward pass; see recording.hpp. How ops become roles is in roles.cpp.
#include <xgrad/autograd/audit/recording.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad::auditing {

Array<Complex> RecordedOp::vjp(std::size_t j, const Array<Complex>& dy) const {
  GradientSum<Complex> sum;
  const Shape& shape = inputs[j].value.shape();
  inputs[j].vjp->run(dy, VjpTarget<Complex>(sum, name.c_str(), static_cast<unsigned>(j), shape, y.shape()));
  return sum.take_dense(shape);
}

Recording::Recording(const ParameterFunction<Complex>& f, const Values& values,
                     std::vector<std::string> paths)
    : paths_(std::move(paths)), values_(values) {
  Tape<Complex> tape(*this);
  const Variable<Complex> loss = f(Parameters<Complex>(with_directions(values, {})));
  if (loss.size() != 1)
    throw Error("audit", "the forward pass must return one number, the loss; it returned shape " +
                             to_string(loss.shape()));
  loss_value_ = loss.item().real();
  for (std::size_t i = ops_.size(); i-- > 0 && loss_ == none;)
    if (ops_[i].y.shares_block_with(loss.value())) loss_ = i;
  if (loss_ == none) throw Error("audit", "the forward pass returned a number that no op made");
  find_loops();
  find_roles();
  find_accumulators();
}

Array<Complex> Recording::see(const char* name, std::uint32_t output, const Array<Complex>& y,
                              const std::vector<ProbedInput>& inputs) {
  RecordedOp op;
  op.name = name;
  op.step = TimeStep::current();
  op.y = y.copy();  // of its own block, by which the loss is known
  for (const ProbedInput& input : inputs) {
    RecordedInput& kept = op.inputs.emplace_back();
    kept.value = input.x.value();
    if (input.node == no_node) continue;
    kept.vjp = input.vjp;
    if (input.x.parameter() != nullptr) {
      const auto found = std::find(paths_.begin(), paths_.end(), input.x.parameter()->path);
      kept.parameter = static_cast<std::size_t>(found - paths_.begin());
      if (found == paths_.end())
        throw Error("audit", fmt::format("the forward pass reads '{}', which it did not declare in another "
                                         "run: it must declare the same parameters each time",
                                         input.x.parameter()->path));
    } else if (input.node < op_of_node_.size()) {
      kept.source = op_of_node_[input.node];
    }
  }
  op_of_node_.resize(output + 1, none);
  op_of_node_[output] = ops_.size();
  ops_.push_back(std::move(op));
  return ops_.back().y;
}

bool Recording::crosses_time(const RecordedOp& op, std::size_t j) const {
  if (op.inputs[j].source == none || !op.step) return false;
  const RecordedOp& source = ops_[op.inputs[j].source];
  return !source.accumulator && source.loop == op.loop && source.step && *source.step != *op.step;
}

std::vector<std::size_t> Recording::readers(std::size_t op) const {
  std::vector<std::size_t> result;
  for (std::size_t i = op + 1; i < ops_.size(); ++i)
    for (const auto& input : ops_[i].inputs)
      if (input.source == op && (result.empty() || result.back() != i)) result.push_back(i);
  return result;
}

std::vector<bool> Recording::downstream(std::size_t p) const {
  std::vector<bool> below(ops_.size(), false), above(ops_.size(), false);
  for (std::size_t i = 0; i < ops_.size(); ++i)
    below[i] = std::any_of(ops_[i].inputs.begin(), ops_[i].inputs.end(), [&](const RecordedInput& input) {
      return input.parameter == p || (input.source != none && below[input.source]);
    });
  above[loss_] = true;
  for (std::size_t i = loss_ + 1; i-- > 0;)
    if (above[i])
      for (const auto& input : ops_[i].inputs)
        if (input.source != none) above[input.source] = true;
  for (std::size_t i = 0; i < ops_.size(); ++i) below[i] = below[i] && above[i];
  return below;
}

}  // namespace xgrad::auditing
