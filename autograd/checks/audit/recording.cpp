// Recording a forward pass, and which of its ops do the same in different time steps, as the fold over time
// tells it (tape_fold.hpp); see recording.hpp.
#include <xgrad/autograd/checks/audit/recording.hpp>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/tape_fold.hpp>

namespace xgrad::auditing {

void check_loss(const Shape& loss) {
  if (loss.size() != 1)
    throw Error("audit",
                "the forward pass must return one number, the loss; it returned shape " + to_string(loss));
}

Recording::Recording(const ParameterFunction<Complex>& f, const Values& values,
                     std::vector<std::string> paths)
    : paths_(std::move(paths)), values_(values) {
  Trace<Complex> trace(paths_, false);
  Tape<Complex> tape(trace);
  const Variable<Complex> loss = f(Parameters<Complex>(with_directions(values, {})));
  check_loss(loss.shape());
  if (trace.paths().size() > paths_.size())
    throw Error("audit",
                fmt::format("the forward pass reads '{}', which it did not declare in another run: it "
                            "must declare the same parameters each time",
                            trace.paths().back()));
  loss_ = trace.op_of(tape.node(loss));
  if (loss_ == none) throw Error("audit", "the forward pass returned a number that no op made");
  for (const auto& op : trace.ops()) {
    ops_.push_back({op});
    if (op.step) steps_ = std::max(steps_, *op.step + 1);
  }
  find_roles(tape.nodes());
  find_accumulators();
  graph_.emplace(tape.release());
}

// Ops outside of all loops come first; then those of each loop, in the order of their last step.
void Recording::find_roles(const std::vector<TapeNode>& nodes) {
  const TimeGroups time = time_groups(nodes);
  std::map<std::size_t, Role> groups;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    ops_[i].loop = time.loop[ops_[i].node];
    groups[time.group[ops_[i].node]].push_back(i);
  }
  for (auto& [group, ops] : groups) roles_.push_back(std::move(ops));
  std::sort(roles_.begin(), roles_.end(), [&](const Role& a, const Role& b) {
    const auto rank = [&](const Role& role) {
      return std::pair(ops_[role.back()].loop + 1, role.back());  // outside of loops it is 0
    };
    return rank(a) < rank(b);
  });
  for (std::size_t role = 0; role < roles_.size(); ++role)
    for (const std::size_t i : roles_[role]) ops_[i].role = role;
}

// Sums over time, such as that of the losses: adds whose value none but the next of them reads. They carry no
// state.
void Recording::find_accumulators() {
  for (const Role& role : roles_) {
    const RecordedOp& last = ops_[role.back()];
    if (!last.step || !(last.op == ops::add || last.op == ops::subtract)) continue;
    bool alone = role.size() > 1;
    for (const std::size_t i : role)
      for (const std::size_t reader : readers(i))
        alone = alone && (!ops_[reader].step || ops_[reader].role == ops_[i].role);
    for (const std::size_t i : role) ops_[i].accumulator = alone;
  }
}

std::size_t Recording::at(std::size_t role, std::optional<std::size_t> step) const {
  for (const std::size_t i : roles_[role])
    if (ops_[i].step == step) return i;
  return none;
}

bool Recording::crosses_time(const RecordedOp& op, std::size_t j) const {
  if (op.inputs[j].source == none || !op.step) return false;
  const RecordedOp& source = ops_[op.inputs[j].source];
  return !source.accumulator && source.loop == op.loop && source.step && *source.step != *op.step;
}

std::vector<std::size_t> Recording::readers(std::size_t op) const {
  std::vector<std::size_t> result;
  for (std::size_t i = op + 1; i < ops_.size(); ++i)
    if (std::any_of(ops_[i].inputs.begin(), ops_[i].inputs.end(),
                    [&](const RecordedInput& input) { return input.source == op; }))
      result.push_back(i);
  return result;
}

std::vector<bool> Recording::downstream(std::size_t p) const {
  std::vector<bool> below(ops_.size(), false), above(ops_.size(), false);
  for (std::size_t i = 0; i < ops_.size(); ++i)
    below[i] = std::any_of(ops_[i].inputs.begin(), ops_[i].inputs.end(), [&](const RecordedInput& input) {
      return input.parameter == p || (input.source != none && below[input.source]);
    });
  above[loss_] = true;
  for (std::size_t i = ops_.size(); i-- > 0;) {
    below[i] = below[i] && above[i];
    for (const auto& input : ops_[i].inputs)
      if (above[i] && input.source != none) above[input.source] = true;
  }
  return below;
}

std::string Recording::describe(std::size_t role) const {
  const RecordedOp& op = last(role);
  std::string text = op.op.name(), separator = " with ";
  for (const RecordedInput& input : op.inputs)
    if (input.parameter != none) {
      text += fmt::format("{}'{}'", separator, paths_[input.parameter]);
      separator = ", ";
    }
  // Several of its name: which one, in the order of a step.
  std::size_t number = 0, count = 0;
  for (const RecordedOp& other : ops_)
    if (op.op.name() == std::string_view(other.op.name()) && other.step == op.step && other.loop == op.loop) {
      ++count;
      if (other.role == role) number = count;
    }
  if (count > 1 && separator != ", ") text += fmt::format(" {} of {}", number, count);
  return text + (op.step ? " of each step" : "");
}

std::string Recording::describe(const RecordedOp& op, std::size_t j, const char* constant) const {
  const RecordedInput& input = op.inputs[j];
  if (input.parameter != none) return "'" + paths_[input.parameter] + "'";
  if (input.source == none) return constant;
  return (crosses_time(op, j) ? "the step before's " : "") + describe(ops_[input.source].role);
}

}  // namespace xgrad::auditing
