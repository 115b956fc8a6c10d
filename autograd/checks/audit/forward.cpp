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
  for (const RecordedOp& reader : ops)
    for (std::size_t j = 0; j < reader.inputs.size(); ++j)
      if (recording.crosses_time(reader, j) && ops[reader.inputs[j].source].role == role)
        if (const std::size_t first = recording.at(reader.role, 0);
            first != none && j < ops[first].inputs.size() &&
            ops[first].inputs[j].value.shape() == state.shape())
          state = ops[first].inputs[j].value;
  return state;
}

// What could be read instead along an edge: what goes into the activation that makes it, or what comes out of
// the one behind it. The change then lets the flow go that way, and says so.
std::optional<Numbers> redirect(const Recording& recording, const Edge& edge, bool behind, Change& change) {
  const auto& ops = recording.ops();
  const std::size_t source = ops[edge.first].inputs[edge.second].source;
  const std::size_t activation = source != none && behind ? activation_of(recording, source) : source;
  if (activation == none || !is_activation(ops[activation])) return std::nullopt;
  const RecordedOp& op = ops[activation];
  const RecordedInput& input = op.inputs[0];
  if (input.source == none) return std::nullopt;
  if (behind) change.edges[edge].through = {activation, 0};
  if (!behind) change.edges[edge].target = input.source;
  change.text = fmt::format("what {} {}", behind ? "comes out of" : "goes into", recording.describe(op.role));
  return behind ? op.y : input.value;
}

// Input x of a role's products, beside the weight W.
void add_reads_of(const Recording& recording, std::size_t role, std::size_t x, std::size_t W, Changes& to) {
  const auto& ops = recording.ops();
  const std::string reads =
      fmt::format("it is that of a forward pass in which {} reads ", recording.describe(role));
  for (const bool behind : {false, true}) {
    Change change{AuditDefect::other_forward, 1, ""};
    for (const std::size_t i : recording.roles()[role])
      if (const auto value = redirect(recording, {i, x}, behind, change))
        read_instead(change, recording, i, x, W, *value);
    change.text =
        reads + change.text + (behind ? "; the forward pass feeds it what goes in" : ", not what comes out");
    add(to, std::move(change));
  }
  Change earlier{AuditDefect::time_shift, 1.05, ""};
  for (const std::size_t i : recording.roles()[role]) {
    const std::size_t source = ops[i].inputs[x].source;
    if (source == none || !ops[i].step || ops[source].step != ops[i].step) continue;
    const std::size_t state = ops[source].role, previous = recording.at(state, *ops[i].step - 1);
    read_instead(earlier, recording, i, x, W,
                 previous != none ? ops[previous].y : initial_state(recording, state));
    earlier.edges[{i, x}] = {.factor = previous != none ? 1.0 : 0.0, .target = previous};
    earlier.text = fmt::format("{}the step before's {}", reads, recording.describe(state));
  }
  add(to, std::move(earlier));
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
    const auto value = redirect(recording, {collector, j}, behind, change);
    if (!value) return;
    numbers.insert(numbers.end(), value->begin(), value->end());
  }
  change.text = fmt::format("it is that of a forward pass in which the layer behind {} reads {}",
                            recording.describe(role), change.text);
  std::size_t read = collector;
  auto readers = recording.readers(read);
  while (readers.size() == 1 && ops[readers[0]].op == ops::reshape) {
    read = readers[0];
    readers = recording.readers(read);
  }
  if (readers.size() != 1 || numbers.size() != stack.y.size()) return;
  const RecordedOp& layer = ops[readers[0]];
  if (products_of(layer).empty()) return;
  for (const auto& [x, W] : products_of(layer))
    if (x < W && layer.inputs[x].source == read)
      read_instead(change, recording, readers[0], x, W, Numbers(layer.inputs[x].value.shape(), numbers));
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
