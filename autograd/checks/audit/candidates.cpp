// What the families of hypotheses have in common; see candidates.hpp.
#include <xgrad/autograd/checks/audit/candidates.hpp>

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/linear.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::auditing {

void add(Changes& to, Change change) {
  if (change.empty()) return;
  for (const auto& [edge, rule] : change.edges) change.last_op = std::max(change.last_op, edge.first);
  for (const auto& [op, map] : change.outputs) change.last_op = std::max(change.last_op, op);
  to.push_back(std::make_shared<const Change>(std::move(change)));
}

Changes candidates(const Recording& recording) {
  Changes all;
  add_flow_changes(recording, all);
  add_slope_changes(recording, all);
  add_loss_changes(recording, all);
  add_forward_changes(recording, all);
  add_block_changes(recording, all);
  add_path_changes(recording, all);
  add_operand_changes(recording, all);
  return all;
}

bool is_activation(const RecordedOp& op) {
  return op.inputs.size() == 1 && op.op.kind() == OpKind::activation;
}

std::vector<Value> values_like(const Recording& recording, std::size_t role, const Shape& shape) {
  const auto& ops = recording.ops();
  const RecordedOp& here = ops[recording.roles()[role].ops.back()];
  std::vector<Value> values;
  std::vector<std::size_t> parameters;
  for (std::size_t other = 0; other < recording.roles().size(); ++other) {
    const RecordedOp& op = ops[recording.roles()[other].ops.back()];
    if (op.loop != here.loop) continue;
    const auto find = [&recording, other](std::size_t at) -> std::size_t {
      const auto& step = recording.ops()[at].step;
      return step ? recording.at(other, *step) : recording.roles()[other].ops.front();
    };
    if (op.y.shape() == shape)
      values.push_back({recording.describe(other), shape, other,
                        [&ops, find](std::size_t at) -> std::optional<Array<Complex>> {
                          const std::size_t i = find(at);
                          if (i == none) return std::nullopt;
                          return ops[i].y;
                        }});
    for (std::size_t j = 0; j < op.inputs.size(); ++j) {
      const RecordedInput& input = op.inputs[j];
      if (input.value.shape() != shape) continue;
      std::string name;
      if (input.parameter != none) {
        if (std::find(parameters.begin(), parameters.end(), input.parameter) != parameters.end()) continue;
        parameters.push_back(input.parameter);
        name = "'" + recording.paths()[input.parameter] + "'";
      } else if (input.source == none) {
        name = fmt::format("the constant that {} reads", recording.describe(other));
      } else if (recording.crosses_time(op, j)) {
        name = fmt::format("the step before's {}", recording.describe(ops[input.source].role));
      } else {
        continue;
      }
      values.push_back({name, shape, none, [&ops, find, j](std::size_t at) -> std::optional<Array<Complex>> {
                          const std::size_t i = find(at);
                          if (i == none || j >= ops[i].inputs.size()) return std::nullopt;
                          return ops[i].inputs[j].value;
                        }});
    }
  }
  return values;
}

std::vector<ProductPlace> products_of(const RecordedOp& op) {
  if (op.op == ops::matmul) return {{0, 1}};
  std::vector<ProductPlace> places;
  if (op.op == ops::affine)
    for (std::size_t j = 0; j + 2 < op.inputs.size(); j += 2) places.push_back({j, j + 1});
  return places;
}

namespace {

// The product of two matrices, recorded.
struct TracedProduct {
  Trace<Complex> trace;
  std::optional<Graph<Complex>> graph;  // owns the vjps

  TracedProduct(const Array<Complex>& x, const Array<Complex>& W, Transpose transpose) {
    Tape<Complex> tape(trace);
    matmul(tape.leaf(x), tape.leaf(W), transpose);
    graph.emplace(tape.release());
  }
  const TracedOp<Complex>& op() const { return trace.ops().front(); }
};

// Which operands the recorded matmul transposed: it does not say, but its value does.
std::optional<Transpose> transpose_of(const RecordedOp& op) {
  if (op.op == ops::affine) return Transpose::none;
  const Array<Complex>&x = op.inputs[0].value, &W = op.inputs[1].value;
  for (const Transpose t : {Transpose::none, Transpose::first, Transpose::second, Transpose::both}) {
    try {
      const Inference pause;
      const Array<Complex> y = matmul(Variable<Complex>(x), Variable<Complex>(W), t).value();
      if (y.shape() == op.y.shape() && std::equal(y.begin(), y.end(), op.y.begin(),
                                                  [](Complex a, Complex b) { return a.real() == b.real(); }))
        return t;
    } catch (const Error&) {  // the shapes do not fit
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Map> product_vjp(const RecordedOp& op, const ProductPlace& place, bool of_x,
                               const Array<Complex>& x, const Array<Complex>& W) {
  const auto transpose = transpose_of(op);
  const RecordedInput& input = op.inputs[of_x ? place.x : place.W];
  if (!transpose) return std::nullopt;
  try {
    const auto product = std::make_shared<const TracedProduct>(x, W, *transpose);
    const std::size_t j = of_x ? 0 : 1;
    if (product->op().y.shape() != op.y.shape() ||
        product->op().inputs[j].value.shape() != input.value.shape())
      return std::nullopt;
    return [product, j](const Array<Complex>& dy) { return product->op().vjp(j, dy); };
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace xgrad::auditing
