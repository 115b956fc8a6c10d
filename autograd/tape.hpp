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
// window of backpropagation through time. A variable computed from a parameter while nothing recorded is
// refused by a tape, because its gradient would be lost silently; detach() says that this is meant. To add an
// op, read `record` and `wrt` below and then any .cpp in ops/.
#pragma once

#include <array>
#include <concepts>
#include <memory_resource>
#include <optional>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Where a vjp's result goes: the gradient sum of one input, with what an error message needs to know.
template <class T>
class VjpTarget {
 public:
  VjpTarget(GradientSum<T>& sum, const char* op, unsigned argument, const Shape& x, const Shape& y)
      : sum_(sum), op_(op), argument_(argument), x_(x), y_(y) {}

  /// Adds a gradient in the shape of x, or in a shape that x was broadcast to: that broadcast is undone here,
  /// and only here. Throws Error naming op and argument for any other shape.
  void add(Array<T> dx);
  /// The same for rows of a table. Throws Error if they do not fit the table.
  void add(RowSparse<T> dx);
  /// Lets `add_to(dx)` add to the dense sum in place. Throws Error if it leaves another shape behind.
  template <class F>
  void add_in_place(F add_to) {
    Array<T>& dx = sum_.in_place(x_);
    add_to(dx);
    check_shape(dx.shape());
  }
  bool empty() const { return sum_.empty(); }

 private:
  void check_shape(const Shape& dx) const;

  GradientSum<T>& sum_;
  const char* op_;
  unsigned argument_;
  const Shape& x_;
  const Shape& y_;
};

/// A vjp of any kind, as the tape stores it.
template <class T>
struct Vjp {
  virtual ~Vjp() = default;
  virtual void run(const Array<T>& dy, VjpTarget<T> dx) = 0;
};

/// The two forms of a vjp: `Array<T> f(dy)` returns the contribution (or a RowSparse<T>), `f(dy, dx)` adds it
/// to dx in place. A callable with both is asked for the contribution while dx is still empty, which saves
/// filling it with zeros.
template <class T, class F>
struct VjpOf final : Vjp<T> {
  static constexpr bool returns = std::invocable<F&, const Array<T>&>;
  static constexpr bool accumulates = std::invocable<F&, const Array<T>&, Array<T>&>;
  static_assert(returns || accumulates,
                "a vjp takes (const Array<T>& dy) or (const Array<T>& dy, Array<T>& dx)");

  explicit VjpOf(F f) : f_(std::move(f)) {}

  void run(const Array<T>& dy, VjpTarget<T> dx) override {
    if constexpr (accumulates) {
      if (!returns || !dx.empty()) {
        dx.add_in_place([&](Array<T>& sum) { f_(dy, sum); });
        return;
      }
    }
    if constexpr (returns) {
      using Result = std::remove_cvref_t<std::invoke_result_t<F&, const Array<T>&>>;
      static_assert(
          std::same_as<Result, Array<T>> || std::same_as<Result, RowSparse<T>>,
          "a vjp must return an evaluated Array<T> (or RowSparse<T>), not a lazy xtensor expression, whose "
          "operands are gone when it is read: write `return Array<T>(...)`");
      dx.add(f_(dy));
    }
  }

 private:
  F f_;
};

/// One input of an op with the vjp that belongs to it; made by wrt().
template <class T, class F>
struct Wrt {
  const Variable<T>& x;
  F vjp;
};

/// `vjp` computes the contribution to dL/dx from dy = dL/dy; see VjpOf for its forms.
template <class T, class F>
Wrt<T, F> wrt(const Variable<T>& x, F vjp) {
  return {x, std::move(vjp)};
}

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

  static constexpr std::uint32_t no_node = ~std::uint32_t{0};

  struct Node {
    const char* op;
    Shape shape;
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
  std::uint32_t add_node(const char* op, const Shape& shape);
  void check_thread(const char* op) const;
  void check_parameters() const;
  Variable<T> taped(Array<T> value, std::uint32_t node) const;
  static Variable<T> constant(Array<T> value) { return Variable<T>(std::move(value)); }
  static void mark_untaped(Variable<T>& y, const Variable<T>& x);

  template <class F>
  void add_edge(std::uint32_t output, std::uint32_t input, std::size_t argument, F&& vjp) {
    using Closure = VjpOf<T, std::remove_cvref_t<F>>;
    void* memory = closures_.allocate(sizeof(Closure), alignof(Closure));
    edges_.push_back(
        {new (memory) Closure(std::forward<F>(vjp)), output, input, static_cast<std::uint32_t>(argument)});
  }

  std::uint64_t serial_;
  std::thread::id thread_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  std::pmr::monotonic_buffer_resource closures_;
  std::vector<Use> uses_;
  std::unordered_map<const Parameter<T>*, std::size_t> use_of_;
  std::vector<View> views_;
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
  Tape* const tape = current();
  if (tape == nullptr) {
    Variable<T> result = constant(std::move(y));
    (mark_untaped(result, inputs.x), ...);
    return result;
  }
  std::size_t argument = 0;
  const std::array<std::uint32_t, sizeof...(F)> places{tape->place(op, argument++, inputs.x)...};
  bool any = false;
  for (const std::uint32_t input : places) any = any || input != no_node;
  if (!any) return constant(std::move(y));

  const std::uint32_t output = tape->add_node(op, y.shape());
  argument = 0;
  const auto connect = [&](auto& input) {
    if (places[argument] != no_node) tape->add_edge(output, places[argument], argument, std::move(input.vjp));
    ++argument;
  };
  (connect(inputs), ...);
  return tape->taped(std::move(y), output);
}

template <class T>
template <class F>
Variable<T> Tape<T>::record(const char* op, Array<T> y, std::vector<Wrt<T, F>> inputs) {
  Tape* const tape = current();
  if (tape == nullptr) {
    Variable<T> result = constant(std::move(y));
    for (const auto& input : inputs) mark_untaped(result, input.x);
    return result;
  }
  std::vector<std::uint32_t> places;
  bool any = false;
  for (std::size_t argument = 0; argument < inputs.size(); ++argument) {
    places.push_back(tape->place(op, argument, inputs[argument].x));
    any = any || places.back() != no_node;
  }
  if (!any) return constant(std::move(y));

  const std::uint32_t output = tape->add_node(op, y.shape());
  for (std::size_t argument = 0; argument < inputs.size(); ++argument)
    if (places[argument] != no_node)
      tape->add_edge(output, places[argument], argument, std::move(inputs[argument].vjp));
  return tape->taped(std::move(y), output);
}

extern template class VjpTarget<float>;
extern template class VjpTarget<double>;
extern template class Tape<float>;
extern template class Tape<double>;

}  // namespace xgrad
