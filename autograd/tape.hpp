// Tape<T>: reverse-mode automatic differentiation. While a tape is in scope every op on this thread appends
// its result and its edges, in execution order, to a graph (tape/graph.hpp); the gradient is one loop over
// the edges from the end (tape/sweep.cpp).
//
//   Tape<float> tape;                                  // records until the brace
//   auto loss = mean(square(matmul(x, W) - t));
//   auto gradients = tape.gradient(loss);              // a value: gradients[W]
//
// Two rules. A variable whose tape has ended is a constant on the next one, so the tape's scope *is* the
// window of backpropagation through time. What would lose a gradient silently is refused (tape/entry.cpp): a
// variable computed from a parameter while nothing recorded, or on a tape opened inside another; detach()
// says that it is meant. To add an op, read `record` below, vjp.hpp, and then any .cpp in ops/.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/op.hpp>
#include <xgrad/autograd/tape/graph.hpp>
#include <xgrad/autograd/tape_node.hpp>
#include <xgrad/autograd/variable.hpp>
#include <xgrad/autograd/watcher.hpp>

/// Automatic differentiation for xtensor: arrays, variables, the tape, ops, layers, models, training.
namespace xgrad {

/// Options of Tape::gradient.
template <class T>
struct GradientOptions {
  std::optional<Array<T>> seed{};          ///< dL/dy in y's shape; needed unless y has a single element
  std::vector<Variable<T>> of{};           ///< intermediates whose gradients are wanted too
  bool keep = false;                       ///< keep saved values, so that the tape can be swept again
  Unreached unreached = Unreached::error;  ///< what a lookup does where y does not depend on the variable
};

/// A variable of an outer tape that was used on a tape of a part of what that records; see Tape::Part.
template <class T>
struct Captured {
  Variable<T> x;                 ///< as it was used
  std::uint32_t node = no_node;  ///< of the leaf that stands for it; no_node as long as it was not used
};

/// Records the ops of this thread while it is in scope, and computes gradients from the recording.
template <class T>
class Tape {
 public:
  /// Starts recording on this thread; suspends the tape that recorded so far.
  Tape();
  /// The same under a watcher, which must outlive the tape; see watcher.hpp.
  explicit Tape(Watcher<T>& watcher) : Tape() { watcher_ = &watcher; }
  /// What an op that runs a part of a model by itself (ops/recompute.hpp) opens a tape for.
  struct Part {
    Tape* outer = nullptr;  ///< the tape that records the op: its variables may be used, see captured()
    std::vector<Captured<T>> captured{};  ///< those that may be used where that tape has gone
  };
  /// The tape of a part of what another one records. For the library's own ops.
  explicit Tape(Part part) : Tape() {
    outer_ = part.outer;
    captured_ = std::move(part.captured);
    for (auto& captured : captured_) captured.node = no_node;
  }
  /// Ends the recording: its variables are constants on all tapes opened later. The tape that was suspended
  /// records again. Aborts the program if it runs on another thread than the constructor.
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  static void* operator new(std::size_t) = delete;  // a recording is a scope

  /// An unnamed variable that gradients are taken with respect to; even if the array is a gradient of this
  /// tape.
  Variable<T> leaf(Array<T> value);

  /// dL/dx for all parameters and leaves that `y` depends on, where L = y, or <seed, y> if a seed is given;
  /// frozen parameters are constants. Throws Error if y is not on this tape, if it has more than one element
  /// and there is no seed, if a parameter was changed, frozen or unfrozen since it was used, if an earlier
  /// sweep without `keep` freed the saved values, or if y depends on a gradient of this tape, which is a
  /// constant on it; see Gradients.
  Gradients<T> gradient(const Variable<T>& y, const GradientOptions<T>& options = {});

  /// Number of recorded values: leaves, parameters and results of ops.
  std::size_t size() const { return graph_.nodes.size(); }
  /// All of them as data, in execution order, which outlives the tape; see tape_node.hpp.
  std::vector<TapeNode> nodes() const;

  /// The tape that records on this thread now, or null.
  static Tape* current() { return current_; }

  // For the library's own ops and readers.

