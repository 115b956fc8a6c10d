// Hypotheses on the loss: the squared error of probabilities where there is a cross entropy; the losses of
// some steps alone.
#include <cmath>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

using Numbers = Array<Complex>;

// softmax over the last axis.
Numbers probabilities(const Numbers& logits) {
  Numbers p = logits.copy();
  Complex* const out = p.mutable_data();
  const std::size_t V = p.rank() == 0 ? 1 : p.shape().back();
  for (std::size_t r = 0; r + V <= p.size() && V > 0; r += V) {
    double largest = -INFINITY, sum = 0;
    for (std::size_t v = 0; v < V; ++v) largest = std::max(largest, out[r + v].real());
    for (std::size_t v = 0; v < V; ++v) sum += (out[r + v] = std::exp(out[r + v].real() - largest)).real();
    for (std::size_t v = 0; v < V; ++v) out[r + v] /= sum;
  }
  return p;
}

// The vjp of softmax.
Numbers through_softmax(const Numbers& p, const Numbers& dp) {
  Numbers dx = p * dp;
  Complex* const out = dx.mutable_data();
  const std::size_t V = p.shape().back();
  for (std::size_t r = 0; r + V <= p.size(); r += V) {
    Complex sum = 0;
    for (std::size_t v = 0; v < V; ++v) sum += out[r + v];
    for (std::size_t v = 0; v < V; ++v) out[r + v] -= p.data()[r + v] * sum;
  }
  return dx;
}

Change other_loss(std::string text, double cost) {
  Change change;
  change.defect = AuditDefect::other_loss;
  change.text = std::move(text);
  change.cost = cost;
  return change;
}

// What is left out of a sequence's losses.
struct LeftOut {
  const char* text;
  const char* part;
  bool (*out)(std::size_t t, std::size_t steps);
};
constexpr LeftOut left_out[] = {
    {"the losses of all steps but the last are left out", "at all steps but the last",
     [](std::size_t t, std::size_t T) { return t + 1 < T; }},
    {"the loss of the last step is left out", "at the last step",
     [](std::size_t t, std::size_t T) { return t + 1 == T; }},
    {"the loss of the first step is left out", "at the first step",
     [](std::size_t t, std::size_t) { return t == 0; }}};

// In a sum over time.
void add_added_losses(const Recording& recording, const Role& role, const LeftOut& what, Changes& to) {
  const auto& ops = recording.ops();
  Change change = other_loss(what.text, 0.98);
  for (const std::size_t i : role.ops)
    for (std::size_t j = 0; j < ops[i].inputs.size(); ++j) {
      const std::size_t source = ops[i].inputs[j].source;
      if (source != none && ops[i].accumulator && ops[source].step == ops[i].step &&
          what.out(*ops[i].step, recording.steps()))
        change.edges[{i, j}].factor = 0;
    }
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

void add_masked_losses(const Recording& recording, std::size_t outputs, const LeftOut& what, Changes& to) {
  const std::size_t T = recording.steps();
  Numbers mask = Numbers::full(recording.ops()[outputs].y.shape(), 1.0);
  for (std::size_t k = 0; k < mask.size(); ++k)
    if (what.out(k / (mask.size() / T), T)) mask.mutable_data()[k] = 0;
  Change change = other_loss(what.text, 0.98);
  change.outputs[outputs] = [mask](const Numbers& dy) { return dy * mask; };
  add(to, std::move(change));
}

// Where the steps' values are collected.
void add_collected(const Recording& recording, std::size_t op, const LeftOut& what, Changes& to) {
  const RecordedOp& collector = recording.ops()[op];
  Change change = other_loss(fmt::format("what flows from {} into the steps is left out {}",
                                         recording.describe(collector.role), what.part),
                             1);
  change.defect = AuditDefect::missing_term;
  for (std::size_t j = 0; j < collector.inputs.size() && !collector.step; ++j) {
    const std::size_t source = collector.inputs[j].source;
    if (source != none && recording.ops()[source].step &&
        what.out(*recording.ops()[source].step, recording.steps()))
      change.edges[{op, j}].factor = 0;
  }
  add(to, std::move(change));
}

void add_step_losses(const Recording& recording, Changes& to) {
  if (recording.steps() < 2) return;
  const std::size_t outputs = outputs_of_all_steps(recording);
  for (const LeftOut& what : left_out) {
    for (const Role& role : recording.roles()) add_added_losses(recording, role, what, to);
    if (outputs != none) add_masked_losses(recording, outputs, what, to);
    for (std::size_t i = recording.loss() + 1; i-- > 0;) add_collected(recording, i, what, to);
  }
}

}  // namespace

void add_loss_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const auto& members = recording.roles()[role].ops;
    const RecordedOp& last = ops[members.back()];
    if (last.op == ops::softmax_cross_entropy || last.op == ops::cross_entropy) {
      Change squared = other_loss(
                 "the gradient is that of the squared error of the probabilities, not of the cross entropy",
                 1),
             sloped = other_loss(
                 "the output error p - target is multiplied with a slope p (1 - p), which the cross "
                 "entropy of a softmax does not have: that is for a squared error",
                 1);
      for (const std::size_t i : members) {
        const Numbers p = probabilities(ops[i].inputs[0].value);
        const RecordedOp& op = ops[i];
        squared.set(i, 0, {.vjp = [&op, p](const Numbers& dy) { return through_softmax(p, op.vjp(0, dy)); }});
        sloped.set(i, 0, {.vjp = [&op, p](const Numbers& dy) { return op.vjp(0, dy) * p * (1 - p); }});
      }
      add(to, std::move(squared));
      add(to, std::move(sloped));
    }
    if (last.op == ops::softplus) {  // log(1 + e^x) - t x is the binary cross entropy of a logit x
      Change squared = other_loss(
          "the output error o - target is multiplied with the slope o (1 - o): that is the "
          "gradient of the squared error, not of the cross entropy",
          1);
      for (const std::size_t i : members) {
        const std::size_t logits = ops[i].inputs[0].source;
        if (logits == none) continue;
        Numbers slope = ops[i].inputs[0].value.copy();
        for (Complex* s = slope.mutable_data(); s != slope.end(); ++s) {
          const double o = 1 / (1 + std::exp(-s->real()));
          *s = o * (1 - o);
        }
        squared.outputs[logits] = [slope](const Numbers& dy) { return dy * slope; };
      }
      add(to, std::move(squared));
    }
  }
  add_step_losses(recording, to);
}

}  // namespace xgrad::auditing
