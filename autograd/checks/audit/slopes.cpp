// Hypotheses on the slopes of activations: left out, taken of the activated value, of another value, or by
// another formula.
#include <cmath>
#include <tuple>

#include <fmt/format.h>

#include <xgrad/autograd/ops/identities.hpp>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

namespace {

using Numbers = Array<Complex>;
using Slope = std::function<Numbers(const Numbers& x, const Numbers& y)>;

Numbers each(const Numbers& x, double (*f)(double)) {
  Numbers y = x.copy();
  for (Complex* v = y.mutable_data(); v != y.end(); ++v) *v = f(v->real());
  return y;
}
double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double hyperbolic(double x) { return std::tanh(x); }

Numbers tanh_slope(const Numbers& y) { return 1 - y * y; }
Numbers sigmoid_slope(const Numbers& y) { return y * (1 - y); }

// True if the op's value is compared with a target by a squared error, as (y - t)^2.
bool feeds_squared_error(const Recording& recording, std::size_t op) {
  for (const std::size_t difference : recording.readers(op)) {
    if (!(recording.ops()[difference].op == ops::subtract)) continue;
    for (const std::size_t reader : recording.readers(difference)) {
      const RecordedOp& square = recording.ops()[reader];
      const bool product = square.op == ops::multiply && square.inputs[0].source == square.inputs[1].source;
      if (square.op == ops::square || product) return true;
    }
  }
  return false;
}

// The same through ops that only collect the steps.
bool feeds_squared_error_later(const Recording& recording, std::size_t op) {
  if (feeds_squared_error(recording, op)) return true;
  for (const std::size_t reader : recording.readers(op)) {
    const Op& op_of_reader = recording.ops()[reader].op;
    const bool collects = op_of_reader.kind() == OpKind::joining || op_of_reader == ops::reshape;
    if (collects && feeds_squared_error(recording, reader)) return true;
  }
  return false;
}

}  // namespace

namespace {

// A slope where there is no activation.
void add_extra_slopes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const auto& members = recording.roles()[role].ops;
    const RecordedOp& last = ops[members.back()];
    if (last.y.size() < 2 || last.inputs.size() < 2) continue;
    for (const bool of_tanh : {true, false}) {
      Change change;
      change.defect = AuditDefect::wrong_slope;
      change.cost = 1.3;
      change.text =
          fmt::format("a slope {} is applied to {}, where there is no {}", of_tanh ? "1 - y^2" : "y (1 - y)",
                      recording.describe(role), of_tanh ? "tanh" : "sigmoid");
      for (const std::size_t i : members)
        change.outputs[i] = [s = of_tanh ? tanh_slope(ops[i].y)
                                         : sigmoid_slope(ops[i].y)](const Numbers& dy) { return dy * s; };
      add(to, std::move(change));
    }
  }
}

}  // namespace

