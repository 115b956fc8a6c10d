// Hypotheses on products of matrices, and what they share with those on elementwise products (operands.hpp).
#include <algorithm>

#include <xgrad/autograd/checks/audit/operands.hpp>

#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

using Numbers = Array<Complex>;

void offer(const Recording& recording, std::size_t role, std::size_t j, AuditDefect defect, double cost,
           const std::string& text, const Value& value, const Build& build, Changes& to) {
  Change change;
  change.defect = defect;
  change.cost = cost;
  change.text = text;
  for (const std::size_t i : recording.roles()[role].ops) {
    if (j >= recording.ops()[i].inputs.size() || recording.ops()[i].inputs[j].vjp == nullptr) continue;
    const auto v = value.at(i);
    if (!v || v->shape() != value.shape) continue;
    if (auto vjp = build(i, *v)) change.set(i, j, {.vjp = *vjp});
  }
  add(to, std::move(change));
}

namespace {

// What input k of the role's op is a step before or after; zeros where there is no such step.
Value shifted(const Recording& recording, std::size_t role, std::size_t k, int shift) {
  const Shape shape = recording.ops()[recording.roles()[role].ops.back()].inputs[k].value.shape();
  return {fmt::format("its value at the step {}", shift < 0 ? "before" : "after"), shape, none,
          [&recording, role, k, shift, shape](std::size_t op) -> std::optional<Numbers> {
            const auto& here = recording.ops()[op];
            const std::size_t i = recording.at(role, *here.step + static_cast<std::size_t>(shift));
            return i == none ? Numbers::zeros(shape) : recording.ops()[i].inputs[k].value;
          }};
}

}  // namespace

std::string input_name(const Recording& recording, const RecordedOp& op, std::size_t k) {
  const RecordedInput& input = op.inputs[k];
  if (input.parameter != none) return "'" + recording.paths()[input.parameter] + "'";
  if (input.source == none) return "its constant operand";
  return (recording.crosses_time(op, k) ? "the step before's " : "") +
         recording.describe(recording.ops()[input.source].role);
}

void offer_operands(const Recording& recording, std::size_t role, std::size_t j, std::size_t k,
                    const Build& build, Changes& to) {
  const RecordedOp& last = recording.ops()[recording.roles()[role].ops.back()];
  const Shape& shape = last.inputs[k].value.shape();
  const std::string where = fmt::format("the gradient of {} in {} uses ", input_name(recording, last, j),
                                        recording.describe(role)),
                    instead = " instead of " + input_name(recording, last, k);
  if (last.step && recording.steps() > 1)
    for (const int shift : {1, -1}) {
      const Value value = shifted(recording, role, k, shift);
      offer(recording, role, j, AuditDefect::time_shift, 1.1, where + value.name + instead, value, build, to);
    }
  for (const Value& value : values_like(recording, role, shape)) {
    if (value.role != none &&
        value.role == (last.inputs[k].source == none ? none : recording.ops()[last.inputs[k].source].role)) {
      // The same value, but of this step instead of the one before.
      if (recording.crosses_time(last, k))
        offer(recording, role, j, AuditDefect::time_shift, 1.05,
              where + "the same step's " + value.name + instead, value, build, to);
      continue;
    }
    offer(recording, role, j, AuditDefect::wrong_operand, 1.2, where + value.name + instead, value, build,
          to);
  }
}

namespace {

Numbers transposed(const Numbers& x) {
  const std::size_t n = x.shape()[0], m = x.shape()[1];
  auto y = Numbers::uninitialized({m, n});
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < m; ++j) y.mutable_data()[j * n + i] = x.data()[i * m + j];
  return y;
}