  /// The parameters that were used so far and are not frozen, in the order of their first use.
  std::vector<Variable<T>> parameters() const {
    std::vector<Variable<T>> result;
    for (const auto& use : graph_.uses) {
      if (use.node == no_node) continue;
      Variable<T>& parameter = result.emplace_back();
      parameter.value_ = use.parameter->value;
      parameter.kind_ = Variable<T>::Kind::parameter;
      parameter.parameter_ = use.parameter;
    }
    return result;
  }
  /// The variables of outer tapes that were used so far, as leaves, in the order of their first use.
  const std::vector<Captured<T>>& captured() const { return captured_; }
  /// Whether x is a variable of an outer tape that may be used.
  bool captures(const Variable<T>& x) const;
  /// The recording as data.
  const Graph<T>& graph() const { return graph_; }
  /// Hands the recording out, so that it outlives the tape, on which nothing may be recorded after that.
  Graph<T> release() { return std::move(graph_); }
  /// The index of a value of this tape; no_node for any other.
  std::uint32_t node(const Variable<T>& x) const {
    return x.kind_ == Variable<T>::Kind::taped && x.tape_ == serial_ ? x.node_ : no_node;
  }
  /// The value at `node`, which is `value`.
  Variable<T> variable(Array<T> value, std::uint32_t node) const {
    Variable<T> result;
    result.value_ = std::move(value);
    result.kind_ = Variable<T>::Kind::taped;
    result.tape_ = serial_;
    result.node_ = node;
    return result;
  }
  /// Adds to the edges of y, which was recorded last, one to the gradient of x alone; see Graph::Edge.
  template <class F>
  void add_edge_aside(const Variable<T>& y, const Variable<T>& x, F vjp) {
    graph_.add_edge(node(y), node(x), 0, std::move(vjp), true);
  }
  /// Who looks on, or null.
  Watcher<T>* watcher() const { return watcher_; }
  /// True if a watcher looks at elements: they are to stay as they are.
  bool watched() const { return watcher_ != nullptr && watcher_->looks_at_elements(); }
  /// Where ops/row_products.hpp keeps what it knows of this recording.
  std::shared_ptr<void>& memo() { return memo_; }

  /// `y` as the result of `op` on this thread's tape; called through record().
  template <class ForEach>
  static Variable<T> record(const Op& op, Array<T> y, std::span<std::uint32_t> nodes, ForEach for_each);

 private:
  friend class Inference;

  // Tapes and pauses (null) of this thread, innermost last, and the last of them.
  static std::vector<Tape*>& scopes();
  static inline constinit thread_local Tape* current_ = nullptr;
  static void open(Tape* scope);
  static void close(Tape* scope);

  std::uint32_t add_node(const Op& op, const Shape& shape, std::uint32_t time_step);
  std::uint32_t add_result(const Op& op, const Shape& shape, bool ended);
  Array<T> show(const Op& op, std::uint32_t output, const Array<T>& y, std::span<WatchedInput<T>> inputs);

  Gradients<T> sweep(std::uint32_t start, Array<T> seed, bool keep, const std::vector<std::uint32_t>& wanted);

  // entry.cpp
  void check_entry(const Op& op, std::size_t argument, const Variable<T>& x) const;
  std::uint32_t enter(const Variable<T>& x);
  std::uint32_t capture(const Variable<T>& x);
  bool of_ended(const Variable<T>& x) const;
  static bool sums_up(const Op& op, bool with_others);
  static void mark_untaped(const Op& op, Variable<T>& y, const Variable<T>& x);
  void check_thread(const char* op) const;
  void check_gradient(const Variable<T>& y, const GradientOptions<T>& options);

