// Hypotheses on the loss: the squared error of probabilities where there is a cross entropy; the losses of
// some steps alone.
#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/softmax.hpp>

namespace xgrad::auditing {

namespace {

// The edges from a role's ops to values of the given steps. An op in a step counts with the values of its own
// step alone, one outside of all steps with those of every step.
std::vector<Edge> edges_to(const Recording& recording, const Role& role, const SomeSteps& steps) {
  const auto& ops = recording.ops();
  std::vector<Edge> edges;
  for (const std::size_t i : role)
    for (std::size_t j = 0; j < ops[i].inputs.size(); ++j) {
      const std::size_t source = ops[i].inputs[j].source;
      if (source == none || !ops[source].step || (ops[i].step && ops[i].step != ops[source].step)) continue;
      if (steps.contain(*ops[source].step, recording.steps())) edges.emplace_back(i, j);
    }
  return edges;
}

// Where all steps' outputs are one array, time its leading axis: the op nearest to the loss, or none.
std::size_t outputs_of_all_steps(const Recording& recording) {
  for (std::size_t i = recording.loss() + 1; i-- > 0;) {
    const RecordedOp& op = recording.ops()[i];
    if (!op.step && op.y.rank() > 0 && op.y.shape()[0] == recording.steps()) return i;
  }
  return none;
}

// Outputs of some of the T steps left out of the loss.
Map masked(const Shape& shape, const SomeSteps& out, std::size_t T) {
  Numbers mask = Numbers::full(shape, 1.0);
  for (std::size_t k = 0; k < mask.size(); ++k)
    if (out.contain(k / (mask.size() / T), T)) mask.mutable_data()[k] = 0;
  return times(mask);
}

// softmax and the squared error instead of its cross entropy, or as much of that as its slope.
void add_squared_errors(const Recording& recording, std::size_t role, Changes& to) {
  const auto softmax_of = [](const RecordedOp& op) {
    return alone([](const auto& x) { return softmax(x); }, op.inputs[0].value);
  };
  add(to,
      {AuditDefect::other_loss, 1,
       "the gradient is that of the squared error of the probabilities, not of the cross entropy"},
      recording, role, 0, [&](const RecordedOp& op) {
        return [&op, p = softmax_of(op)](const Numbers& dy) { return p->vjp(0, op.vjp(0, dy)); };
      });
  add(to,
      {AuditDefect::other_loss, 1,
       "the output error p - target is multiplied with a slope p (1 - p), which the cross entropy of a "
       "softmax does not have: that is for a squared error"},
      recording, role, 0, [&](const RecordedOp& op) {
        const Numbers p = softmax_of(op)->y;
        return [&op, slope = p * (1 - p)](const Numbers& dy) { return op.vjp(0, dy) * slope; };
      });
}

// The binary cross entropy of a logit x, or log(1 + e^x) of one written as log(1 + e^x) - t x.
void add_squared_error_of_logits(const Recording& recording, std::size_t role, Changes& to) {
  Change squared{
      AuditDefect::other_loss, 1,
      "the output error o - target is multiplied with the slope o (1 - o): that is the gradient of "
      "the squared error, not of the cross entropy"};
  for (const std::size_t i : recording.roles()[role]) {
    const RecordedInput& logits = recording.ops()[i].inputs[0];
    if (logits.source == none) continue;
    const Numbers o = kernels::map([](Complex x) { return scalar::sigmoid(x); }, logits.value);
    squared.outputs[logits.source] = times(o * (1 - o));
  }
  add(to, std::move(squared));
}

}  // namespace

void add_loss_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const Op& op = recording.last(role).op;
    if (op == ops::softmax_cross_entropy || op == ops::cross_entropy) add_squared_errors(recording, role, to);
    if (op == ops::softplus || op == functions::BinaryCrossEntropy::op)
      add_squared_error_of_logits(recording, role, to);
  }
  if (recording.steps() < 2) return;
  const std::size_t outputs = outputs_of_all_steps(recording);
  for (const SomeSteps& out : some_steps) {
    const Change left_out{AuditDefect::other_loss, 0.98, fmt::format("{} left out", out.losses)};
    for (const Role& role : recording.roles())
      if (recording.ops()[role.back()].accumulator) add(to, left_out, edges_to(recording, role, out), 0);
    if (outputs != none) {
      Change change = left_out;
      change.outputs[outputs] = masked(recording.ops()[outputs].y.shape(), out, recording.steps());
      add(to, std::move(change));
    }
    for (std::size_t i = recording.loss() + 1; i-- > 0;)  // where the steps' values are collected
      if (const RecordedOp& collector = recording.ops()[i]; !collector.step)
        add(to,
            {AuditDefect::missing_term, 1,
             fmt::format("what flows from {} into the steps is left out {}",
                         recording.describe(collector.role), out.where)},
            edges_to(recording, {i}, out), 0);
  }
}

}  // namespace xgrad::auditing
