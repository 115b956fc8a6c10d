// Which ops do the same in different time steps, as the fold over time tells it (tape_fold.hpp), and what a
// role is called.
#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/recording.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape_fold.hpp>

namespace xgrad::auditing {

// Ops outside of all loops come first; then those of each loop, in the order of their last step, at whose end
// all that is carried is no constant any more.
void Recording::find_roles(const std::vector<TapeNode>& nodes) {
  const TimeGroups time = time_groups(nodes);
  std::map<std::size_t, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    ops_[i].loop = time.loop[ops_[i].node];
    groups[time.group[ops_[i].node]].push_back(i);
  }
  for (auto& [group, ops] : groups) roles_.push_back({std::move(ops)});
  std::sort(roles_.begin(), roles_.end(), [&](const Role& a, const Role& b) {
    const auto rank = [&](const Role& role) {
      const std::size_t last = role.ops.back();
      return std::pair(ops_[last].loop + 1, last);  // outside of loops it is 0
    };
    return rank(a) < rank(b);
  });
  for (std::size_t role = 0; role < roles_.size(); ++role)
    for (const std::size_t i : roles_[role].ops) ops_[i].role = role;
}

// Sums over time, such as that of the losses: adds whose value none but the next of them reads. They carry no
// state.
void Recording::find_accumulators() {
  for (const Role& role : roles_) {
    const RecordedOp& last = ops_[role.ops.back()];
    if (!last.step || !(last.op == ops::add || last.op == ops::subtract)) continue;
    bool alone = role.ops.size() > 1;
    for (const std::size_t i : role.ops)
      for (const std::size_t reader : readers(i))
        alone = alone && (!ops_[reader].step || ops_[reader].role == ops_[i].role);
    for (const std::size_t i : role.ops) ops_[i].accumulator = alone;
  }
}

std::size_t Recording::at(std::size_t role, std::size_t step) const {
  for (const std::size_t i : roles_[role].ops)
    if (ops_[i].step == step) return i;
  return none;
}

std::string Recording::describe(std::size_t role) const {
  const RecordedOp& op = ops_[roles_[role].ops.back()];
  std::string text = op.op.name(), separator = " with ";
  for (const RecordedInput& input : op.inputs)
    if (input.parameter != none) {
      text += fmt::format("{}'{}'", separator, paths_[input.parameter]);
      separator = ", ";
    }
  // Several of its name: which one, in the order of a step.
  std::size_t number = 0, count = 0;
  for (std::size_t i = 0; i < ops_.size(); ++i)
    if (op.op.name() == std::string_view(ops_[i].op.name()) && ops_[i].step == op.step &&
        ops_[i].loop == op.loop) {
      ++count;
      if (ops_[i].role == role) number = count;
    }
  if (count > 1 && separator != ", ") text += fmt::format(" {} of {}", number, count);
  return text + (op.step ? " of each step" : "");
}

}  // namespace xgrad::auditing
