// Tape<T>: reverse-mode automatic differentiation. While a tape is in scope every op on this thread appends
// its edges, in execution order, to one flat list: an edge says "output node o depends on input node i, and
// this closure, the vjp, turns dL/do into a contribution to dL/di". The gradient is one loop over that list
// from the end: no sort, no recursion; the closures live on the tape, never in variables, so nothing can
// refer to itself in a circle.
//
//   Tape<float> tape;                                  // records until the brace
//   auto loss = mean(square(matmul(x, W) - t));
//   auto gradients = tape.gradient(loss);              // a value: gradients[W]
//
// Two rules. A variable whose tape has ended is a constant on the next one, so the tape's scope *is* the
// window of backpropagation through time. (A tape opened inside another cannot hand its results to that one:
// they would lose their gradient, so it is an error.) A variable computed from a parameter while nothing recorded
// is refused by a tape, because its gradient would be lost silently; detach() says that this is meant. To add an
// op, read `record` below, vjp.hpp, and then any .cpp in ops/.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/hoisting.hpp>
#include <xgrad/autograd/observer.hpp>
#include <xgrad/autograd/probe.hpp>
#include <xgrad/autograd/tape_node.hpp>
#include <xgrad/autograd/tape_stats.hpp>
#include <xgrad/autograd/variable.hpp>
#include <xgrad/autograd/vjp.hpp>

namespace xgrad {

namespace detail {
/// Called with the name of every op that is recorded, if set: lets tests refuse an op they do not know.
extern void (*on_record)(const char* op);
}  // namespace detail

template <class T>
struct GradientOptions {
  std::optional<Array<T>> seed{};  ///< dL/dy in y's shape; needed unless y is a single number
  std::vector<Variable<T>> of{};   ///< intermediates whose gradients are wanted too
  bool keep = false;               ///< keep saved values, so that the tape can be swept again
  Unreached unreached = Unreached::error;
};

template <class T>
class Tape {
 public:
  /// Starts recording on this thread; suspends the tape that recorded so far.
  Tape();
  /// The same under a probe, which must outlive the tape; see probe.hpp.
  explicit Tape(Probe& probe) requires std::same_as<T, Complex> : Tape() { probe_ = &probe; }
  /// The same under an observer, which must outlive the tape; see observer.hpp.
  explicit Tape(Observer<T>& observer) : Tape() { observer_ = &observer; }
  /// The same with a clock, so that stats() tells where the time goes.
  explicit Tape(Timing timing);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  static void* operator new(std::size_t) = delete;  // a recording is a scope

  /// An unnamed variable that gradients are taken with respect to.
  Variable<T> leaf(Array<T> value);

  /// dL/dx for all parameters and leaves that `y` depends on, where L = y, or <seed, y> if y is not a single
  /// number. Throws Error if y is not on this tape or not a single number, a parameter was changed since it
  /// was used, or an earlier sweep without `keep` has freed the saved values.
  Gradients<T> gradient(const Variable<T>& y, const GradientOptions<T>& options = {});

  /// Number of recorded values: leaves, parameters and results of ops.
  std::size_t size() const { return nodes_.size(); }
  /// All of them as data, in execution order, which outlives the tape; see tape_node.hpp. A sweep takes nothing from it.
  std::vector<TapeNode> nodes() const;
  /// How many values and edges are recorded, what memory their vjps keep alive, the work of the matrix products, and the
  /// time if the tape has a clock, in total, by op and by scope; see tape_stats.hpp.
  TapeStats stats() const;

  /// True under a probe or an observer, which look at the numbers of an op's inputs after it.
  bool watched() const { return probe_ != nullptr || observer_ != nullptr; }

  /// What is known of rows and their products; see hoisting.hpp. Internal.
  Hoisting<T>& hoisting() { return hoisting_; }
  /// Remembers that y, which was recorded last, is row `index` of x and shares its numbers. Internal.
  void add_row(const Variable<T>& y, const Variable<T>& x, std::size_t index) {
    if (y.kind_ == Kind::taped && y.tape_ == serial_ && x.kind_ == Kind::taped && x.tape_ == serial_)
      hoisting_.add_row({y.node_, x.node_, index});
  }
  /// The variable that x is a row of. Internal.
  Variable<T> sequence_of(const Variable<T>& x, const typename Hoisting<T>::Row& row) const {
    return taped(x.value().from_before(row.index * x.size(), shape(row.of)), row.of);
  }
  const Shape& shape(std::uint32_t node) const { return nodes_[node].shape; }
  /// What x is a row of, or null. Internal.
  const typename Hoisting<T>::Row* row(const Variable<T>& x) const {
    return x.kind_ == Kind::taped && x.tape_ == serial_ ? hoisting_.row(x.node_) : nullptr;
  }

