// Hypotheses on blocks: the gradients of the parts that one value is cut into, such as the gates of an LSTM,
// are put together in another order; or what stands behind a sum is wrong on the way to one of its inputs
// alone.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/ops/identities.hpp>

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

// Adds: on the way to one input of a sum alone, each of these sums' gradient is multiplied with the numbers
// beside it.
void add_on_the_way(const Recording& recording, const Edge& way, Change change,
                    const std::vector<std::pair<std::size_t, Numbers>>& sums, Changes& to) {
  for (const auto& [sum, numbers] : sums)
    for (const auto& [i, j] : sum_inputs(recording, sum)) {
      const RecordedOp& op = recording.ops()[i];
      if (op.role == recording.ops()[way.first].role && j == way.second && op.inputs[j].vjp != nullptr)
        change.edges[{i, j}].vjp = vjp_times(op, j, numbers);
    }
  add(to, std::move(change));
}

std::string name_of(const Recording& recording, const Edge& way) {
  const RecordedOp& op = recording.ops()[way.first];
  const std::size_t source = op.inputs[way.second].source;
  return source != none ? recording.describe(recording.ops()[source].role)
                        : recording.describe(op, way.second, "its constant input");
}

// What the op's vjp makes of ones.
Numbers vjp_of_ones(const RecordedOp& op) { return op.vjp(0, Numbers::full(op.y.shape(), 1.0)); }

// On the way to one input of the sum alone, block k is left out, or has the wrong sign.
void add_partial_blocks(const Recording& recording, const std::vector<std::size_t>& roles, Changes& to) {
  const auto& ops = recording.ops();
  for (const Edge& way : sum_inputs(recording, recording.last(roles[0]).inputs[0].source))
    for (std::size_t k = 0; k < roles.size(); ++k)
      for (const double factor : {0.0, -1.0}) {
        Change change{factor == 0 ? AuditDefect::missing_term : AuditDefect::sign, 1.1,
                      fmt::format("on the way from {} to {} alone, the part of block {} of {} {}",
                                  recording.describe(ops[way.first].role), name_of(recording, way), k,
                                  roles.size(), factor == 0 ? "is left out" : "has the wrong sign"),
                      factor};
        std::vector<std::pair<std::size_t, Numbers>> sums;
        for (const std::size_t slice : recording.roles()[roles[k]])
          sums.emplace_back(ops[slice].inputs[0].source, 1 - (1 - factor) * vjp_of_ones(ops[slice]));
        add_on_the_way(recording, way, std::move(change), sums, to);
      }
}

// The parts put back in another order; of many, two are swapped.
void add_permutation(const Recording& recording, const std::vector<std::size_t>& roles,
                     const std::vector<std::size_t>& order, Changes& to) {
  const auto& ops = recording.ops();
  std::size_t moved = 0;
  for (std::size_t k = 0; k < roles.size(); ++k) moved += order[k] != k ? 1 : 0;
  if (roles.size() > 4 && moved > 2) return;
  Change change{
      AuditDefect::permuted_blocks, moved > 2 ? 1.1 : 1.0,
      fmt::format("the {} blocks of {} are swapped: what belongs to blocks 0 to {} is put into blocks {}",
                  roles.size(), recording.describe(ops[recording.last(roles[0]).inputs[0].source].role),
                  roles.size() - 1, fmt::join(order, ", "))};
  for (std::size_t k = 0; k < roles.size(); ++k) {
    if (order[k] == k) continue;
    for (const std::size_t i : recording.roles()[roles[k]]) {
      const std::size_t other = recording.at(roles[order[k]], *ops[i].step);
      if (other == none || ops[other].inputs[0].source != ops[i].inputs[0].source) return;
      change.edges[{i, 0}].vjp = [&op = ops[other]](const Numbers& dy) { return op.vjp(0, dy); };
    }
  }
  add(to, std::move(change));
}

// The slope of what follows a sum, where that is one activation, or one for each of its parts; else nothing.
std::optional<Numbers> slope_behind(const Recording& recording, std::size_t sum) {
  const auto& ops = recording.ops();
  auto slope = Numbers::zeros(ops[sum].y.shape());
  for (const std::size_t reader : recording.readers(sum)) {
    const bool part = ops[reader].op == ops::slice;
    const auto activations = part ? recording.readers(reader) : std::vector<std::size_t>{reader};
    if (activations.size() != 1 || !is_activation(ops[activations[0]]) ||
        ops[activations[0]].op == ops::softmax)
      return std::nullopt;
    const Numbers behind = vjp_of_ones(ops[activations[0]]);
    slope = slope + (part ? ops[reader].vjp(0, behind) : behind);
  }
  if (std::any_of(slope.begin(), slope.end(), [](Complex s) { return std::abs(s.real()) < 1e-6; }))
    return std::nullopt;
  return slope;
}

// On the way to one input of an affine sum alone, the slopes behind the sum are left out.
void add_local_slopes(const Recording& recording, Changes& to) {
  for (const Role& role : recording.roles()) {
    if (!slope_behind(recording, role.back())) continue;
    std::vector<std::pair<std::size_t, Numbers>> sums;
    for (const std::size_t sum : role)
      if (const auto slope = slope_behind(recording, sum)) sums.emplace_back(sum, 1 / *slope);
    for (const Edge& way : sum_inputs(recording, role.back()))
      add_on_the_way(
          recording, way,
          {AuditDefect::missing_slope, 1.1,
           fmt::format("on the way from {} to {} alone, the slope of what follows the sum is left out",
                       recording.describe(recording.ops()[way.first].role), name_of(recording, way))},
          sums, to);
  }
}

}  // namespace

void add_block_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  // Parts of the same size cut from the value of the same role.
  std::map<std::string, std::vector<std::size_t>> families;
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const RecordedOp& op = recording.last(role);
    if (op.op.kind() != OpKind::slicing || op.inputs[0].source == none || !op.step) continue;
    families[fmt::format("{} {} {}", op.op.name(), ops[op.inputs[0].source].role, to_string(op.y.shape()))]
        .push_back(role);
  }
  for (const auto& [name, roles] : families) {
    if (roles.size() < 2 || roles.size() > 8) continue;
    add_partial_blocks(recording, roles, to);
    std::vector<std::size_t> order(roles.size());
    std::iota(order.begin(), order.end(), 0);
    while (std::next_permutation(order.begin(), order.end())) add_permutation(recording, roles, order, to);
  }
  add_local_slopes(recording, to);
}

}  // namespace xgrad::auditing
