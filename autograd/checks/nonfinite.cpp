// The run again, the report made of what the tracer saw, and the report as a sentence or two; see
// nonfinite.hpp. Start with find_nonfinite.
#include <xgrad/autograd/nonfinite.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <ostream>

#include <fmt/format.h>

#include <xgrad/autograd/checks/nonfinite/causes.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using namespace nonfinite;

namespace {

template <class T>
NonfiniteReport described(const Event<T>& event, const Tape<T>& tape, const Tracer<T>& tracer,
                          const NonfiniteOptions& options) {
  NonfiniteReport report = event.report;
  report.shape = event.numbers.shape();
  report.index = first_nonfinite(event.numbers).value_or(0);
  if (event.op != TracedInput<T>::none && report.kind != Nonfinite::seed) {
    const TracedOp<T>& op = tracer.ops()[event.op];
    report.op = op.op.name();
    if (op.node != no_node) report.scope = tape.nodes()[op.node].scope;
    if (report.kind == Nonfinite::parameter && op.op.kind() == OpKind::lookup) {
      const std::size_t read = first_nonfinite(op.y).value_or(0);
      report.index = index_in_table(event.numbers, op.y, read, options.tokens);
      report.where = place_of(op.y.shape(), read, op.step, options.tokens);
    } else if (!report.path.empty()) {
      report.where.time_step = op.step;
    } else {
      report.where = place_of(report.shape, report.index, op.step, options.tokens);
    }
    if (report.kind == Nonfinite::forward)
      report.causes = forward_causes(op, tracer.paths(), report.index, options.tokens);
    if (report.kind == Nonfinite::backward)
      report.causes =
          backward_causes(op, tracer.paths(), event.dy, *report.argument, report.index, options.tokens);
  }
  report.value = shown(event.numbers.data()[report.index]);
  report.count = static_cast<std::size_t>(
      std::count_if(event.numbers.begin(), event.numbers.end(), [](T x) { return !is_finite(x); }));
  if (options.word && report.where.token) report.word = options.word(*report.where.token);
  return report;
}

std::string number(double x) { return std::isnan(x) ? "nan" : fmt::format("{:.6g}", x); }

// ", time step 3, row 1, token 17 'whale'", or nothing.
std::string where(const WindowPlace& place, const std::string& word) {
  std::string text;
  if (place.time_step) text += fmt::format(", time step {}", *place.time_step);
  if (place.row) text += fmt::format(", row {}", *place.row);
  if (place.token)
    text += fmt::format(", token {}{}", *place.token, word.empty() ? "" : fmt::format(" '{}'", word));
  return text;
}

std::string scoped_op(const NonfiniteReport& r) {
  return r.op + (r.scope.empty() ? "" : fmt::format(" in '{}'", r.scope));
}

// "nan at (1, 2) of shape (3, 4)"; how many, if there are more.
std::string numbers(const NonfiniteReport& r) {
  const std::string more =
      r.count > 1 ? fmt::format(" and {} more of its {} numbers", r.count - 1, r.shape.size()) : "";
  return r.shape.rank() == 0 ? number(r.value)
                             : fmt::format("{} at {} of shape {}{}", number(r.value),
                                           index_of(r.index, r.shape), to_string(r.shape), more);
}

std::string cause(const NonfiniteCause& c) {
  const std::string name = c.name + (c.path.empty() ? "" : fmt::format(" '{}'", c.path));
  if (!c.largest) return fmt::format("{} = {}", name, number(c.value));
  return fmt::format("{} up to {} at {}{}", name, number(c.value), index_of(c.index, c.shape),
                     where({{}, c.where.row, c.where.token}, ""));
}

std::string causes(const NonfiniteReport& r) {
  std::string text;
  for (const auto& c : r.causes) text += (text.empty() ? "" : ", ") + cause(c);
  return text;
}

std::string culprit(const NonfiniteReport& r) {
  const std::string op = scoped_op(r), held = numbers(r), there = where(r.where, r.word);
  const std::string path = r.path.empty() ? "" : fmt::format("'{}'", r.path);
  switch (r.kind) {
    case Nonfinite::none:
      break;
    case Nonfinite::parameter:
      return fmt::format("the parameter {} already holds {}{}", path, held,
                         r.op.empty() ? "" : fmt::format("; first read by {}{}", op, there));
    case Nonfinite::input:
      if (r.op.empty()) return fmt::format("it is not computed on the tape, and holds {}", held);
      return fmt::format("argument {} of {}, which is no op's result, already holds {}{}", *r.argument, op,
                         held, there);
    case Nonfinite::forward:
      return fmt::format("{} made {}{}, from {}", op, held, there,
                         r.causes.empty() ? "no inputs" : causes(r));
    case Nonfinite::seed:
      return fmt::format("the sweep's seed is {}", number(r.value));
    case Nonfinite::backward:
      return fmt::format("the vjp of {} for argument {}{}{} made {}{}, from {}", op, *r.argument,
                         path.empty() ? "" : " ", path, held, there, causes(r));
    case Nonfinite::sum:
      return fmt::format(
          "the contributions to the gradient of {}, each finite, add up to {}{}; the largest: {}",
          !path.empty()  ? path
          : r.op.empty() ? "a leaf"
                         : "the value of " + op,
          held, there, causes(r));
  }
  return "";
}

}  // namespace

