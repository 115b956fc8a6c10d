// Hypotheses on the loss: the squared error of probabilities where there is a cross entropy; the losses of
// some steps alone.
#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/softmax.hpp>

namespace xgrad::auditing {

namespace {

// Cuts what flows from an op to values of some steps: of its own, or of all where it stands outside of them.
void cut_steps(const Recording& recording, std::size_t op, const SomeSteps& out, Change& change) {
  const auto& ops = recording.ops();
  for (std::size_t j = 0; j < ops[op].inputs.size(); ++j) {
    const std::size_t source = ops[op].inputs[j].source;
    if (source == none || !ops[source].step || (ops[op].step && ops[op].step != ops[source].step)) continue;
    if (out.contain(*ops[source].step, recording.steps())) change.edges[{op, j}].factor = 0;
  }
}

// In a sum over time.
void add_added_losses(const Recording& recording, const Role& role, const SomeSteps& out, Changes& to) {
  Change change{AuditDefect::other_loss, 0.98, fmt::format("{} left out", out.losses)};
  for (const std::size_t i : role)
    if (recording.ops()[i].accumulator) cut_steps(recording, i, out, change);
  add(to, std::move(change));
}

// Where all steps' outputs are one array, time its leading axis: the op nearest to the loss, or none.
std::size_t outputs_of_all_steps(const Recording& recording) {
  for (std::size_t i = recording.loss() + 1; i-- > 0;) {
    const RecordedOp& op = recording.ops()[i];
    if (!op.step && op.y.rank() > 0 && op.y.shape()[0] == recording.steps()) return i;
  }
  return none;
}

void add_masked_losses(const Recording& recording, std::size_t outputs, const SomeSteps& out, Changes& to) {
  const std::size_t T = recording.steps();
  Numbers mask = Numbers::full(recording.ops()[outputs].y.shape(), 1.0);
  for (std::size_t k = 0; k < mask.size(); ++k)
    if (out.contain(k / (mask.size() / T), T)) mask.mutable_data()[k] = 0;
  Change change{AuditDefect::other_loss, 0.98, fmt::format("{} left out", out.losses)};
  change.outputs[outputs] = times(mask);
  add(to, std::move(change));
}

// Where the steps' values are collected.
void add_collected(const Recording& recording, std::size_t op, const SomeSteps& out, Changes& to) {
  const RecordedOp& collector = recording.ops()[op];
  Change change{AuditDefect::missing_term, 1,
                fmt::format("what flows from {} into the steps is left out {}",
                            recording.describe(collector.role), out.where)};
  if (!collector.step) cut_steps(recording, op, out, change);
  add(to, std::move(change));
}

// softmax and the squared error instead of its cross entropy, or as much of that as its slope.
void add_squared_errors(const Recording& recording, std::size_t role, Changes& to) {
  const auto offer = [&](const char* text, const std::function<Map(const RecordedOp&)>& make) {
    add(to, {AuditDefect::other_loss, 1, text}, recording, role, 0,
        [&](std::size_t i) { return make(recording.ops()[i]); });
  };
  const auto softmax_of = [](const RecordedOp& op) {
    return alone([](const auto& x) { return softmax(x); }, op.inputs[0].value);
  };
  offer("the gradient is that of the squared error of the probabilities, not of the cross entropy",
        [&](const RecordedOp& op) {
          return [&op, p = softmax_of(op)](const Numbers& dy) { return p->vjp(0, op.vjp(0, dy)); };
        });
  offer(
      "the output error p - target is multiplied with a slope p (1 - p), which the cross entropy of a "
      "softmax does not have: that is for a squared error",
      [&](const RecordedOp& op) {
        const Numbers p = softmax_of(op)->y;
        return [&op, slope = p * (1 - p)](const Numbers& dy) { return op.vjp(0, dy) * slope; };
      });
}

// log(1 + e^x) - t x is the binary cross entropy of a logit x.
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
    if (op == ops::softplus) add_squared_error_of_logits(recording, role, to);
  }
  if (recording.steps() < 2) return;
  const std::size_t outputs = outputs_of_all_steps(recording);
  for (const SomeSteps& out : some_steps) {
    for (const Role& role : recording.roles()) add_added_losses(recording, role, out, to);
    if (outputs != none) add_masked_losses(recording, outputs, out, to);
    for (std::size_t i = recording.loss() + 1; i-- > 0;) add_collected(recording, i, out, to);
  }
}

}  // namespace xgrad::auditing
