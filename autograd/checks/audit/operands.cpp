// Hypotheses on products, elementwise or of matrices: a vjp uses another value than the operand that belongs
// there, a matrix is transposed, or what is multiplied with the matrix is not the gradient from above.
#include <algorithm>

#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/numbers/view.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

std::string input_name(const Recording& recording, std::size_t role, std::size_t k) {
  return recording.describe(recording.last(role), k, "its constant operand");
}

// The vjp of input j uses, in place of operand k, any other value of its shape, of this step or a
// neighbour's.
void add_other_values(const Recording& recording, std::size_t role, std::size_t j, std::size_t k,
                      Changes& to) {
  const RecordedOp& last = recording.last(role);
  const RecordedInput& operand = last.inputs[k];
  const auto offer = [&](AuditDefect defect, double cost, const char* whose, const Value& value) {
    add(to,
        {defect, cost,
         fmt::format("the gradient of {} in {} uses {}{} instead of {}", input_name(recording, role, j),
                     recording.describe(role), whose, value.name, input_name(recording, role, k))},
        recording, role, j, [&](const RecordedOp& op) {
          const Numbers other = value_at(recording, value, op);
          return other.shape() == operand.value.shape() ? vjp_beside(op, j, k, other) : Map();
        });
  };
  if (last.step && recording.steps() > 1)
    for (const bool after : {true, false}) offer(AuditDefect::time_shift, 1.1, "", neighbour(role, after, k));
  for (const Value& value : values_like(recording, role, operand.value.shape())) {
    const bool same =
        value.input == none && operand.source != none && value.role == recording.ops()[operand.source].role;
    if (!same) {
      offer(AuditDefect::wrong_operand, 1.2, "", value);
    } else if (recording.crosses_time(last, k)) {  // of this step instead of the one before
      offer(AuditDefect::time_shift, 1.05, "the same step's ", value);
    }
  }
}

// In an elementwise product, the operand beside input j made into something else.
void add_functions(const Recording& recording, std::size_t role, std::size_t j, Changes& to) {
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
        {"uses v^2 instead of v", 1.3, [](const Numbers& v) { return v * v; }}})
    add(to,
        {AuditDefect::wrong_operand, kind.cost,
         fmt::format("the gradient of {} in {} {}, v being {}", input_name(recording, role, j),
                     recording.describe(role), kind.text, input_name(recording, role, 1 - j))},
        recording, role, j,
        [&](const RecordedOp& op) { return vjp_beside(op, j, 1 - j, kind.f(op.inputs[1 - j].value)); });
}

// An initial state that is not zero, taken for zero.
void add_zero_start(const Recording& recording, std::size_t role, std::size_t j, Changes& to) {
  if (!recording.crosses_time(recording.last(role), 1 - j)) return;
  add(to,
      {AuditDefect::wrong_operand, 1.05,
       fmt::format("the gradient of {} in {} takes the initial state for zero",
                   input_name(recording, role, j), recording.describe(role))},
      {{recording.roles()[role].front(), j}}, 0);
}

void add_elementwise(const Recording& recording, std::size_t role, Changes& to) {
  for (std::size_t j = 0; j < 2; ++j) {
    if (recording.last(role).inputs[j].vjp == nullptr) continue;
    add_other_values(recording, role, j, 1 - j, to);
    add_functions(recording, role, j, to);
    add_zero_start(recording, role, j, to);
  }
  Change swapped{AuditDefect::wrong_operand, 1.1,
                 fmt::format("in {} the gradient of each operand uses its own value instead of the other's",
                             recording.describe(role))};
  for (const std::size_t i : recording.roles()[role])
    for (std::size_t j = 0; j < 2; ++j) {
      const RecordedOp& op = recording.ops()[i];
      const Numbers& own = op.inputs[j].value;
      if (op.inputs[j].vjp != nullptr && own.shape() == op.y.shape()) swapped.edges[{i, j}].vjp = times(own);
    }
  add(to, std::move(swapped));
}

// Of a batch, one sequence alone enters the gradient of a parameter.
void add_rows(const Recording& recording, std::size_t role, std::size_t j, Changes& to) {
  const RecordedOp& last = recording.last(role);
  if (last.inputs[j].parameter == none || last.y.rank() < 2 || last.y.shape()[0] < 2) return;
  const std::size_t N = last.y.shape()[0], row = last.y.size() / N;
  if (!last.step && N == recording.steps()) return;  // all steps at once: loss.cpp has it
  for (const std::size_t n : {std::size_t{0}, N - 1}) {
    Numbers mask = Numbers::zeros(last.y.shape());
    std::fill_n(mask.mutable_data() + n * row, row, Complex(1));
    add(to,
        {AuditDefect::missing_term, 1.1,
         fmt::format("of the {} rows of {}, row {} alone enters the gradient of {}", N,
                     recording.describe(role), n, input_name(recording, role, j))},
        recording, role, j, [&](const RecordedOp& op) {
          return op.y.shape() == last.y.shape() ? vjp_times(op, j, mask) : Map();
        });
  }
}

// Input j of a product of matrices gets its vjp from input k.
void add_product(const Recording& recording, std::size_t role, std::size_t j, std::size_t k, Changes& to) {
  const RecordedOp& last = recording.last(role);
  if (last.inputs[j].vjp == nullptr) return;
  const Shape& other = last.inputs[k].value.shape();
  const std::string name = input_name(recording, role, j), beside = input_name(recording, role, k);
  if (other.rank() == 2 && other[0] == other[1] && last.inputs[k].parameter != none)
    add(to,
        {AuditDefect::transposed, 1,
         fmt::format("in what flows to {} from {}, {} is not transposed where it should be, or the reverse",
                     name, recording.describe(role), beside)},
        recording, role, j, [&](const RecordedOp& op) {
          return vjp_beside(op, j, k, kernels::transposed(op.inputs[k].value, {1, 0}));
        });
  add_other_values(recording, role, j, k, to);

  if (last.inputs[j].parameter != none) return;
  for (const Value& value : values_like(recording, role, last.y.shape()))  // in place of dy
    add(to,
        {AuditDefect::upstream_signal, 1.3,
         fmt::format("into {} flows {} times {}; it should be {} times the gradient of {}", name, beside,
                     value.name, beside, recording.describe(role))},
        recording, role, j, [&](const RecordedOp& op) -> Map {
          const Numbers signal = value_at(recording, value, op);
          if (signal.shape() != last.y.shape()) return {};
          return [&op, j, signal](const Numbers&) { return op.vjp(j, signal); };
        });
}

}  // namespace

void add_operand_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = recording.roles().size(); role-- > 0;) {
    const RecordedOp& op = recording.last(role);
    if (op.op == ops::multiply) add_elementwise(recording, role, to);
    if (!products_of(op).empty() || op.op == ops::add)
      for (std::size_t j = 0; j < op.inputs.size(); ++j) add_rows(recording, role, j, to);
    for (const auto& [j, k] : products_of(op)) add_product(recording, role, j, k, to);
  }
}

}  // namespace xgrad::auditing