void add_slope_changes(const Recording& recording, Changes& to) {
  const auto& ops = recording.ops();
  for (std::size_t role = 0; role < recording.roles().size(); ++role) {
    const auto& members = recording.roles()[role].ops;
    const RecordedOp& last = ops[members.back()];
    if (!is_activation(last)) continue;
    const std::string name = recording.describe(role);
    const auto change = [&](AuditDefect defect, double cost, const std::string& text, const Slope& slope) {
      Change made;
      made.defect = defect;
      made.cost = cost;
      made.text = text;
      for (const std::size_t i : members) {
        const Numbers s = slope(ops[i].inputs[0].value, ops[i].y);
        if (s.shape() != ops[i].y.shape()) continue;
        made.set(i, 0, {.vjp = [s](const Numbers& dy) { return dy * s; }});
      }
      add(to, std::move(made));
    };
    const bool is_tanh = last.op == ops::tanh, is_sigmoid = last.op == ops::sigmoid;

    std::string missing = fmt::format("the slope of {} is left out", name);
    if (is_sigmoid && feeds_squared_error_later(recording, members.back()))
      missing = fmt::format(
          "the slope y (1 - y) of the output {} is left out: that makes it the gradient of the cross "
          "entropy, not "
          "of the squared error",
          name);
    change(AuditDefect::missing_slope, 1, missing,
           [](const Numbers& x, const Numbers&) { return Numbers::full(x.shape(), 1.0); });
    if (!is_tanh && !is_sigmoid) continue;

    const auto wrong = [&](const char* formula, const Slope& slope, double cost = 1.1) {
      change(AuditDefect::wrong_slope, cost,
             fmt::format("the slope of {} is {} (x: its input, y: its value) instead of {}", name, formula,
                         is_tanh ? "1 - y^2" : "y (1 - y)"),
             slope);
    };
    if (is_tanh) {
      change(AuditDefect::activated_slope, 1,
             fmt::format(
                 "the slope of {} is taken of the activated value: 1 - tanh(y)^2 instead of 1 - y^2, y being "
                 "tanh(x) already",
                 name),
             [](const Numbers&, const Numbers& y) { return tanh_slope(each(y, hyperbolic)); });
      wrong(
          "1 - x^2", [](const Numbers& x, const Numbers&) { return tanh_slope(x); }, 1.05);
      wrong("1 - y", [](const Numbers&, const Numbers& y) { return 1 - y; });
      wrong("y (1 - y), that of the sigmoid",
            [](const Numbers&, const Numbers& y) { return sigmoid_slope(y); });
      wrong("1 + y^2", [](const Numbers&, const Numbers& y) { return 1 + y * y; });
      wrong("y^2", [](const Numbers&, const Numbers& y) { return y * y; });
      wrong("1 - |y|", [](const Numbers&, const Numbers& y) {
        return 1 - each(y, [](double v) { return std::abs(v); });
      });
      wrong("(1 - y^2)^2", [](const Numbers&, const Numbers& y) { return tanh_slope(y) * tanh_slope(y); });
      wrong("(1 - y)^2", [](const Numbers&, const Numbers& y) { return (1 - y) * (1 - y); });
    } else {
      change(AuditDefect::activated_slope, 1,
             fmt::format(
                 "the slope of {} is taken of the activated value: s(y) (1 - s(y)) instead of y (1 - y), y "
                 "being s(x) already",
                 name),
             [](const Numbers&, const Numbers& y) { return sigmoid_slope(each(y, logistic)); });
      wrong(
          "x (1 - x)", [](const Numbers& x, const Numbers&) { return sigmoid_slope(x); }, 1.05);
      wrong("1 - y^2, that of tanh", [](const Numbers&, const Numbers& y) { return tanh_slope(y); });
      wrong("y", [](const Numbers&, const Numbers& y) { return y; });
      wrong("1 - y", [](const Numbers&, const Numbers& y) { return 1 - y; });
      wrong("y^2", [](const Numbers&, const Numbers& y) { return y * y; });
      wrong("y (1 + y)", [](const Numbers&, const Numbers& y) { return y * (1 + y); });
      wrong("y (1 - y^2)", [](const Numbers&, const Numbers& y) { return y * (1 - y * y); });
      wrong("(y (1 - y))^2",
            [](const Numbers&, const Numbers& y) { return sigmoid_slope(y) * sigmoid_slope(y); });
    }

    // The right formula of a wrong value.
    const auto slope_of = [&](const Value& value, AuditDefect defect, double cost) {
      Change made;
      made.defect = defect;
      made.cost = cost;
      made.text = fmt::format("the slope of {} is taken of {} instead of its own value", name, value.name);
      for (const std::size_t i : members)
        if (const auto v = value.at(i); v && v->shape() == ops[i].y.shape())
          made.set(i, 0, {.vjp = [s = is_tanh ? tanh_slope(*v) : sigmoid_slope(*v)](const Numbers& dy) {
                     return dy * s;
                   }});
      add(to, std::move(made));
    };
    for (const Value& value : values_like(recording, role, last.y.shape()))
      if (value.role != role) slope_of(value, AuditDefect::wrong_slope, 1.2);
    for (const int shift : {-1, 1}) {
      const auto neighbour = [&recording, role, shift](std::size_t op) -> std::optional<Numbers> {
        const RecordedOp& here = recording.ops()[op];
        if (!here.step) return std::nullopt;
        const std::size_t i = recording.at(role, *here.step + static_cast<std::size_t>(shift));
        return i == none ? Numbers::zeros(here.y.shape()) : recording.ops()[i].y;
      };
      if (last.step && recording.steps() > 1)
        slope_of({fmt::format("its value at the step {}", shift < 0 ? "before" : "after"), last.y.shape(),
                  none, neighbour},
                 AuditDefect::time_shift, 1.1);
    }
  }
  add_extra_slopes(recording, to);
}

}  // namespace xgrad::auditing
