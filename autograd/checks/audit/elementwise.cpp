// Hypotheses on elementwise products, of which cells with gates are made; see operands.hpp.
#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/operands.hpp>
#include <xgrad/autograd/numbers/sum.hpp>

namespace xgrad::auditing {

namespace {

using Numbers = Array<Complex>;

// The vjp with `value` for the other operand.
Map times(const Numbers& value, const Shape& shape) {
  return [value, shape](const Numbers& dy) {
    const Numbers dx = dy * value;
    return dx.shape() == shape ? dx : kernels::sum_to(dx, shape);
  };
}

// The operand itself, made into something else.
void offer_functions(const Recording& recording, std::size_t role, std::size_t j, const Build& build,
                     Changes& to) {
  const RecordedOp& last = recording.ops()[recording.roles()[role].ops.back()];
  struct Kind {
    const char* text;
    double cost;
    Numbers (*f)(const Numbers&);
  };
  for (const Kind& kind :
       {Kind{"leaves out the factor v", 1.05, [](const Numbers& v) { return Numbers::full(v.shape(), 1.0); }},
        {"uses v (1 - v) instead of v", 1.3, [](const Numbers& v) { return v * (1 - v); }},
        {"uses 1 - v^2 instead of v", 1.3, [](const Numbers& v) { return 1 - v * v; }},
        {"uses 1 - v instead of v", 1.3, [](const Numbers& v) { return 1 - v; }},
        {"uses v^2 instead of v", 1.3, [](const Numbers& v) { return v * v; }}}) {
    const Value value{"", last.inputs[1 - j].value.shape(), none,
                      [&recording, j, f = kind.f](std::size_t i) -> std::optional<Numbers> {
                        return f(recording.ops()[i].inputs[1 - j].value);
                      }};
    offer(recording, role, j, AuditDefect::wrong_operand, kind.cost,
          fmt::format("the gradient of {} in {} {}, v being {}", input_name(recording, last, j),
                      recording.describe(role), kind.text, input_name(recording, last, 1 - j)),
          value, build, to);
  }
}

// Each gradient uses its own operand.
void add_swapped(const Recording& recording, std::size_t role, Changes& to) {
  Change change;
  change.defect = AuditDefect::wrong_operand;
  change.cost = 1.1;
  change.text = fmt::format("in {} the gradient of each operand uses its own value instead of the other's",
                            recording.describe(role));
  for (const std::size_t i : recording.roles()[role].ops)
    for (std::size_t j = 0; j < 2; ++j) {
      const RecordedInput& input = recording.ops()[i].inputs[j];
      if (input.vjp != nullptr && input.value.shape() == recording.ops()[i].y.shape())
        change.set(i, j, {.vjp = times(input.value, input.value.shape())});
    }
  add(to, std::move(change));
}

// An initial state that is not zero, taken for zero.
void add_zero_start(const Recording& recording, std::size_t role, std::size_t j, Changes& to) {
  const auto& members = recording.roles()[role].ops;
  const RecordedOp& last = recording.ops()[members.back()];
  if (!recording.crosses_time(last, 1 - j)) return;
  Change change;
  change.defect = AuditDefect::wrong_operand;
  change.cost = 1.05;
  change.text = fmt::format("the gradient of {} in {} takes the initial state for zero",
                            input_name(recording, last, j), recording.describe(role));
  change.edges[{members.front(), j}].factor = 0;
  add(to, std::move(change));
}

}  // namespace

void add_elementwise_operands(const Recording& recording, std::size_t role, Changes& to) {
  const RecordedOp& last = recording.ops()[recording.roles()[role].ops.back()];
  for (std::size_t j = 0; j < 2; ++j) {
    if (last.inputs[j].vjp == nullptr) continue;
    const Build build = [&recording, j](std::size_t i, const Numbers& value) -> std::optional<Map> {
      return times(value, recording.ops()[i].inputs[j].value.shape());
    };
    offer_operands(recording, role, j, 1 - j, build, to);
    offer_functions(recording, role, j, build, to);
    add_zero_start(recording, role, j, to);
  }
  add_swapped(recording, role, to);
}

}  // namespace xgrad::auditing
