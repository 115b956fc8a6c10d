// The op is recorded with the values that a tape of its own has computed and thrown away. Its vjps share one
// sweep of such a tape; see recompute.hpp.
#include <xgrad/autograd/ops/recompute.hpp>

#include <algorithm>
#include <memory>
#include <optional>

#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/part.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad::detail {

namespace {

// The elements of all results one after the other, so that one op makes them.
template <class T>
Array<T> packed(const std::vector<Variable<T>>& ys) {
  if (ys.size() == 1) return ys[0].value();
  std::size_t size = 0;
  for (const Variable<T>& y : ys) size += y.size();
  auto all = Array<T>::uninitialized({size});
  T* out = all.mutable_data();
  for (const Variable<T>& y : ys) out = std::copy(y.value().begin(), y.value().end(), out);
  all.written();
  return all;
}

// A part of a model and its inputs.
template <class T>
class Part {
 public:
  Part(const ManyOfMany<T>& f, const std::vector<Variable<T>>& inputs, const Tape<T>& tape)
      : f_(f), step_(TimeStep::current()), arguments_(inputs.size()) {
    for (const Variable<T>& x : inputs) {
      is_leaf_.push_back(tape.node(x) != no_node);
      inputs_.push_back(is_leaf_.back() ? Variable<T>(x.value()) : x);
    }
  }

  // Results of a plain run on a tape that has ended.
  struct Run {
    std::vector<Variable<T>> ys;
    bool depends = false;  // on something that has a gradient
  };
  Run forward(Tape<T>& outer) {
    Tape<T> tape(typename Tape<T>::Part{&outer});
    Run run{results(tape, leaves(tape))};
    for (const Variable<T>& y : run.ys) run.depends = run.depends || tape.node(y) != no_node;
    arguments_.note(tape);
    return run;
  }
  const std::vector<Variable<T>>& others() const { return arguments_.others(); }
  // Which inputs have a gradient.
  bool is_leaf(std::size_t i) const { return is_leaf_[i]; }

  std::optional<Gradient<T>> gradient(std::size_t argument, const Array<T>& dy) {
    const std::size_t count = inputs_.size() + others().size();
    const Variable<T>& x =
        argument < inputs_.size() ? inputs_[argument] : others()[argument - inputs_.size()];
    return gradients_.take(argument, count, x.shape(), [&](auto& sums) { sweep(dy, sums); });
  }
  std::size_t saved_bytes() const { return 0; }

 private:
  std::vector<Variable<T>> leaves(Tape<T>& tape) const {
    std::vector<Variable<T>> result;
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      result.push_back(is_leaf_[i] ? tape.leaf(inputs_[i].value()) : inputs_[i]);
    return result;
  }

  // A result that is no value of the tape may be a parameter, or captured: it is recorded as used.
  std::vector<Variable<T>> results(const Tape<T>& tape, const std::vector<Variable<T>>& xs) const {
    std::vector<Variable<T>> ys = f_(xs);
    for (Variable<T>& y : ys)
      if (tape.node(y) == no_node) y = 1 * y;
    return ys;
  }

  void sweep(const Array<T>& dy, std::vector<GradientSum<T>>& sums) {
    std::optional<TimeStep> step;
    if (step_) step.emplace(*step_);
    std::optional<ComputesAgain> again(std::in_place);
    Tape<T> tape(typename Tape<T>::Part{nullptr, arguments_.captured()});
    const std::vector<Variable<T>> xs = leaves(tape), ys = results(tape, xs);
    again.reset();
    std::vector<std::pair<std::uint32_t, Array<T>>> seeds;
    std::size_t begin = 0;
    for (const Variable<T>& y : ys) {
      const Array<T> seed = ys.size() == 1 ? dy : dy.rows(begin, begin + y.size()).reshaped(y.shape());
      if (tape.node(y) != no_node && (ys.size() == 1 || flows(seed))) seeds.emplace_back(tape.node(y), seed);
      begin += y.size();
    }
    std::vector<SumOfLeaf<T>> leaves_and_sums;
    for (std::size_t i = 0; i < xs.size(); ++i)
      if (is_leaf_[i]) leaves_and_sums.push_back({tape.node(xs[i]), sums[i]});
    for (const auto& use : arguments_.note(tape)) leaves_and_sums.push_back({use.node, sums[use.argument]});
    Graph<T> graph = tape.release();
    sweep_onto<T>(graph, std::move(seeds), leaves_and_sums);
  }

  ManyOfMany<T> f_;
  std::optional<std::size_t> step_;
  std::vector<Variable<T>> inputs_;
  std::vector<bool> is_leaf_;
  PartArguments<T> arguments_;
  SharedGradients<T> gradients_;
};

}  // namespace

template <class T>
std::vector<Variable<T>> recompute(const ManyOfMany<T>& f, const std::vector<Variable<T>>& inputs) {
  Tape<T>* const tape = Tape<T>::current();
  if (tape == nullptr || tape->watched()) return f(inputs);
  const auto part = std::make_shared<Part<T>>(f, inputs, *tape);
  const auto run = part->forward(*tape);
  const std::vector<Variable<T>>& ys = run.ys;
  if (!run.depends) return ys;
  using Closure = PartVjp<T, Part<T>>;
  std::vector<Wrt<T, Closure>> arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (part->is_leaf(i)) arguments.push_back(wrt(inputs[i], Closure{part, i, {inputs[i].value()}}));
  for (std::size_t i = 0; i < part->others().size(); ++i) {
    const Variable<T>& x = part->others()[i];
    const auto saved = x.parameter() != nullptr ? std::vector<Array<T>>() : std::vector{x.value()};
    arguments.push_back(wrt(x, Closure{part, inputs.size() + i, saved}));
  }
  const Variable<T> all = record<T>("recompute", packed(ys), std::move(arguments));
  if (ys.size() == 1) return {all};
  std::vector<Shape> shapes;
  for (const Variable<T>& y : ys) shapes.push_back(y.shape());
  return taken_apart(all, shapes);
}

#define XGRAD_INSTANTIATE(T) \
  template std::vector<Variable<T>> recompute(const ManyOfMany<T>&, const std::vector<Variable<T>>&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad::detail