  Graph<T> graph_;
  std::uint64_t serial_;
  std::uint32_t mark_;  // serial_ in the bits that Array::gradient_of has, not 0
  const void* thread_;  // &scopes() of the thread it was opened on
  std::unordered_map<const Parameter<T>*, std::uint32_t> node_of_;  // of the parameters used so far
  Watcher<T>* watcher_ = nullptr;
  std::shared_ptr<void> memo_;
  Tape* outer_ = nullptr;  // of a part, while that tape records
  std::vector<Captured<T>> captured_;
};

/// Suspends recording on this thread until the brace, for every scalar.
class Inference {
 public:
  Inference();
  ~Inference();
  Inference(const Inference&) = delete;
  Inference& operator=(const Inference&) = delete;
};

/// Returns the value `y` of an op as a variable that remembers, while a tape records, how dy flows to each
/// input:
///
///     // y = tanh x                        dx = dy (1 - y^2)
///     return record("tanh", y, wrt(x, [y](const Array<T>& dy) { return dy * (1 - y * y); }));
///
/// A name must be a string literal. Inputs that are constants cost nothing: their vjp is dropped here, with
/// all it captured.
template <class T, class... F>
Variable<T> record(const Op& op, std::type_identity_t<Array<T>> y, Wrt<T, F>... inputs) {
  std::array<std::uint32_t, sizeof...(F)> nodes;
  return Tape<T>::record(op, std::move(y), nodes, [&](auto f) { (f(inputs), ...); });
}

/// An op that adds; made by summing().
template <class F>
struct SummingOp {
  const Op& op;  ///< the op
  F absolute;    ///< makes the function
};

/// `op` as one that adds. Its rounding is measured against what it would be on absolute values
/// (rounding.hpp): `absolute()`, which is called for a watcher alone, returns the function of the inputs, as
/// a span of variables, that computes it and whose vjps add up absolute values too.
///
///     const auto absolute = [&] { return [axes](const auto& xs) { return sum(abs(xs[0]), axes); }; };
///     return record(summing(sum_op, absolute), y, wrt(x, ...));
template <class F>
SummingOp<F> summing(const Op& op, F absolute) {
  return {op, std::move(absolute)};
}

/// The same for an op that adds.
template <class T, class A, class... F>
Variable<T> record(const SummingOp<A>& op, std::type_identity_t<Array<T>> y, Wrt<T, F>... inputs) {
  if (Tape<T>* const tape = Tape<T>::current(); tape != nullptr && tape->watched()) [[unlikely]]
    tape->watcher()->sums(op.absolute());
  return record(op.op, std::move(y), std::move(inputs)...);
}

/// The same for any number of inputs of one kind (stack, concat).
template <class T, class F>
Variable<T> record(const Op& op, std::type_identity_t<Array<T>> y, std::vector<Wrt<T, F>> inputs) {
  std::vector<std::uint32_t> nodes(inputs.size());
  return Tape<T>::record(op, std::move(y), nodes, [&](auto f) {
    for (auto& input : inputs) f(input);
  });
}

// `for_each(f)` calls f on each input in order; `nodes` has room for theirs.
template <class T>
template <class ForEach>
Variable<T> Tape<T>::record(const Op& op, Array<T> y, std::span<std::uint32_t> nodes, ForEach for_each) {
  if (y.in_parameter()) y = y.copy();  // a result does not change when training does
  y.written();                         // nor by its op
  Variable<T> result;
  Tape* const tape = current();
  if (tape == nullptr) {
    result.value_ = std::move(y);
    for_each([&](const auto& input) { mark_untaped(op, result, input.x); });
    return result;
  }
  using Kind = typename Variable<T>::Kind;
  std::size_t argument = 0;
  for_each([&](const auto& input) {  // all, before any enters
    if (tape->node(input.x) == no_node) tape->check_entry(op, argument, input.x);
    ++argument;
  });
  argument = 0;
  bool any = false, others = false;  // inputs that are recorded, and of them those that are not ended's
  std::uint64_t ended = 0;           // the latest tape that has ended of which there is a number in the sum
  std::uint32_t gradient_of = 0;     // this tape, or the latest, of which a constant is a gradient
  for_each([&](const auto& input) {
    std::uint32_t& node = nodes[argument++] = tape->node(input.x);
    const bool own = node != no_node,
               of_ended = (!own || !tape->graph_.ended_sums.empty()) && tape->of_ended(input.x);
    if (!own) node = tape->enter(input.x);
    if (node == no_node && gradient_of != tape->mark_) {
      const std::uint32_t mark = input.x.value_.gradient_of();
      gradient_of = mark == tape->mark_ ? mark : std::max(gradient_of, mark);
    }
    if (of_ended) ended = std::max(ended, input.x.tape_);
    any = any || node != no_node;
    others = others || (node != no_node && !of_ended);
  });
  if (ended != 0 && !sums_up(op, others)) ended = 0;
  const std::uint32_t output = any ? tape->add_result(op, y.shape(), ended != 0) : no_node;
  if (any) {
    if (gradient_of == tape->mark_) tape->graph_.of_gradients.push_back(output);
    argument = 0;
    for_each([&](auto& input) {
      if (nodes[argument] != no_node)
        tape->graph_.add_edge(output, nodes[argument], argument, std::move(input.vjp));
      ++argument;
    });
  }
  if (tape->watcher_ != nullptr) [[unlikely]] {
    std::vector<WatchedInput<T>> inputs;
    std::vector<std::unique_ptr<Vjp<T>>> of_constants;  // which a proof looks at, too
    for_each([&](auto& input) {
      using Closure = VjpOf<T, std::remove_cvref_t<decltype(input.vjp)>>;
      inputs.push_back({input.x, nodes[inputs.size()], nullptr});
      if (inputs.back().node != no_node) return;
      of_constants.push_back(std::make_unique<Closure>(std::move(input.vjp)));
      inputs.back().vjp = of_constants.back().get();
    });
    y = tape->show(op, output, y, inputs);
  }
  y.mark_gradient(any ? 0 : gradient_of);
  result.value_ = std::move(y);
  if (any || ended != 0) {
    result.kind_ = Kind::taped;
    result.tape_ = any ? tape->serial_ : ended;
    result.node_ = output;
  }
  return result;
}

}  // namespace xgrad
