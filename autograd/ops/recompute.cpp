// The op is recorded with the values that a tape of its own has computed and thrown away. Its vjps share one
// sweep of such a tape; see recompute.hpp.
#include <xgrad/autograd/ops/recompute.hpp>

#include <memory>
#include <optional>

#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/ops/slicing.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad::detail {

namespace {

// The results as one vector, so that one op makes them all; a parameter by itself is recorded as used.
template <class T>
Variable<T> packed(const std::vector<Variable<T>>& ys) {
  if (ys.size() == 1) return ys[0].parameter() != nullptr ? 1 * ys[0] : ys[0];
  std::vector<Variable<T>> flat;
  for (const Variable<T>& y : ys) flat.push_back(reshape(y, {y.size()}));
  return concat(flat);
}

// A part of a model, its inputs, and the gradients of the sweep that is on.
template <class T>
class Part {
 public:
  Part(const ManyOfMany<T>& f, const std::vector<Variable<T>>& inputs, const Tape<T>& tape)
      : f_(f), step_(TimeStep::current()) {
    for (const Variable<T>& x : inputs) {
      is_leaf_.push_back(tape.node(x) != no_node);
      inputs_.push_back(is_leaf_.back() ? Variable<T>(x.value()) : x);
    }
  }

  // Results of a plain run. Those that depend on something are of a tape that has ended: for their shapes
  // alone.
  struct Run {
    std::vector<Variable<T>> ys;
    Array<T> packed;
    bool depends = false;  // on an input or a parameter
  };
  Run forward() {
    Tape<T> tape;
    Run run{f_(leaves(tape)), {}};
    if (run.ys.empty()) return run;
    const Variable<T> all = packed(run.ys);
    run.packed = all.value();
    run.depends = tape.node(all) != no_node;
    parameters_ = tape.parameters();
    return run;
  }
  const std::vector<Variable<T>>& parameters() const { return parameters_; }

  // The gradient of input `i`, or, counted on, of a parameter. Each is asked for once in a sweep; a second
  // time is another sweep.
  Gradient<T> gradient(std::size_t i, const Array<T>& dy) {
    if (gradients_.empty() || !gradients_[i]) sweep(dy);
    Gradient<T> result = std::move(*gradients_[i]);
    gradients_[i].reset();
    const auto left = [](const auto& one) { return one.has_value(); };
    if (std::none_of(gradients_.begin(), gradients_.end(), left)) gradients_.clear();
    return result;
  }
  // Which arguments have a gradient.
  bool is_leaf(std::size_t i) const { return is_leaf_[i]; }

 private:
  std::vector<Variable<T>> leaves(Tape<T>& tape) const {
    std::vector<Variable<T>> result;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      result.push_back(is_leaf_[i] ? tape.leaf(inputs_[i].value()) : inputs_[i]);
    return result;
  }

  void sweep(const Array<T>& dy) {
    std::optional<TimeStep> step;
    if (step_) step.emplace(*step_);
    Tape<T> tape;
    const std::vector<Variable<T>> xs = leaves(tape);
    const Variable<T> y = packed(f_(xs));
    const Gradients<T> found = tape.gradient(y, {.seed = dy, .unreached = zeros});
    std::vector<std::optional<Gradient<T>>> all;
    const auto add = [&](const Variable<T>& x) {
      const Gradient<T>* const stored = found.stored(x);
      all.push_back(stored != nullptr ? *stored : Gradient<T>(Array<T>::zeros(x.shape())));
    };
    for (std::size_t i = 0; i < xs.size(); ++i) {
      if (is_leaf_[i])
        add(xs[i]);
      else
        all.emplace_back();
    }
    for (const Variable<T>& parameter : parameters_) add(parameter);
    gradients_ = std::move(all);
  }

  ManyOfMany<T> f_;
  std::optional<std::size_t> step_;
  std::vector<Variable<T>> inputs_;
  std::vector<bool> is_leaf_;
  std::vector<Variable<T>> parameters_;
  std::vector<std::optional<Gradient<T>>> gradients_;
};

}  // namespace

template <class T>
std::vector<Variable<T>> recompute(const ManyOfMany<T>& f, const std::vector<Variable<T>>& inputs) {
  Tape<T>* const tape = Tape<T>::current();
  if (tape == nullptr || tape->watched()) return f(inputs);
  const auto part = std::make_shared<Part<T>>(f, inputs, *tape);
  const auto run = part->forward();
  const std::vector<Variable<T>>& ys = run.ys;
  if (!run.depends) return ys;
  const auto vjp = [&part](std::size_t i) {
    return [part = part, i](const Array<T>& dy) { return part->gradient(i, dy); };
  };
  using Closure = decltype(vjp(0));
  std::vector<Wrt<T, Closure>> arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (part->is_leaf(i)) arguments.push_back(wrt(inputs[i], vjp(i)));
  for (std::size_t i = 0; i < part->parameters().size(); ++i)
    arguments.push_back(wrt(part->parameters()[i], vjp(inputs.size() + i)));
  const Variable<T> all = record<T>("recompute", run.packed, std::move(arguments));
  if (ys.size() == 1) return {all};
  std::vector<Variable<T>> results;
  std::ptrdiff_t begin = 0;
  for (const Variable<T>& y : ys) {
    const auto end = begin + static_cast<std::ptrdiff_t>(y.size());
    results.push_back(reshape(slice(all, begin, end), y.shape()));
    begin = end;
  }
  return results;
}

#define XGRAD_INSTANTIATE(T) \
  template std::vector<Variable<T>> recompute(const ManyOfMany<T>&, const std::vector<Variable<T>>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad::detail
