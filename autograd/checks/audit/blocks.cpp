// Hypotheses on blocks: the gradients of the parts that one value is cut into, such as the gates of an LSTM,
// are put together in another order.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

// The inputs of an affine sum: of affine itself, or of the products and adds that lead to `op`.
std::vector<Edge> sum_inputs(const Recording& recording, std::size_t op) {
  const RecordedOp& sum = recording.ops()[op];
  std::vector<Edge> edges;
  if (!products_of(sum).empty()) {
    for (std::size_t j = 0; j < sum.inputs.size(); ++j) edges.emplace_back(op, j);
  } else if (sum.op == ops::add) {
    for (std::size_t j = 0; j < 2; ++j) {
      const std::size_t source = sum.inputs[j].source;
      if (source == none) {
        edges.emplace_back(op, j);
      } else if (recording.ops()[source].y.shape() == sum.y.shape()) {
        const auto more = sum_inputs(recording, source);
        edges.insert(edges.end(), more.begin(), more.end());
      }
    }
  }
  return edges;
}

std::string name_of(const Recording& recording, const RecordedInput& input) {
  if (input.parameter != none) return "'" + recording.paths()[input.parameter] + "'";
  return input.source != none ? recording.describe(recording.ops()[input.source].role) : "its constant input";
}

// On the way to one input of the sum alone, block k is left out, or has the wrong sign.
void add_partial_blocks(const Recording& recording, const std::vector<std::size_t>& roles, Changes& to) {
  const auto& ops = recording.ops();
  const auto sum_of = [&](std::size_t slice) { return ops[slice].inputs[0].source; };
  const auto places = sum_inputs(recording, sum_of(recording.roles()[roles[0]].ops.back()));
  for (const Edge& place : places)
    for (std::size_t k = 0; k < roles.size(); ++k)
      for (const double factor : {0.0, -1.0}) {
        const std::size_t role = ops[place.first].role;
        const RecordedInput& input = ops[place.first].inputs[place.second];
        Change change;
        change.defect = factor == 0 ? AuditDefect::missing_term : AuditDefect::sign;
        change.cost = 1.1;
        change.factor = factor;
        change.text = fmt::format("on the way from {} to {} alone, the part of block {} of {} {}",
                                  recording.describe(role), name_of(recording, input), k, roles.size(),
                                  factor == 0 ? "is left out" : "has the wrong sign");
        for (const std::size_t slice : recording.roles()[roles[k]].ops)
          for (const Edge& edge : sum_inputs(recording, sum_of(slice))) {
            const RecordedOp& op = ops[edge.first];
            if (op.role != role || edge.second != place.second || op.inputs[edge.second].vjp == nullptr)
              continue;
            const auto mask =
                1 - (1 - factor) * ops[slice].vjp(0, Array<Complex>::full(ops[slice].y.shape(), 1.0));
            change.set(edge.first, edge.second,
                       {.vjp = [&op, j = edge.second, mask](const Array<Complex>& dy) {
                         return op.vjp(j, dy * mask);
                       }});
          }
        add(to, std::move(change));
      }
}

// The parts put back in another order.
void add_permutation(const Recording& recording, const std::vector<std::size_t>& roles,
                     const std::vector<std::size_t>& order, Changes& to) {
  const auto& ops = recording.ops();
  const std::size_t n = roles.size();
  std::size_t moved = 0;
  Change change;
  change.defect = AuditDefect::permuted_blocks;
  std::string text;
  for (std::size_t k = 0; k < n; ++k) {
    text += fmt::format("{}{}", k == 0 ? "" : ", ", order[k]);
    if (order[k] == k) continue;
    ++moved;
    for (const std::size_t i : recording.roles()[roles[k]].ops) {
      const std::size_t other = recording.at(roles[order[k]], *ops[i].step);
      if (other == none || ops[other].inputs[0].source != ops[i].inputs[0].source) return;
      change.set(i, 0, {.vjp = [&op = ops[other]](const Array<Complex>& dy) { return op.vjp(0, dy); }});
    }
  }
  const std::size_t whole = ops[recording.roles()[roles[0]].ops.back()].inputs[0].source;
  change.cost = moved <= 2 ? 1 : 1.1;
  change.text =
      fmt::format("the {} blocks of {} are swapped: what belongs to blocks 0 to {} is put into blocks {}", n,
                  recording.describe(ops[whole].role), n - 1, text);
  add(to, std::move(change));
}

