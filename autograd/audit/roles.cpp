// Which ops do the same in different time steps. The steps of a loop are aligned with its longest one, op by op, as a diff
// aligns lines: the first step may lack ops, because what it carries is a constant there.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include <xgrad/autograd/audit/recording.hpp>

namespace xgrad::auditing {

namespace {

// What an op is, apart from its place: its name, and the parameters it reads. One that a single step reads, an initial
// state, stands for what is carried.
std::string kind_of(const RecordedOp& op, const std::vector<RecordedOp>& ops,
                    const std::vector<bool>& of_one_step) {
  std::string kind = op.name + to_string(op.y.shape());
  for (const RecordedInput& input : op.inputs) {
    const bool named = input.parameter != none && !of_one_step[input.parameter];
    kind += named ? fmt::format("'{}", input.parameter) : "'";
    const bool here = input.source != none && ops[input.source].step == op.step;
    if (here) kind += ops[input.source].name;
  }
  return kind;
}

// For each of b, its partner among a in the longest common subsequence, or none.
std::vector<std::size_t> aligned(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const std::size_t n = a.size(), m = b.size();
  std::vector<std::vector<std::size_t>> length(n + 1, std::vector<std::size_t>(m + 1, 0));
  for (std::size_t i = n; i-- > 0;)
    for (std::size_t j = m; j-- > 0;)
      length[i][j] = a[i] == b[j] ? length[i + 1][j + 1] + 1 : std::max(length[i + 1][j], length[i][j + 1]);
  std::vector<std::size_t> partner(m, none);
  for (std::size_t i = 0, j = 0; i < n && j < m;) {
    if (a[i] == b[j]) {
      partner[j++] = i++;
    } else {
      ++(length[i + 1][j] >= length[i][j + 1] ? i : j);
    }
  }
  return partner;
}

// Parameters that are read in one step of time alone.
std::vector<bool> read_in_one_step(const std::vector<RecordedOp>& ops, std::size_t parameters) {
  std::vector<std::set<std::size_t>> steps(parameters);
  std::vector<bool> result(parameters, false);
  for (const RecordedOp& op : ops)
    for (const RecordedInput& input : op.inputs)
      if (input.parameter != none && op.step) steps[input.parameter].insert(*op.step);
  for (std::size_t p = 0; p < parameters; ++p) result[p] = steps[p].size() == 1;
  return result;
}

}  // namespace

// A loop goes on while the steps do not decrease.
void Recording::find_loops() {
  std::size_t loop = 0;
  std::optional<std::size_t> last;
  for (RecordedOp& op : ops_) {
    if (!op.step) continue;
    if (last && *op.step < *last) ++loop;
    last = op.step;
    op.loop = loop;
    steps_ = std::max(steps_, *op.step + 1);
  }
}

void Recording::find_roles() {
  std::map<std::size_t, std::map<std::size_t, std::vector<std::size_t>>> loops;  // loop, step: ops
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    if (ops_[i].step) {
      loops[ops_[i].loop][*ops_[i].step].push_back(i);
    } else {
      ops_[i].role = roles_.size();
      roles_.push_back({{i}});
    }
  }
  const auto of_one_step = read_in_one_step(ops_, paths_.size());
  for (const auto& [loop, steps] : loops) {
    const auto kinds = [&](const std::vector<std::size_t>& ops) {
      std::vector<std::string> result;
      for (const std::size_t i : ops) result.push_back(kind_of(ops_[i], ops_, of_one_step));
      return result;
    };
    // Of the longest steps the last: at its end all that is carried is no constant any more.
    const auto longest = std::max_element(steps.begin(), steps.end(), [](const auto& a, const auto& b) {
      return a.second.size() <= b.second.size();
    });
    const auto reference = kinds(longest->second);
    const std::size_t first = roles_.size();
    roles_.resize(first + reference.size());
    for (const auto& [step, ops] : steps) {
      const auto partner = aligned(reference, kinds(ops));
      for (std::size_t j = 0; j < ops.size(); ++j) {
        const std::size_t role = partner[j] == none ? roles_.size() : first + partner[j];
        if (partner[j] == none) roles_.emplace_back();
        roles_[role].ops.push_back(ops[j]);
        ops_[ops[j]].role = role;
      }
    }
  }
}

// Sums over time, such as that of the losses: adds whose value none but the next of them reads. They carry no state.
void Recording::find_accumulators() {
  for (const Role& role : roles_) {
    const RecordedOp& last = ops_[role.ops.back()];
    if (!last.step || (last.name != "add" && last.name != "subtract")) continue;
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
  std::string text = op.name, separator = " with ";
  for (const RecordedInput& input : op.inputs)
    if (input.parameter != none) {
      text += fmt::format("{}'{}'", separator, paths_[input.parameter]);
      separator = ", ";
    }
  // Several of its name: which one, in the order of a step.
  std::size_t number = 0, count = 0;
  for (std::size_t i = 0; i < ops_.size(); ++i)
    if (ops_[i].name == op.name && ops_[i].step == op.step && ops_[i].loop == op.loop) {
      ++count;
      if (ops_[i].role == role) number = count;
    }
  if (count > 1 && separator != ", ") text += fmt::format(" {} of {}", number, count);
  return text + (op.step ? " of each step" : "");
}

}  // namespace xgrad::auditing
