// What the families of hypotheses have in common; see candidates.hpp.
#include <xgrad/autograd/checks/audit/candidates.hpp>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/linear.hpp>

namespace xgrad::auditing {

Changes candidates(const Recording& recording) {
  Changes all;
  for (const auto add_family : {add_flow_changes, add_slope_changes, add_loss_changes, add_forward_changes,
                                add_block_changes, add_path_changes, add_operand_changes})
    add_family(recording, all);
  return all;
}

void add(Changes& to, Change change) {
  if (change.edges.empty() && change.outputs.empty() && !change.crossings) return;
  for (const auto& [edge, rule] : change.edges) change.last_op = std::max(change.last_op, edge.first);
  for (const auto& [op, map] : change.outputs) change.last_op = std::max(change.last_op, op);
  to.push_back(std::make_shared<const Change>(std::move(change)));
}

void add(Changes& to, Change change, const std::vector<Edge>& edges, double factor) {
  for (const Edge& edge : edges) change.edges[edge].factor = factor;
  add(to, std::move(change));
}

void add(Changes& to, Change change, const Recording& recording, std::size_t role, std::size_t j,
         const std::function<Map(const RecordedOp& op)>& make) {
  for (const std::size_t i : recording.roles()[role]) {
    const RecordedOp& op = recording.ops()[i];
    if (j >= op.inputs.size() || op.inputs[j].vjp == nullptr) continue;
    if (Map vjp = make(op)) change.edges[{i, j}].vjp = std::move(vjp);
  }
  add(to, std::move(change));
}

Map times(const Numbers& numbers) {
  return [numbers](const Numbers& dy) { return dy * numbers; };
}

Map vjp_times(const RecordedOp& op, std::size_t j, const Numbers& numbers) {
  return [&op, j, numbers](const Numbers& dy) { return op.vjp(j, dy * numbers); };
}

bool is_activation(const RecordedOp& op) {
  return op.inputs.size() == 1 && op.op.kind() == OpKind::activation;
}

std::vector<Value> values_like(const Recording& recording, std::size_t role, const Shape& shape) {
  std::vector<Value> values;
  std::set<std::size_t> parameters;
  for (std::size_t other = 0; other < recording.roles().size(); ++other) {
    const RecordedOp& op = recording.last(other);
    if (op.loop != recording.last(role).loop) continue;
    if (op.y.shape() == shape) values.push_back({recording.describe(other), other});
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      const RecordedInput& input = op.inputs[j];
      if (input.value.shape() != shape) continue;
      const bool known = input.parameter != none ? !parameters.insert(input.parameter).second
                                                 : input.source != none && !recording.crosses_time(op, j);
      const std::string constant = fmt::format("the constant that {} reads", recording.describe(other));
      if (!known) values.push_back({recording.describe(op, j, constant.c_str()), other, j});
    }
  }
  return values;
}

Value neighbour(std::size_t role, bool after, std::size_t k) {
  return {after ? "its value at the step after" : "its value at the step before", role, k, after ? 1 : -1};
}

Numbers value_at(const Recording& recording, const Value& value, const RecordedOp& op) {
  const auto number = [&](const RecordedOp& made) {
    if (value.input == none) return made.y;
    return value.input < made.inputs.size() ? made.inputs[value.input].value : Numbers();
  };
  const std::size_t i = recording.at(value.role, op.step ? std::optional(*op.step + value.shift) : op.step);
  if (i != none) return number(recording.ops()[i]);
  return value.shift == 0 ? Numbers() : Numbers::zeros(number(recording.last(value.role)).shape());
}

std::vector<std::pair<std::size_t, std::size_t>> products_of(const RecordedOp& op) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  const std::size_t operands = op.op == ops::matmul   ? 2
                               : op.op == ops::affine ? op.inputs.size() - 1
                                                      : 0;  // a bias is the last
  for (std::size_t j = 0; j + 1 < operands; j += 2) pairs.insert(pairs.end(), {{j, j + 1}, {j + 1, j}});
  return pairs;
}

namespace {

// Which operands the recorded product transposed: it does not say, but its value does.
std::optional<Transpose> transpose_of(const RecordedOp& op) {
  if (op.op == ops::affine) return Transpose::none;
  const Numbers &x = op.inputs[0].value, &W = op.inputs[1].value;
  for (const Transpose t : {Transpose::none, Transpose::first, Transpose::second, Transpose::both}) {
    try {
      const Inference pause;
      const Numbers y = matmul(Variable<Complex>(x), Variable<Complex>(W), t).value();
      if (y.shape() == op.y.shape() && std::equal(y.begin(), y.end(), op.y.begin(),
                                                  [](Complex a, Complex b) { return a.real() == b.real(); }))
        return t;
    } catch (const Error&) {  // the shapes do not fit
    }
  }
  return std::nullopt;
}

}  // namespace

Map vjp_beside(const RecordedOp& op, std::size_t j, std::size_t k, const Numbers& value) {
  const Numbers& own = op.inputs[j].value;
  if (op.op == ops::multiply)
    return [value, shape = own.shape()](const Numbers& dy) {
      const Numbers dx = dy * value;
      return dx.shape() == shape ? dx : kernels::sum_to(dx, shape);
    };
  const auto transpose = transpose_of(op);
  if (!transpose) return {};
  const bool first = j < k;
  try {
    const auto product = alone([&](const auto& x, const auto& W) { return matmul(x, W, *transpose); },
                               first ? own : value, first ? value : own);
    if (product->y.shape() != op.y.shape()) return {};
    return [product, first](const Numbers& dy) { return product->vjp(first ? 0 : 1, dy); };
  } catch (const Error&) {  // the shapes do not fit
    return {};
  }
}

}  // namespace xgrad::auditing
