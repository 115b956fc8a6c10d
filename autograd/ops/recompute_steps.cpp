// Running, keeping and walking back; see recompute_steps.hpp. Start with `Steps`.
#include <xgrad/autograd/ops/recompute_steps.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/part.hpp>
#include <xgrad/autograd/ops/revolve.hpp>

namespace xgrad::detail {

namespace {

template <class T>
bool equal_bits(const Array<T>& a, const Array<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// How the budget is divided: the recordings of `unit` blocks, and states at `states` places, the beginning
// among them.
struct Plan {
  std::size_t unit, states;
};

// The plan that computes least again. A state and a recorded block take so many bytes.
std::optional<Plan> plan_for(std::size_t blocks, std::size_t memory, std::size_t state, std::size_t block) {
  std::optional<Plan> best;
  std::size_t least = 0;
  for (std::size_t unit = 1; unit <= blocks && unit * block <= memory; ++unit) {
    const std::size_t states = 1 + (memory - unit * block) / std::max<std::size_t>(1, state),
                      units = (blocks + unit - 1) / unit;
    const std::size_t cost = unit * revolve_cost(units, std::min(states, units));
    if (!best || cost < least) best = Plan{unit, std::min(states, units)}, least = cost;
  }
  return best;
}

template <class T>
class Steps {
 public:
  Steps(const RunSteps<T>& run, const Variable<T>& xs, const std::vector<Variable<T>>& state,
        const Tape<T>& tape, std::size_t memory)
      : run_(run), memory_(memory), steps_(xs.shape()[0]), arguments_(1 + state.size()) {
    const auto add = [&](const Variable<T>& x) {
      is_leaf_.push_back(tape.node(x) != no_node);
      inputs_.push_back(is_leaf_.back() ? Variable<T>(x.value()) : x);
      is_constant_.push_back(!is_leaf_.back() && x.parameter() == nullptr && !tape.captures(x));
    };
    add(xs);
    for (const Variable<T>& part : state) add(part);
  }

  // All outputs and then the parts of the last state, their elements one after the other.
  Array<T> forward(Tape<T>& outer) {
    std::vector<Array<T>> state;
    kept_.push_back(run(0, state, &outer));
    const std::size_t recorded = kept_.back().bytes, kept = blocks() > 1 ? keep(1, state).bytes : 0;
    const auto plan = plan_for(blocks(), memory_, kept, recorded);
    if (!plan)
      throw Error("unroll", fmt::format("a memory of {} bytes is too little: {} steps save {}; give it that "
                                        "and {} for each state to be kept",
                                        memory_, std::min(steps_, steps_in_block), recorded, kept));
    plan_ = *plan;
    descend(blocks(), 1, std::move(state), &outer);
    return packed_;
  }

  const Shape& ys_shape() const { return ys_shape_; }
  const std::vector<Shape>& state_shapes() const { return state_shapes_; }
  const std::vector<Variable<T>>& others() const { return arguments_.others(); }
  bool is_leaf(std::size_t input) const { return is_leaf_[input]; }
  std::size_t saved_bytes() const {
    std::size_t sum = 0;
    for (const Recording& recording : kept_) sum += recording.bytes;
    for (const State& state : states_) sum += state.bytes;
    return sum;
  }

  std::optional<Gradient<T>> gradient(std::size_t argument, const Array<T>& dy) {
    const std::size_t count = inputs_.size() + others().size();
    const Variable<T>& x =
        argument < inputs_.size() ? inputs_[argument] : others()[argument - inputs_.size()];
    return gradients_.take(argument, count, x.shape(), [&](auto& sums) { sweep(dy, sums); });
  }

 private:
  // A block that has run.
  struct Recording {
    std::size_t block;
    std::optional<Graph<T>> graph;
    std::vector<std::uint32_t> outputs,
        inputs;  // nodes of ys and the state after; of xs and the state before
    std::vector<typename PartArguments<T>::Use> uses;
    std::size_t bytes;
  };

  // The state before a block. A part that is the last output is not kept a second time.
  struct State {
    std::size_t block;
    std::vector<std::optional<Array<T>>> parts;
    std::size_t bytes;
  };

  std::size_t blocks() const { return (steps_ + steps_in_block - 1) / steps_in_block; }
  std::size_t end_of(std::size_t block) const { return std::min(steps_, (block + 1) * steps_in_block); }

  // Runs a block from a state, which becomes that after it. The first is run from the inputs. In the forward
  // pass `outer` is the tape that the op is to be recorded on, and outputs are noted.
  Recording run(std::size_t block, std::vector<Array<T>>& state, Tape<T>* outer) {
    const std::size_t first = block * steps_in_block, last = end_of(block);
    std::ptrdiff_t before = storage::taken_bytes();
    Recording result{block, std::nullopt, {}, {}, {}, 0};
    {
      std::optional<ComputesAgain> again;
      if (outer == nullptr) again.emplace();
      typename Tape<T>::Part part{outer, {}};
      if (outer == nullptr) part.captured = arguments_.captured();
      Tape<T> tape(std::move(part));
      const Variable<T> xs = is_leaf_[0] ? tape.leaf(inputs_[0].value().rows(first, last))
                                         : slice(inputs_[0], signed_of(first), signed_of(last));
      std::vector<Variable<T>> parts;
      for (std::size_t i = 1; i < inputs_.size(); ++i) {
        if (block > 0)
          parts.push_back(tape.leaf(std::move(state[i - 1])));
        else if (is_leaf_[i] || is_constant_[i])  // a constant, too, so that all blocks save the same
          parts.push_back(tape.leaf(inputs_[i].value()));
        else
          parts.push_back(inputs_[i]);
      }
      result.inputs.push_back(is_leaf_[0] ? tape.node(xs) : no_node);
      for (std::size_t i = 1; i < inputs_.size(); ++i)
        result.inputs.push_back(block > 0 || is_leaf_[i] ? tape.node(parts[i - 1]) : no_node);
      StepsResult<T> after = run_(xs, first, parts);
      const auto recorded = [&](Variable<T>& y) {
        if (tape.node(y) == no_node) y = 1 * y;  // may be a parameter, or captured
        result.outputs.push_back(tape.node(y));
      };
      recorded(after.ys);
      for (Variable<T>& part_after : after.state) recorded(part_after);
      result.uses = arguments_.note(tape);
      before -= storage::taken_bytes();
      if (outer != nullptr) note_outputs(after, first);
      before += storage::taken_bytes();
      state.clear();
      for (const Variable<T>& part_after : after.state) state.push_back(part_after.value());
      result.graph.emplace(tape.release());
    }
    result.bytes = result.graph->bytes() +
                   static_cast<std::size_t>(std::max(std::ptrdiff_t{0}, storage::taken_bytes() - before));
    return result;
  }

  void note_outputs(const StepsResult<T>& after, std::size_t first) {
    if (first == 0) {
      ys_shape_ = after.ys.shape();
      ys_shape_.set(0, steps_);
      std::size_t size = ys_shape_.size();
      for (const Variable<T>& part : after.state) {
        state_shapes_.push_back(part.shape());
        size += part.size();
      }
      packed_ = Array<T>::uninitialized({size});
    }
    const Array<T>& ys = after.ys.value();
    const std::size_t row = ys_shape_.size() / steps_;
    T* const out = packed_.mutable_data();
    std::copy(ys.begin(), ys.end(), out + first * row);
    if (first + ys.shape()[0] < steps_) return;
    T* end = out + ys_shape_.size();
    for (const Variable<T>& part : after.state)
      end = std::copy(part.value().begin(), part.value().end(), end);
    packed_.written();
  }

  // The output of a step.
  Array<T> output(std::size_t step) const {
    const std::size_t row = ys_shape_.size() / steps_;
    const Shape shape(ys_shape_.begin() + 1, ys_shape_.end());
    return packed_.rows(step * row, (step + 1) * row).reshaped(shape);
  }

  State keep(std::size_t block, const std::vector<Array<T>>& state) const {
    State result{block, {}, 0};
    const Array<T> y = output(block * steps_in_block - 1);
    for (const Array<T>& part : state) {
      const bool again = equal_bits(part, y);
      const bool large = !again && part.block() != nullptr && part.block()->size > part.size() * sizeof(T);
      result.parts.push_back(again ? std::nullopt : std::optional(large ? part.copy() : part));
      if (!again) result.bytes += part.size() * sizeof(T);
    }
    return result;
  }

  std::vector<Array<T>> state_before(std::size_t block) const {
    std::vector<Array<T>> result;
    if (block == 0) return result;
    for (const auto& part : states_.back().parts)
      result.push_back(part ? *part : output(block * steps_in_block - 1));
    return result;
  }

  // Runs from `state`, before block `at`, to `end`, keeping states on the way, and the recordings of the last
  // blocks.
  void descend(std::size_t end, std::size_t at, std::vector<Array<T>> state, Tape<T>* outer) {
    std::size_t base = states_.empty() ? 0 : states_.back().block;
    for (;;) {
      const std::size_t units = (end - base + plan_.unit - 1) / plan_.unit;
      if (units <= 1) break;
      kept_.clear();
      const std::size_t states = plan_.states - std::min(plan_.states - 1, states_.size());
      const std::size_t target = base + plan_.unit * revolve_advance(units, states);
      while (at < target) run(at++, state, outer);
      base = at;
      if (states > 1) states_.push_back(keep(at, state));
    }
    while (at < end) {
      kept_.push_back(run(at++, state, outer));
      while (kept_.size() > 1 && saved_bytes() > memory_) kept_.pop_front();
    }
  }

  // From the gradient of what forward() returned to those of all arguments.
  void sweep(const Array<T>& dy, std::vector<GradientSum<T>>& sums) {
    const Shape& xs_shape = inputs_[0].shape();
    const std::size_t y_row = ys_shape_.size() / steps_, x_row = xs_shape.size() / steps_;
    std::vector<GradientSum<T>> d_state(state_shapes_.size());
    std::size_t begin = ys_shape_.size();
    for (std::size_t i = 0; i < d_state.size(); ++i) {
      const std::size_t next = begin + state_shapes_[i].size();
      Array<T> seed = dy.rows(begin, next).reshaped(state_shapes_[i]);
      if (flows(seed)) d_state[i].add(std::move(seed));
      begin = next;
    }
    Array<T> d_xs;
    if (is_leaf_[0]) d_xs = Array<T>::uninitialized(xs_shape);
    if (!kept_.empty() && kept_.back().block + 1 != blocks()) kept_.clear();  // a sweep ended by an error
    for (std::size_t end = blocks(); end > 0; --end) {
      if (kept_.empty()) {
        while (!states_.empty() && states_.back().block >= end) states_.pop_back();
        const std::size_t base = states_.empty() ? 0 : states_.back().block;
        descend(end, base, state_before(base), nullptr);
      }
      Recording recording = std::move(kept_.back());
      kept_.pop_back();
      const std::size_t first = recording.block * steps_in_block, last = end_of(recording.block);
      std::vector<std::pair<std::uint32_t, Array<T>>> seeds;
      if (recording.outputs[0] != no_node) {
        Shape shape = ys_shape_;
        shape.set(0, last - first);
        seeds.emplace_back(recording.outputs[0], dy.rows(first * y_row, last * y_row).reshaped(shape));
      }
      for (std::size_t i = 0; i < d_state.size(); ++i)
        if (recording.outputs[i + 1] != no_node && !d_state[i].empty())
          seeds.emplace_back(recording.outputs[i + 1], d_state[i].take_dense(state_shapes_[i]));
      std::vector<GradientSum<T>> of_inputs(inputs_.size());
      std::vector<SumOfLeaf<T>> leaves;
      for (std::size_t i = 0; i < inputs_.size(); ++i)
        if (recording.inputs[i] != no_node) leaves.push_back({recording.inputs[i], of_inputs[i]});
      for (const auto& use : recording.uses) leaves.push_back({use.node, sums[use.argument]});
      sweep_onto<T>(*recording.graph, std::move(seeds), leaves);
      if (is_leaf_[0]) {
        T* const out = d_xs.mutable_data();
        Shape shape = xs_shape;
        shape.set(0, last - first);
        const auto dx = of_inputs[0].empty() ? Array<T>::zeros(shape) : of_inputs[0].take_dense(shape);
        std::copy(dx.begin(), dx.end(), out + first * x_row);
      }
      for (std::size_t i = 0; i < d_state.size(); ++i) d_state[i] = std::move(of_inputs[i + 1]);
    }
    states_.clear();
    d_xs.written();
    if (is_leaf_[0]) sums[0].add(std::move(d_xs));
    for (std::size_t i = 0; i < d_state.size(); ++i) sums[i + 1] = std::move(d_state[i]);
  }

  RunSteps<T> run_;
  std::size_t memory_, steps_;
  std::vector<Variable<T>> inputs_;  // xs, then the parts of the initial state
  std::vector<bool> is_leaf_, is_constant_;
  PartArguments<T> arguments_;
  SharedGradients<T> gradients_;

  Shape ys_shape_;
  std::vector<Shape> state_shapes_;
  Array<T> packed_;
  Plan plan_{1, 1};
  std::vector<State> states_;   // in the order of their blocks; that at the beginning is not among them
  std::deque<Recording> kept_;  // of the blocks before the one to be swept next
};

}  // namespace

template <class T>
StepsResult<T> recompute_steps(const RunSteps<T>& run, const Variable<T>& xs,
                               const std::vector<Variable<T>>& state, std::size_t memory) {
  Tape<T>* const tape = Tape<T>::current();
  if (tape == nullptr || tape->watched()) return run(xs, 0, state);
  const auto steps = std::make_shared<Steps<T>>(run, xs, state, *tape, memory);
  const Array<T> packed = steps->forward(*tape);
  using Closure = PartVjp<T, Steps<T>>;
  std::vector<Wrt<T, Closure>> arguments;
  const auto add = [&](std::size_t i, const Variable<T>& x) {
    std::vector<Array<T>> saved;
    if (i == 0) saved.push_back(packed);
    if (x.parameter() == nullptr) saved.push_back(x.value());
    arguments.push_back(wrt(x, Closure{steps, i, std::move(saved)}));
  };
  for (std::size_t i = 0; i <= state.size(); ++i)
    if (steps->is_leaf(i)) add(i, i == 0 ? xs : state[i - 1]);
  for (std::size_t i = 0; i < steps->others().size(); ++i) add(1 + state.size() + i, steps->others()[i]);
  const Variable<T> all = record<T>("unroll", packed, std::move(arguments));
  std::vector<Shape> shapes{steps->ys_shape()};
  shapes.insert(shapes.end(), steps->state_shapes().begin(), steps->state_shapes().end());
  std::vector<Variable<T>> parts = taken_apart(all, shapes);
  StepsResult<T> result{std::move(parts.front()), {}};
  result.state.assign(std::make_move_iterator(parts.begin() + 1), std::make_move_iterator(parts.end()));
  return result;
}

#define XGRAD_INSTANTIATE(T)                                                      \
  template StepsResult<T> recompute_steps(const RunSteps<T>&, const Variable<T>&, \
                                          const std::vector<Variable<T>>&, std::size_t);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad::detail
