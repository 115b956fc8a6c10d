// Hypotheses on blocks: the gradients of the parts that one value is cut into, such as the gates of an LSTM, are put together in
// another order.
#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include <xgrad/autograd/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

// The inputs of an affine sum: of affine itself, or of the products and adds that lead to `op`.
std::vector<Edge> sum_inputs(const Recording& recording, std::size_t op) {
  const RecordedOp& sum = recording.ops()[op];
  std::vector<Edge> edges;
  if (!products_of(sum).empty()) {
    for (std::size_t j = 0; j < sum.inputs.size(); ++j) edges.emplace_back(op, j);
  } else if (sum.name == "add") {
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
                                  recording.describe(role),
                                  input.parameter != none ? "'" + recording.paths()[input.parameter] + "'"
                                  : input.source != none  ? recording.describe(ops[input.source].role)
                                                          : "its constant input",
                                  k, roles.size(), factor == 0 ? "is left out" : "has the wrong sign");
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

}  // namespace

void add_block_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  // Parts of the same size cut from the value of the same role.
  std::map<std::string, std::vector<std::size_t>> families;
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const RecordedOp& op = ops[recording.roles()[role].ops.back()];
    if ((op.name != "slice" && op.name != "select") || op.inputs[0].source == none || !op.step) continue;
    families[fmt::format("{} {} {}", op.name, ops[op.inputs[0].source].role, to_string(op.y.shape()))]
        .push_back(role);
  }
  for (const auto& [name, roles] : families) {
    const std::size_t n = roles.size();
    if (n < 2 || n > 8) continue;
    add_partial_blocks(recording, roles, to);
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0);
    const auto offer = [&] {
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
      change.cost = moved <= 2 ? 1 : 1.1;
      change.text = fmt::format(
          "the {} blocks of {} are swapped: what belongs to blocks 0 to {} is put into blocks {}", n,
          recording.describe(ops[ops[recording.roles()[roles[0]].ops.back()].inputs[0].source].role), n - 1,
          text);
      add(to, std::move(change));
    };
    if (n <= 4) {
      while (std::next_permutation(order.begin(), order.end())) offer();
    } else {
      for (std::size_t a = 0; a < n; ++a)
        for (std::size_t b = a + 1; b < n; ++b) {
          std::swap(order[a], order[b]);
          offer();
          std::swap(order[a], order[b]);
        }
    }
  }
}

}  // namespace xgrad::auditing
