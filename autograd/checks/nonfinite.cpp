// The run again, and the report made of what the tracer saw; see nonfinite.hpp.
#include <xgrad/autograd/nonfinite.hpp>

#include <algorithm>

#include <xgrad/autograd/checks/nonfinite/causes.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace nonfinite {

namespace {

template <class T>
void describe_event(const Event<T>& event, const Tape<T>& tape, const Tracer<T>& tracer,
                    const NonfiniteOptions& options, NonfiniteReport& report) {
  report.kind = event.kind;
  report.path = event.path;
  report.shape = event.numbers.shape();
  report.index = first_nonfinite(event.numbers).value_or(0);
  report.causes = event.contributions;
  if (event.op && event.kind != Nonfinite::seed) {
    const TracedOp<T>& op = tracer.ops()[*event.op];
    report.op = op.op.name();
    if (op.node != no_node) report.scope = tape.nodes()[op.node].scope;
    const bool by_argument = event.kind == Nonfinite::parameter || event.kind == Nonfinite::input ||
                             event.kind == Nonfinite::backward;
    if (by_argument) report.argument = event.argument;
    if (event.kind == Nonfinite::parameter && op.op.kind() == OpKind::lookup) {
      const std::size_t read = first_nonfinite(op.y).value_or(0);
      report.index = index_in_table(event.numbers, op.y, read, options.tokens);
      report.where = place_of(op.y.shape(), read, op.step, options.tokens);
    } else if (!event.path.empty()) {
      report.where.time_step = op.step;
    } else {
      report.where = place_of(report.shape, report.index, op.step, options.tokens);
    }
    if (event.kind == Nonfinite::forward)
      report.causes = forward_causes(op, tracer.paths(), report.index, options.tokens);
    if (event.kind == Nonfinite::backward)
      report.causes =
          backward_causes(op, tracer.paths(), event.dy, event.argument, report.index, options.tokens);
  }
  report.value = shown(event.numbers.data()[report.index]);
  report.count = static_cast<std::size_t>(
      std::count_if(event.numbers.begin(), event.numbers.end(), [](T x) { return !is_finite(x); }));
  if (options.word && report.where.token) report.word = options.word(*report.where.token);
}

}  // namespace

}  // namespace nonfinite

template <class T>
NonfiniteReport detail::find_nonfinite(const std::function<Variable<T>()>& forward,
                                       const NonfiniteOptions& options) {
  if (options.tokens && options.tokens->shape().rank() != 2)
    throw Error("find_nonfinite",
                "tokens have shape " + to_string(options.tokens->shape()) + ", expected (T, N)");
  nonfinite::Tracer<T> tracer;
  Tape<T> tape(tracer);
  const Variable<T> loss = forward();
  if (loss.size() != 1)
    throw Error("find_nonfinite", "needs a loss of one number, got shape " + to_string(loss.shape()));
  NonfiniteReport report;
  report.loss = nonfinite::shown(loss.item());
  if (!nonfinite::is_finite(loss.item())) {
    nonfinite::describe_event(tracer.of_loss(loss), tape, tracer, options, report);
    return report;
  }
  tape.gradient(loss,
                {.seed = Array<T>::full(loss.shape(), static_cast<T>(options.seed)), .unreached = zeros});
  if (const auto harm = tracer.of_gradients(); harm.event != nullptr) {
    report.harmed = harm.path.empty() ? "a leaf" : harm.path;
    nonfinite::describe_event(*harm.event, tape, tracer, options, report);
  }
  return report;
}

template NonfiniteReport detail::find_nonfinite(const std::function<Variable<float>()>&,
                                                const NonfiniteOptions&);
template NonfiniteReport detail::find_nonfinite(const std::function<Variable<double>()>&,
                                                const NonfiniteOptions&);
template NonfiniteReport detail::find_nonfinite(const std::function<Variable<Complex>()>&,
                                                const NonfiniteOptions&);

}  // namespace xgrad
