// Hypotheses on the forward pass: the gradient is that of another one, in which a product reads another
// value: before or behind an activation, or of the step before. Both the weight's gradient and the flow into
// the value are then the other's.
#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

// The gradient of the weight, input W, as if op i had read `value` as its input x.
void read_instead(Change& change, const Recording& recording, std::size_t i, std::size_t x, std::size_t W,
                  const Numbers& value) {
  const RecordedOp& op = recording.ops()[i];
  if (op.inputs[x].value.shape() != value.shape()) return;
  if (Map vjp = vjp_beside(op, W, x, value)) change.edges[{i, W}].vjp = std::move(vjp);
}

// The activation that follows an op in its step, or none.
std::size_t activation_of(const Recording& recording, std::size_t op) {
  for (const std::size_t reader : recording.readers(op))
    if (is_activation(recording.ops()[reader]) && recording.ops()[reader].step == recording.ops()[op].step)
      return reader;
  return none;
}

// What the first step found as the state before it, where later steps find what ops of the role have made.
Numbers initial_state(const Recording& recording, std::size_t role) {
  const auto& ops = recording.ops();
  Numbers state = Numbers::zeros(recording.last(role).y.shape());
  for (std::size_t r = 0; r < recording.roles().size(); ++r)
    for (const std::size_t reader : recording.roles()[r])
      for (std::size_t j = 0; j < ops[reader].inputs.size(); ++j)
        if (recording.crosses_time(ops[reader], j) && ops[ops[reader].inputs[j].source].role == role)
          if (const std::size_t first = recording.at(r, 0);
              first != none && j < ops[first].inputs.size() &&
              ops[first].inputs[j].value.shape() == state.shape())
            state = ops[first].inputs[j].value;
  return state;
}

// Input x of a role's products, beside the weight W.
void add_reads_of(const Recording& recording, std::size_t role, std::size_t x, std::size_t W, Changes& to) {
  const auto& ops = recording.ops();
  const std::string reads =
      fmt::format("it is that of a forward pass in which {} reads ", recording.describe(role));
  Change before{AuditDefect::other_forward, 1, ""}, behind = before;
  Change earlier{AuditDefect::time_shift, 1.05, ""};
  for (const std::size_t i : recording.roles()[role]) {
    const std::size_t source = ops[i].inputs[x].source;
    if (source == none) continue;
    const RecordedOp& made = ops[source];
    if (is_activation(made) && made.inputs[0].source != none) {
      read_instead(before, recording, i, x, W, made.inputs[0].value);
      before.edges[{i, x}].target = made.inputs[0].source;
      before.text =
          fmt::format("{}what goes into {}, not what comes out", reads, recording.describe(made.role));
    }
    if (const std::size_t activation = activation_of(recording, source);
        activation != none && activation != i && !(ops[i].op == ops[activation].op)) {
      read_instead(behind, recording, i, x, W, ops[activation].y);
      behind.edges[{i, x}].through = {activation, 0};
      behind.text = fmt::format("{}what comes out of {}; the forward pass feeds it what goes in", reads,
                                recording.describe(ops[activation].role));
    }
    if (ops[i].step && made.step == ops[i].step) {
      const std::size_t previous = recording.at(made.role, *ops[i].step - 1);
      read_instead(earlier, recording, i, x, W,
                   previous != none ? ops[previous].y : initial_state(recording, made.role));
      EdgeRule& rule = earlier.edges[{i, x}];
      if (previous != none) rule.target = previous;
      if (previous == none) rule.factor = 0;
      earlier.text = fmt::format("{}the step before's {}", reads, recording.describe(made.role));
    }
  }
  for (Change* change : {&before, &behind, &earlier})
    if (!change->text.empty()) add(to, std::move(*change));
}

// A layer outside of the loop reads all steps' values at once, collected by stack: the same for those, before
// or behind the activation.
void add_stacked_reads(const Recording& recording, std::size_t role, bool behind, Changes& to) {
  const auto& ops = recording.ops();
  const std::size_t collector = recording.roles()[role].front();
  const RecordedOp& stack = ops[collector];
  if (stack.step || !(stack.op == ops::stack) || stack.inputs.empty()) return;
  // Along the leading axis, the numbers of all lie one after another.
  const Numbers& first = stack.inputs[0].value;
  if (stack.y.rank() == 0 || stack.y.shape()[0] != stack.inputs.size() ||
      !std::equal(first.begin(), first.end(), stack.y.begin()))
    return;
  Change change{AuditDefect::other_forward, 1, ""};
  std::vector<Complex> numbers;
  for (std::size_t j = 0; j < stack.inputs.size(); ++j) {
    const std::size_t source = stack.inputs[j].source;
    if (source == none) return;
    const std::size_t activation = behind ? activation_of(recording, source) : source;
    if (activation == none || !is_activation(ops[activation]) || ops[activation].inputs[0].source == none)
      return;
    const Numbers& value = behind ? ops[activation].y : ops[activation].inputs[0].value;
    numbers.insert(numbers.end(), value.begin(), value.end());
    EdgeRule& rule = change.edges[{collector, j}];
    if (behind) rule.through = {activation, 0};
    if (!behind) rule.target = ops[activation].inputs[0].source;
    change.text = fmt::format("it is that of a forward pass in which the layer behind {} reads what {} {}",
                              recording.describe(role), behind ? "comes out of" : "goes into",
                              recording.describe(ops[activation].role));
  }
  std::size_t read = collector, reader = none;
  do {  // through reshapes
    const auto readers = recording.readers(read);
    if (readers.size() != 1) return;
    reader = readers[0];
    if (ops[reader].op == ops::reshape) read = reader;
  } while (read == reader);
  if (products_of(ops[reader]).empty() || numbers.size() != stack.y.size()) return;
  for (const auto& [x, W] : products_of(ops[reader]))
    if (x < W && ops[reader].inputs[x].source == read)
      read_instead(change, recording, reader, x, W, Numbers(ops[reader].inputs[x].value.shape(), numbers));
  add(to, std::move(change));
}

}  // namespace

void add_forward_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const RecordedOp& op = recording.last(role);
    for (const auto& [x, W] : products_of(op))
      if (op.inputs[W].parameter != none) add_reads_of(recording, role, x, W, to);
    for (const bool behind : {false, true}) add_stacked_reads(recording, role, behind, to);
  }
}

}  // namespace xgrad::auditing
