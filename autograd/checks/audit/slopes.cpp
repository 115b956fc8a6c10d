// Hypotheses on the slopes of activations: left out, taken of the activated value, of another value, or by
// another formula.
#include <fmt/format.h>

#include <xgrad/autograd/checks/audit/candidates.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::auditing {

namespace {

Numbers tanh_slope(const Numbers& y) { return 1 - y * y; }
Numbers sigmoid_slope(const Numbers& y) { return y * (1 - y); }

// What people write for the slope, of the activation's input x and its value y.
struct Formula {
  const char* text;
  double cost;
  Numbers (*slope)(const Numbers& x, const Numbers& y);
};

struct Activation {
  Op op;
  const char *formula, *activated;
  Numbers (*slope)(const Numbers& y);
  Numbers (*value)(const Numbers& x);
  std::vector<Formula> wrong;
};

const std::vector<Activation>& activations() {
  using N = const Numbers&;
  static const std::vector<Activation> all = {
      {ops::tanh,
       "1 - y^2",
       "1 - tanh(y)^2 instead of 1 - y^2, y being tanh(x) already",
       tanh_slope,
       [](N x) { return kernels::map([](Complex v) { return scalar::tanh(v); }, x); },
       {{"1 - x^2", 1.05, [](N x, N) { return tanh_slope(x); }},
        {"1 - y", 1.1, [](N, N y) { return 1 - y; }},
        {"y (1 - y), that of the sigmoid", 1.1, [](N, N y) { return sigmoid_slope(y); }},
        {"1 + y^2", 1.1, [](N, N y) { return 1 + y * y; }},
        {"y^2", 1.1, [](N, N y) { return y * y; }},
        {"1 - |y|", 1.1,
         [](N, N y) { return 1 - kernels::map([](Complex v) { return scalar::abs(v); }, y); }},
        {"(1 - y^2)^2", 1.1, [](N, N y) { return tanh_slope(y) * tanh_slope(y); }},
        {"(1 - y)^2", 1.1, [](N, N y) { return (1 - y) * (1 - y); }}}},
      {ops::sigmoid,
       "y (1 - y)",
       "s(y) (1 - s(y)) instead of y (1 - y), y being s(x) already",
       sigmoid_slope,
       [](N x) { return kernels::map([](Complex v) { return scalar::sigmoid(v); }, x); },
       {{"x (1 - x)", 1.05, [](N x, N) { return sigmoid_slope(x); }},
        {"1 - y^2, that of tanh", 1.1, [](N, N y) { return tanh_slope(y); }},
        {"y", 1.1, [](N, N y) { return y; }},
        {"1 - y", 1.1, [](N, N y) { return 1 - y; }},
        {"y^2", 1.1, [](N, N y) { return y * y; }},
        {"y (1 + y)", 1.1, [](N, N y) { return y * (1 + y); }},
        {"y (1 - y^2)", 1.1, [](N, N y) { return y * (1 - y * y); }},
        {"(y (1 - y))^2", 1.1, [](N, N y) { return sigmoid_slope(y) * sigmoid_slope(y); }}}}};
  return all;
}

// True if the op's value is compared with a target by a squared error, as (y - t)^2, itself or once it is
// `collected` from the steps.
bool feeds_squared_error(const Recording& recording, std::size_t op, bool collected = false) {
  for (const std::size_t reader : recording.readers(op)) {
    const Op& how = recording.ops()[reader].op;
    const bool collects = how.kind() == OpKind::joining || how == ops::reshape;
    if (!collected && collects && feeds_squared_error(recording, reader, true)) return true;
    if (!(how == ops::subtract)) continue;
    for (const std::size_t i : recording.readers(reader)) {
      const RecordedOp& square = recording.ops()[i];
      const bool product = square.op == ops::multiply && square.inputs[0].source == square.inputs[1].source;
      if (square.op == ops::square || product) return true;
    }
  }
  return false;
}

void add_activation(const Recording& recording, std::size_t role, Changes& to) {
  const RecordedOp& last = recording.last(role);
  const std::string name = recording.describe(role);
  const auto offer = [&](AuditDefect defect, double cost, std::string text, const auto& slope_at) {
    add(to, {defect, cost, std::move(text)}, recording, role, 0, [&](const RecordedOp& op) {
      const Numbers slope = slope_at(op);
      return slope.shape() == op.y.shape() ? times(slope) : Map();
    });
  };
  offer(AuditDefect::missing_slope, 1,
        last.op == ops::sigmoid && feeds_squared_error(recording, recording.roles()[role].back())
            ? fmt::format("the slope y (1 - y) of the output {} is left out: that makes it the gradient of "
                          "the cross entropy, not of the squared error",
                          name)
            : fmt::format("the slope of {} is left out", name),
        [&](const RecordedOp& op) { return Numbers::full(op.y.shape(), 1.0); });
  for (const Activation& known : activations()) {
    if (!(known.op == last.op)) continue;
    offer(AuditDefect::activated_slope, 1,
          fmt::format("the slope of {} is taken of the activated value: {}", name, known.activated),
          [&](const RecordedOp& op) { return known.slope(known.value(op.y)); });
    for (const Formula& wrong : known.wrong)
      offer(AuditDefect::wrong_slope, wrong.cost,
            fmt::format("the slope of {} is {} (x: its input, y: its value) instead of {}", name, wrong.text,
                        known.formula),
            [&](const RecordedOp& op) { return wrong.slope(op.inputs[0].value, op.y); });

    // The right formula of a wrong value.
    const auto offer_value = [&](const Value& value, AuditDefect defect, double cost) {
      offer(defect, cost,
            fmt::format("the slope of {} is taken of {} instead of its own value", name, value.name),
            [&](const RecordedOp& op) { return known.slope(value_at(recording, value, op)); });
    };
    for (const Value& value : values_like(recording, role, last.y.shape()))
      if (value.input != none || value.role != role) offer_value(value, AuditDefect::wrong_slope, 1.2);
    for (const bool after : {false, true})
      if (last.step && recording.steps() > 1)
        offer_value(neighbour(role, after), AuditDefect::time_shift, 1.1);
  }
}

}  // namespace

void add_slope_changes(const Recording& recording, Changes& to) {
  for (std::size_t role = 0; role < recording.roles().size(); ++role)
    if (is_activation(recording.last(role))) add_activation(recording, role, to);
  // A slope where there is no activation.
  for (std::size_t role = 0; role < recording.roles().size(); ++role)
    for (const Activation& known : activations()) {
      if (recording.last(role).y.size() < 2 || recording.last(role).inputs.size() < 2) continue;
      Change change{AuditDefect::wrong_slope, 1.3,
                    fmt::format("a slope {} is applied to {}, where there is no {}", known.formula,
                                recording.describe(role), known.op.name())};
      for (const std::size_t i : recording.roles()[role])
        change.outputs[i] = times(known.slope(recording.ops()[i].y));
      add(to, std::move(change));
    }
}

}  // namespace xgrad::auditing
