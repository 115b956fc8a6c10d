// Recording a forward pass; see recording.hpp. How ops become roles is in roles.cpp.
#include <xgrad/autograd/checks/audit/recording.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>

namespace xgrad::auditing {

Recording::Recording(const ParameterFunction<Complex>& f, const Values& values,
                     std::vector<std::string> paths)
    : paths_(std::move(paths)), values_(values) {
  Trace<Complex> trace(paths_);
  Tape<Complex> tape(trace);
  const Variable<Complex> loss = f(Parameters<Complex>(with_directions(values, {})));
  if (loss.size() != 1)
    throw Error("audit", "the forward pass must return one number, the loss; it returned shape " +
                             to_string(loss.shape()));
  if (trace.paths().size() > paths_.size())
    throw Error("audit",
                fmt::format("the forward pass reads '{}', which it did not declare in another run: it "
                            "must declare the same parameters each time",
                            trace.paths().back()));
  loss_value_ = loss.item().real();
  if (trace.op_of(tape.node(loss)) == none)
    throw Error("audit", "the forward pass returned a number that no op made");
  std::vector<std::size_t> index(trace.ops().size(), none);  // ops on constants alone are left out
  for (std::size_t i = 0; i < index.size(); ++i) {
    if (trace.ops()[i].node == no_node) continue;
    index[i] = ops_.size();
    RecordedOp& op = ops_.emplace_back(RecordedOp{trace.ops()[i]});
    for (auto& input : op.inputs)
      if (input.source != none) input.source = index[input.source];
    if (op.step) steps_ = std::max(steps_, *op.step + 1);
  }
  loss_ = index[trace.op_of(tape.node(loss))];
  find_roles(tape.nodes());
  find_accumulators();
  graph_.emplace(tape.release());
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
