// Vector-Jacobian products: how an op hands dL/dy on to one of its inputs. A user writes a callable and
// attaches it to its input with wrt(); VjpOf is that callable as the tape stores it, VjpTarget the gradient
// sum that it adds to, where broadcasting is undone and shapes are checked. Start reading at VjpOf.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/tape/gradient_sum.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Where a vjp's result goes: the gradient sum of one input, with what an error message needs to know.
template <class T>
class VjpTarget {
 public:
  /// For an input of shape `x` of an op whose value has shape `y`; refers to `sum`, `x` and `y`.
  VjpTarget(GradientSum<T>& sum, const char* op, unsigned argument, const Shape& x, const Shape& y)
      : sum_(sum), op_(op), argument_(argument), x_(x), y_(y) {}

  /// Adds a gradient in the shape of x, or in a shape that x was broadcast to: that broadcast is undone here,
  /// and only here. Throws Error naming op and argument for any other shape.
  void add(Array<T> dx);
  /// The same for rows of a table. Throws Error if they do not fit the table.
  void add(RowSparse<T> dx);
  /// The same for an outer product. Throws Error if it has not the shape of x.
  void add(OuterProduct<T> dx);
  /// The same for either of the first two.
  void add(Gradient<T> dx) {
    std::visit([this](auto& one) { this->add(std::move(one)); }, dx);
  }
  /// Lets `add_to(dx)` add to the dense sum in place. Throws Error if it leaves another shape behind.
  template <class F>
  void add_in_place(F add_to) {
    Array<T>& dx = sum_.in_place(x_);
    add_to(dx);
    check_shape("left a gradient of", dx.shape());
  }
  /// True if nothing has been added to the sum yet.
  bool empty() const { return sum_.empty(); }

 private:
  void check_shape(const char* what, const Shape& dx) const;
  [[noreturn]] void refuse(const std::string& what) const;

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
  /// Computes the contribution from dy and adds it to dx.
  virtual void run(const Array<T>& dy, VjpTarget<T>& dx) = 0;
  /// True if it can add to a gradient that is already there, in place.
  virtual bool adds_in_place() const = 0;
  /// Calls `look(context)` while a copy of the callable lives: what it holds has one reference more then.
  /// False if it cannot be copied.
  virtual bool with_copy(void (*look)(void*), void* context) const = 0;
  /// Bytes that it keeps beside the arrays that it holds; what the callable's member saved_bytes() says.
  virtual std::size_t saved_bytes() const = 0;
};

/// The two forms of a vjp: `Array<T> f(dy)` returns the contribution (or a RowSparse<T>, a Gradient<T>, an
/// OuterProduct<T>, or a std::optional<Gradient<T>>, where none means that y does not depend on x after all),
/// `f(dy, dx)` adds it to dx in place. A callable with both is asked for the contribution
/// while dx is still empty, which saves filling it with zeros. An array that is captured by copy should not
/// be const: the closure moves to its place on the tape, and a const member is copied instead. What is
/// captured may be uncopyable, but must then say so: a vector of unique_ptr does not, and does not compile.
template <class T, class F>
struct VjpOf final : Vjp<T> {
  /// True if the callable has the form f(dy).
  static constexpr bool returns = std::invocable<F&, const Array<T>&>;
  /// True if the callable has the form f(dy, dx).
  static constexpr bool accumulates = std::invocable<F&, const Array<T>&, Array<T>&>;
  static_assert(
      !accumulates || !std::invocable<F&, const Array<T>&, const Array<T>&>,
      "a vjp that adds to dx in place takes it as Array<T>& dx: by value or const, what it adds is lost");
  static_assert(returns || accumulates,
                "a vjp takes (const Array<T>& dy) or (const Array<T>& dy, Array<T>& dx)");

  /// Takes the callable.
  explicit VjpOf(F&& f) : f_(std::move(f)) {}

  bool adds_in_place() const override { return accumulates; }

  bool with_copy([[maybe_unused]] void (*look)(void*), [[maybe_unused]] void* context) const override {
    if constexpr (std::copy_constructible<F>) {
      [[maybe_unused]] const F copy(f_);
      look(context);
    }
    return std::copy_constructible<F>;
  }

  std::size_t saved_bytes() const override {
    if constexpr (requires { f_.saved_bytes(); }) return f_.saved_bytes();
    return 0;
  }

  void run(const Array<T>& dy, VjpTarget<T>& dx) override {
    if constexpr (accumulates)
      if (!returns || !dx.empty()) return dx.add_in_place([&](Array<T>& sum) { f_(dy, sum); });
    if constexpr (returns) {
      using Result = std::remove_cvref_t<std::invoke_result_t<F&, const Array<T>&>>;
      static_assert(std::same_as<Result, Array<T>> || std::same_as<Result, RowSparse<T>> ||
                        std::same_as<Result, Gradient<T>> || std::same_as<Result, OuterProduct<T>> ||
                        std::same_as<Result, std::optional<Gradient<T>>>,
                    "a vjp must return an evaluated Array<T> (or RowSparse<T>, or OuterProduct<T>), not a "
                    "lazy xtensor expression, whose operands are gone when it is read: write `return "
                    "Array<T>(...)`");
      if constexpr (std::same_as<Result, std::optional<Gradient<T>>>) {
        if (auto contribution = f_(dy)) dx.add(std::move(*contribution));
      } else {
        dx.add(f_(dy));
      }
    }
  }

 private:
  F f_;
};

/// One input of an op with the vjp that belongs to it; made by wrt().
template <class T, class F>
struct Wrt {
  const Variable<T>& x;  ///< the input
  F vjp;                 ///< the callable, in a form of VjpOf
};

/// `vjp` computes the contribution to dL/dx from dy = dL/dy; see VjpOf for its forms.
template <class T, class F>
Wrt<T, F> wrt(const Variable<T>& x, F vjp) {
  return {x, std::move(vjp)};
}

}  // namespace xgrad
