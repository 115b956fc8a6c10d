// Hypotheses on the forward pass: the gradient is that of another one, in which a product reads another
// value: before or behind an activation, or of the step before. Both the weight's gradient and the flow into
// the value are then the other's.
#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

using Numbers = Array<Complex>;

Change reads(AuditDefect defect, double cost, std::string text) {
  Change change;
  change.defect = defect;
  change.cost = cost;
  change.text = std::move(text);
  return change;
}

// The weight's gradient, if its factor were `value` instead of input x.
void read_instead(Change& change, const Recording& recording, std::size_t i, const ProductPlace& place,
                  bool x_is_first, const Numbers& value) {
  const RecordedOp& op = recording.ops()[i];
  const std::size_t x = x_is_first ? place.x : place.W, W = x_is_first ? place.W : place.x;
  const auto vjp = x_is_first ? product_vjp(op, place, false, value, op.inputs[W].value)
                              : product_vjp(op, place, true, op.inputs[W].value, value);
  if (vjp && op.inputs[x].value.shape() == value.shape()) change.set(i, W, {.vjp = *vjp});
}

// The activation that follows an op in its step, or none.
std::size_t activation_of(const Recording& recording, std::size_t op) {
  for (const std::size_t reader : recording.readers(op))
    if (is_activation(recording.ops()[reader]) && recording.ops()[reader].step == recording.ops()[op].step)
      return reader;
  return none;
}

void add_reads_of(const Recording& recording, std::size_t role, const ProductPlace& place, bool x_is_first,
                  Changes& to) {
  const auto& ops = recording.ops();
  const auto& members = recording.roles()[role].ops;
  const std::size_t x = x_is_first ? place.x : place.W;
  const std::string name = recording.describe(role);
  auto before = reads(AuditDefect::other_forward, 1, ""), behind = before,
       earlier = reads(AuditDefect::time_shift, 1.05, "");
  for (const std::size_t i : members) {
    const std::size_t source = ops[i].inputs[x].source;
    if (source == none) continue;
    const RecordedOp& made = ops[source];
    if (is_activation(made) && made.inputs[0].source != none) {
      read_instead(before, recording, i, place, x_is_first, made.inputs[0].value);
      before.set(i, x, {.target = made.inputs[0].source});
      before.text =
          fmt::format("it is that of a forward pass in which {} reads what goes into {}, not what comes out",
                      name, recording.describe(made.role));
    }
    if (const std::size_t activation = activation_of(recording, source);
        activation != none && activation != i && !(ops[i].op == ops[activation].op)) {
      read_instead(behind, recording, i, place, x_is_first, ops[activation].y);
      behind.set(i, x, {.through = {activation, 0}});
      behind.text = fmt::format(
          "it is that of a forward pass in which {} reads what comes out of {}; the forward pass "
          "feeds it what goes in",
          name, recording.describe(ops[activation].role));
    }
    if (ops[i].step && made.step == ops[i].step) {
      const std::size_t t = *ops[i].step, previous = t == 0 ? none : recording.at(made.role, t - 1);
      // What the first step found as the state before it.
      Numbers value = previous != none ? ops[previous].y : Numbers::zeros(made.y.shape());
      for (std::size_t r = 0; r < recording.roles().size() && previous == none; ++r)
        for (const std::size_t reader : recording.roles()[r].ops)
          for (std::size_t j = 0; j < ops[reader].inputs.size(); ++j)
            if (recording.crosses_time(ops[reader], j) && ops[ops[reader].inputs[j].source].role == made.role)
              if (const std::size_t first = recording.at(r, 0);
                  first != none && j < ops[first].inputs.size() &&
                  ops[first].inputs[j].value.shape() == value.shape())
                value = ops[first].inputs[j].value;
      read_instead(earlier, recording, i, place, x_is_first, value);
      EdgeRule rule;
      if (previous != none) rule.target = previous;
      if (previous == none) rule.factor = 0;
      earlier.set(i, x, std::move(rule));
      earlier.text = fmt::format("it is that of a forward pass in which {} reads the step before's {}", name,
                                 recording.describe(made.role));
    }
  }
  for (Change* change : {&before, &behind, &earlier})
    if (!change->text.empty()) add(to, std::move(*change));
}

// A layer outside of the loop reads all steps' values at once, collected by stack: the same for those.
void add_stacked_reads(const Recording& recording, std::size_t role, Changes& to) {
  const auto& ops = recording.ops();
  const std::size_t collector = recording.roles()[role].ops.front();
  const RecordedOp& stack = ops[collector];
  if (stack.step || !(stack.op == ops::stack) || stack.inputs.empty()) return;
  const auto offer = [&](bool behind) {
    auto change = reads(AuditDefect::other_forward, 1, "");
    std::vector<Complex> numbers;
    for (std::size_t j = 0; j < stack.inputs.size(); ++j) {
      const std::size_t source = stack.inputs[j].source;
      if (source == none) return;
      const std::size_t activation = behind ? activation_of(recording, source) : source;
      if (activation == none || !is_activation(ops[activation]) || ops[activation].inputs[0].source == none)
        return;
      const Numbers& value = behind ? ops[activation].y : ops[activation].inputs[0].value;
      numbers.insert(numbers.end(), value.begin(), value.end());
      EdgeRule rule;
      if (behind) rule.through = {activation, 0};
      if (!behind) rule.target = ops[activation].inputs[0].source;
      change.set(collector, j, std::move(rule));
      change.text = fmt::format("it is that of a forward pass in which the layer behind {} reads what {} {}",
                                recording.describe(role), behind ? "comes out of" : "goes into",
                                recording.describe(ops[activation].role));
    }
    std::size_t reader = collector;  // through reshapes
    while (recording.readers(reader).size() == 1 && products_of(ops[recording.readers(reader)[0]]).empty()) {
      reader = recording.readers(reader)[0];
      if (!(ops[reader].op == ops::reshape)) return;
    }
    if (recording.readers(reader).size() != 1 || numbers.size() != stack.y.size()) return;
    const std::size_t i = recording.readers(reader)[0];
    for (const ProductPlace& place : products_of(ops[i]))
      if (ops[i].inputs[place.x].source == reader)
        read_instead(change, recording, i, place, true,
                     Numbers(ops[i].inputs[place.x].value.shape(), numbers));
    add(to, std::move(change));
  };
  // Along the leading axis, the numbers of all lie one after another.
  const auto& first = stack.inputs[0].value;
  if (stack.y.rank() > 0 && stack.y.shape()[0] == stack.inputs.size() &&
      std::equal(first.begin(), first.end(), stack.y.begin())) {
    offer(false);
    offer(true);
  }
}

}  // namespace

void add_forward_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const RecordedOp& op = recording.ops()[recording.roles()[role].ops.back()];
    for (const ProductPlace& place : products_of(op)) {
      if (op.inputs[place.W].parameter != none) add_reads_of(recording, role, place, true, to);
      if (op.inputs[place.x].parameter != none) add_reads_of(recording, role, place, false, to);
    }
    add_stacked_reads(recording, role, to);
  }
}

}  // namespace xgrad::auditing