// In the order of Nonfinite.
std::string to_string(Nonfinite kind) {
  constexpr const char* names[] = {"none", "parameter", "input", "forward", "seed", "backward", "sum"};
  static_assert(std::size(names) == static_cast<std::size_t>(Nonfinite::sum) + 1);
  return names[static_cast<std::size_t>(kind)];
}

std::string to_string(const NonfiniteReport& r) {
  if (r.finite())
    return fmt::format(
        "the run is finite: the loss is {}, and so is every gradient. What was not finite before is not "
        "reproducible from these parameters and inputs: were they changed since, or is there randomness?",
        number(r.loss));
  if (r.harmed.empty()) return fmt::format("the loss is {}: {}", number(r.loss), culprit(r));
  const std::string harmed = r.harmed == "a leaf" ? r.harmed : fmt::format("'{}'", r.harmed);
  return fmt::format("the loss is {}, but the gradient of {} is not finite: {}", number(r.loss), harmed,
                     culprit(r));
}

std::ostream& operator<<(std::ostream& out, const NonfiniteReport& report) {
  return out << to_string(report);
}

template <class T>
NonfiniteReport detail::find_nonfinite(const std::function<Variable<T>()>& forward,
                                       const NonfiniteOptions& options) {
  if (options.tokens && options.tokens->shape().rank() != 2)
    throw Error("find_nonfinite",
                "tokens have shape " + to_string(options.tokens->shape()) + ", expected (T, N)");
  Tracer<T> tracer;
  Tape<T> tape(tracer);
  const Variable<T> loss = forward();
  if (loss.size() != 1)
    throw Error("find_nonfinite", "needs a loss of one number, got shape " + to_string(loss.shape()));
  NonfiniteReport report;
  if (!is_finite(loss.item())) {
    report = described(tracer.of_loss(loss), tape, tracer, options);
  } else {
    tape.gradient(loss,
                  {.seed = Array<T>::full(loss.shape(), static_cast<T>(options.seed)), .unreached = zeros});
    if (const auto node = tracer.first_harmed()) {
      report = described(tracer.of_gradient(*node), tape, tracer, options);
      report.harmed = tracer.path_at(*node).empty() ? "a leaf" : tracer.path_at(*node);
    }
  }
  report.loss = shown(loss.item());
  return report;
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template NonfiniteReport detail::find_nonfinite(const std::function<Variable<T>()>&, \
                                                  const NonfiniteOptions&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