  /// The place of a variable of this tape. Internal.
  std::uint32_t node(const Variable<T>& x) const { return x.node_; }

  /// The tape that records on this thread now, or null.
  static Tape* current();

  /// The variable `y` as the result of `op` on this thread's tape; called through record().
  template <class F>
  static Variable<T> record(const char* op, Array<T> y, std::vector<Wrt<T, F>> inputs);
  template <class... F>
  static Variable<T> record(const char* op, Array<T> y, Wrt<T, F>... inputs);

 private:
  friend class Inference;
  using Kind = typename Variable<T>::Kind;

  static constexpr std::uint32_t no_node = Probe::no_node;

  static constexpr std::uint32_t no_time_step = ~std::uint32_t{0};

  struct Node {
    const char* op;
    Shape shape;
    std::uint32_t time_step;
  };
  struct Work {  // of a node
    std::uint32_t node;
    std::uint64_t flops;  // of its matrix products
    double seconds;       // 0 without a clock
  };
  struct Edge {
    Vjp<T>* vjp;  // null once freed
    std::uint32_t output, input;
    std::uint32_t argument;
  };
  struct Use {  // of a parameter
    std::shared_ptr<const Parameter<T>> parameter;
    std::uint32_t node;
    std::uint64_t version;
  };
  struct View {  // of a parameter's numbers, used as a constant
    Array<T> value;
    std::uint64_t version;
  };

  // Tapes and pauses (null) of this thread, innermost last.
  static std::vector<Tape*>& scopes();

  std::uint32_t constant_place(const Variable<T>& x);
  std::uint32_t place(const char* op, std::size_t argument, const Variable<T>& x);
  std::uint32_t add_node(const char* op, const Shape& shape, std::uint32_t time_step);
  std::uint32_t add_result(const char* op, const Shape& shape);
  static std::uint32_t time_step_now();
  void note_work(std::vector<Work>& of, std::uint32_t node);
  double clock() const;  // 0 where the tape has none
  void check_thread(const char* op) const;
  void check_parameters() const;
  void add_hoisted(Gradients<T>& result, const std::vector<bool>& wanted, std::uint32_t node,
                   const Array<T>& dz) const;
  Variable<T> taped(Array<T> value, std::uint32_t node) const;
  static Variable<T> constant(Array<T> value) { return Variable<T>(std::move(value)); }
  static void mark_untaped(Variable<T>& y, const Variable<T>& x);
  template <class ForEach>
  void show(const char* op, std::uint32_t output, const Array<T>& y, std::span<const std::uint32_t> places,
            ForEach for_each);

  // Both forms of record: `for_each(f)` calls f on each input in order, `places` has room for their nodes.
  template <class ForEach>
  static Variable<T> record_inputs(const char* op, Array<T> y, std::span<std::uint32_t> places,
                                   ForEach for_each);

  template <class F>
  void add_edge(std::uint32_t output, std::uint32_t input, std::size_t argument, F&& vjp) {
    using Closure = VjpOf<T, std::remove_cvref_t<F>>;
    edges_.push_back({nullptr, output, input, static_cast<std::uint32_t>(argument)});
    void* memory = allocate(sizeof(Closure), alignof(Closure));
    edges_.back().vjp = new (memory) Closure(std::forward<F>(vjp));
  }
  void* allocate(std::size_t bytes, std::size_t alignment);  // for a closure, until the tape ends
  std::size_t closure_bytes() const;