void add_permutations(const Recording& recording, const std::vector<std::size_t>& roles, Changes& to) {
  const std::size_t n = roles.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  if (n <= 4) {
    while (std::next_permutation(order.begin(), order.end())) add_permutation(recording, roles, order, to);
    return;
  }
  for (std::size_t a = 0; a < n; ++a)
    for (std::size_t b = a + 1; b < n; ++b) {
      std::swap(order[a], order[b]);
      add_permutation(recording, roles, order, to);
      std::swap(order[a], order[b]);
    }
}

// The slope of what follows a sum, where that is one activation, or one for each of its parts; else nothing.
std::optional<Array<Complex>> slope_behind(const Recording& recording, std::size_t sum) {
  const auto& ops = recording.ops();
  const auto slope_of = [&](std::size_t op) {
    return ops[op].vjp(0, Array<Complex>::full(ops[op].y.shape(), 1.0));
  };
  auto slope = Array<Complex>::zeros(ops[sum].y.shape());
  for (const std::size_t reader : recording.readers(sum)) {
    const bool part = ops[reader].op == ops::slice;
    const auto activations = part ? recording.readers(reader) : std::vector<std::size_t>{reader};
    if (activations.size() != 1 || !is_activation(ops[activations[0]]) ||
        ops[activations[0]].op == ops::softmax)
      return std::nullopt;
    slope = slope + (part ? ops[reader].vjp(0, slope_of(activations[0])) : slope_of(activations[0]));
  }
  for (const Complex s : slope)
    if (std::abs(s.real()) < 1e-6) return std::nullopt;
  return slope;
}

// On the way to one input of an affine sum alone, the slopes behind the sum are left out.
void add_local_slopes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  for (const Role& role : recording.roles()) {
    const std::size_t last = role.ops.back();
    if (!slope_behind(recording, last)) continue;
    for (const Edge& place : sum_inputs(recording, last)) {
      const RecordedInput& input = ops[place.first].inputs[place.second];
      Change change;
      change.defect = AuditDefect::missing_slope;
      change.cost = 1.1;
      change.text =
          fmt::format("on the way from {} to {} alone, the slope of what follows the sum is left out",
                      recording.describe(ops[place.first].role), name_of(recording, input));
      for (const std::size_t sum : role.ops)
        for (const Edge& edge : sum_inputs(recording, sum)) {
          const RecordedOp& op = ops[edge.first];
          const auto slope = slope_behind(recording, sum);
          if (op.role != ops[place.first].role || edge.second != place.second || !slope ||
              op.inputs[edge.second].vjp == nullptr)
            continue;
          change.set(edge.first, edge.second,
                     {.vjp = [&op, j = edge.second, s = *slope](const Array<Complex>& dy) {
                       return op.vjp(j, dy / s);
                     }});
        }
      add(to, std::move(change));
    }
  }
}

}  // namespace

void add_block_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  // Parts of the same size cut from the value of the same role.
  std::map<std::string, std::vector<std::size_t>> families;
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const RecordedOp& op = ops[recording.roles()[role].ops.back()];
    if (op.op.kind() != OpKind::slicing || op.inputs[0].source == none || !op.step) continue;
    families[fmt::format("{} {} {}", op.op.name(), ops[op.inputs[0].source].role, to_string(op.y.shape()))]
        .push_back(role);
  }
  for (const auto& family : families) {
    if (family.second.size() < 2 || family.second.size() > 8) continue;
    add_partial_blocks(recording, family.second, to);
    add_permutations(recording, family.second, to);
  }
  add_local_slopes(recording, to);
}

}  // namespace xgrad::auditing