// Of a batch, one sequence alone enters the gradient of a parameter.
void add_rows(const Recording& recording, std::size_t role, std::size_t j, Changes& to) {
  const RecordedOp& last = recording.ops()[recording.roles()[role].ops.back()];
  if (last.inputs[j].parameter == none || last.y.rank() < 2 || last.y.shape()[0] < 2) return;
  const std::size_t N = last.y.shape()[0];
  if (!last.step && N == recording.steps()) return;  // all steps at once: loss.cpp has it
  for (const std::size_t n : {std::size_t{0}, N - 1}) {
    Change change;
    change.defect = AuditDefect::missing_term;
    change.cost = 1.1;
    change.text = fmt::format("of the {} rows of {}, row {} alone enters the gradient of {}", N,
                              recording.describe(role), n, input_name(recording, last, j));
    for (const std::size_t i : recording.roles()[role].ops) {
      const RecordedOp& op = recording.ops()[i];
      if (op.y.shape() != last.y.shape() || op.inputs[j].vjp == nullptr) continue;
      Numbers mask = Numbers::zeros(op.y.shape());
      const std::size_t row = mask.size() / N;
      std::fill_n(mask.mutable_data() + n * row, row, Complex(1));
      change.set(i, j, {.vjp = [&op, j, mask](const Numbers& dy) { return op.vjp(j, dy * mask); }});
    }
    add(to, std::move(change));
  }
}

// The operand in place `of_x ? x : W` gets its vjp from the other.
void add_product(const Recording& recording, std::size_t role, const ProductPlace& place, bool of_x,
                 Changes& to) {
  const RecordedOp& last = recording.ops()[recording.roles()[role].ops.back()];
  const std::size_t j = of_x ? place.x : place.W, k = of_x ? place.W : place.x;
  if (last.inputs[j].vjp == nullptr) return;
  const Build build = [&recording, place, of_x](std::size_t i, const Numbers& value) {
    const RecordedOp& op = recording.ops()[i];
    return of_x ? product_vjp(op, place, true, op.inputs[place.x].value, value)
                : product_vjp(op, place, false, value, op.inputs[place.W].value);
  };
  const Shape& other = last.inputs[k].value.shape();
  const std::string name = input_name(recording, last, j);
  if (other.rank() == 2 && other[0] == other[1] && last.inputs[k].parameter != none)
    offer(recording, role, j, AuditDefect::transposed, 1,
          fmt::format("in what flows to {} from {}, {} is not transposed where it should be, or the reverse",
                      name, recording.describe(role), input_name(recording, last, k)),
          {"", other, none,
           [&recording, k](std::size_t i) -> std::optional<Numbers> {
             return transposed(recording.ops()[i].inputs[k].value);
           }},
          build, to);
  offer_operands(recording, role, j, k, build, to);

  if (last.inputs[j].parameter != none) return;
  for (const Value& value : values_like(recording, role, last.y.shape()))  // in place of dy
    offer(
        recording, role, j, AuditDefect::upstream_signal, 1.3,
        fmt::format("into {} flows {} times {}; it should be {} times the gradient of {}", name,
                    input_name(recording, last, k), value.name, input_name(recording, last, k),
                    recording.describe(role)),
        value,
        [&recording, j](std::size_t i, const Numbers& v) -> std::optional<Map> {
          return [&op = recording.ops()[i], j, v](const Numbers&) { return op.vjp(j, v); };
        },
        to);
}

}  // namespace

void add_operand_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = recording.roles().size(); role-- > 0;) {
    const RecordedOp& op = recording.ops()[recording.roles()[role].ops.back()];
    if (op.op == ops::multiply) add_elementwise_operands(recording, role, to);
    if (!products_of(op).empty() || op.op == ops::add)
      for (std::size_t j = 0; j < op.inputs.size(); ++j) add_rows(recording, role, j, to);
    if (!products_of(op).empty() || op.op == ops::add)
      for (std::size_t j = 0; j < op.inputs.size(); ++j) add_rows(recording, role, j, to);
    for (const ProductPlace& place : products_of(op))
      for (const bool of_x : {true, false}) add_product(recording, role, place, of_x, to);
  }
}

}  // namespace xgrad::auditing