  std::uint64_t serial_;
  const void* thread_;  // &scopes() of the thread it was opened on
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  struct Closures;
  std::unique_ptr<Closures> closures_;
  std::vector<Use> uses_;
  std::unordered_map<const Parameter<T>*, std::size_t> use_of_;
  std::vector<View> views_;
  std::vector<std::uint32_t> ended_sums_;           // sums to which a number of an ended tape was added
  bool adds_ended_ = false;                         // so does the op that is being recorded
  std::vector<Work> forward_work_, backward_work_;  // only of nodes that have some, in order
  std::uint64_t flops_seen_;                        // of this thread, when work was last noted
  double time_seen_ = 0;                            // on the clock, then
  bool timed_ = false;
  Hoisting<T> hoisting_;
  Probe* probe_ = nullptr;
  Observer<T>* observer_ = nullptr;
  bool swept_ = false;
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
///   // y = tanh x                        dx = dy (1 - y^2)
///   return record("tanh", y, wrt(x, [y](const Array<T>& dy) { return dy * (1 - y * y); }));
///
/// `op` must be a string literal. Inputs that are constants cost nothing: their vjp is dropped here, with all
/// it captured.
template <class T, class... F>
Variable<T> record(const char* op, std::type_identity_t<Array<T>> y, Wrt<T, F>... inputs) {
  return Tape<T>::record(op, std::move(y), std::move(inputs)...);
}

/// The same for any number of inputs of one kind (stack, concat).
template <class T, class F>
Variable<T> record(const char* op, std::type_identity_t<Array<T>> y, std::vector<Wrt<T, F>> inputs) {
  return Tape<T>::record(op, std::move(y), std::move(inputs));
}

template <class T>
template <class... F>
Variable<T> Tape<T>::record(const char* op, Array<T> y, Wrt<T, F>... inputs) {
  std::array<std::uint32_t, sizeof...(F)> places;
  return record_inputs(op, std::move(y), places, [&](auto f) { (f(inputs), ...); });
}

template <class T>
template <class F>
Variable<T> Tape<T>::record(const char* op, Array<T> y, std::vector<Wrt<T, F>> inputs) {
  std::vector<std::uint32_t> places(inputs.size());
  return record_inputs(op, std::move(y), places, [&](auto f) {
    for (auto& input : inputs) f(input);
  });
}

template <class T>
template <class ForEach>
Variable<T> Tape<T>::record_inputs(const char* op, Array<T> y, std::span<std::uint32_t> places,
                                   ForEach for_each) {
  if (detail::on_record != nullptr) detail::on_record(op);
  Tape* const tape = current();
  if (y.in_parameter()) y = y.copy();  // a result does not change when training does
  if (tape == nullptr) {
    Variable<T> result = constant(std::move(y));
    for_each([&](const auto& input) { mark_untaped(result, input.x); });
    return result;
  }
  std::size_t argument = 0;
  bool any = false;
  for_each([&](const auto& input) {
    places[argument] = tape->place(op, argument, input.x);
    any = any || places[argument] != no_node;
    ++argument;
  });
  if (!any) {
    tape->adds_ended_ = false;
    if (tape->observer_ != nullptr) tape->show(op, no_node, y, places, for_each);
    if constexpr (std::same_as<T, Complex>) scalar::kinks = 0;  // a constant's kink is nobody's
    return constant(std::move(y));
  }

  const std::uint32_t output = tape->add_result(op, y.shape());
  if (tape->observer_ != nullptr) tape->show(op, output, y, places, for_each);
  if constexpr (std::same_as<T, Complex>) {
    if (tape->probe_ != nullptr) {
      std::vector<ProbedInput> probed;
      for_each([&](auto& input) {
        using Closure = VjpOf<T, std::remove_cvref_t<decltype(input.vjp)>>;
        probed.push_back({input.x, places[probed.size()], std::make_unique<Closure>(std::move(input.vjp))});
      });
      const Inference pause;  // a vjp may use recorded ops; they are not part of this tape
      return tape->taped(tape->probe_->see(op, output, y, probed), output);
    }
  }
  argument = 0;
  for_each([&](auto& input) {
    if (places[argument] != no_node) tape->add_edge(output, places[argument], argument, std::move(input.vjp));
    ++argument;
  });
  return tape->taped(std::move(y), output);
}

template <class T>
template <class ForEach>
void Tape<T>::show(const char* op, std::uint32_t output, const Array<T>& y,
                   std::span<const std::uint32_t> places, ForEach for_each) {
  std::vector<ObservedInput<T>> inputs;
  for_each([&](const auto& input) { inputs.push_back({input.x, places[inputs.size()]}); });
  observer_->see(op, output, y, inputs);
}

}  // namespace xgrad
