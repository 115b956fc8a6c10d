// pointwise(f, a, b, ...): an elementwise formula as one op. The formula is called once, with a symbol for
// each operand, which writes down what it computes; kernels then run over the operands a block at a time, all
// steps while the block is in the cache, and back again for the slopes. So a chain of functions passes
// through memory once, is one value on the tape, and saves one array for each operand, its slope, however
// long the chain is. Start with `pointwise`, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

class Formula;

/// An element of an operand, or what a formula has made of some, as the function given to pointwise() sees
/// it. Functions of symbols: + - * / with symbols and plain numbers, exp, log, sqrt, square, tanh, sigmoid,
/// relu. A symbol has no value, so a formula cannot ask for its sign; it is of use only during the call that
/// made it.
///
/// Each function is one step of the formula, except division by or of a number, which is two.
class Symbol {
 public:
  friend Symbol operator+(Symbol a, Symbol b);                                    ///< a + b
  friend Symbol operator-(Symbol a, Symbol b);                                    ///< a - b
  friend Symbol operator*(Symbol a, Symbol b);                                    ///< a b
  friend Symbol operator/(Symbol a, Symbol b);                                    ///< a / b
  friend Symbol operator+(Symbol a, double b) { return a.scale_shift(1, b); }     ///< a + b
  friend Symbol operator+(double a, Symbol b) { return b.scale_shift(1, a); }     ///< a + b
  friend Symbol operator-(Symbol a, double b) { return a.scale_shift(1, -b); }    ///< a - b
  friend Symbol operator-(double a, Symbol b) { return b.scale_shift(-1, a); }    ///< a - b
  friend Symbol operator*(Symbol a, double b) { return a.scale_shift(b, -0.0); }  ///< a b
  friend Symbol operator*(double a, Symbol b) { return b.scale_shift(a, -0.0); }  ///< a b
  friend Symbol operator/(Symbol a, double b);                                    ///< a / b, two steps
  friend Symbol operator/(double a, Symbol b);                                    ///< a / b, two steps
  Symbol operator-() const { return scale_shift(-1, -0.0); }                      ///< the negative

  friend Symbol exp(Symbol x);      ///< e^x
  friend Symbol log(Symbol x);      ///< natural logarithm
  friend Symbol sqrt(Symbol x);     ///< square root
  friend Symbol square(Symbol x);   ///< x^2
  friend Symbol tanh(Symbol x);     ///< hyperbolic tangent
  friend Symbol sigmoid(Symbol x);  ///< 1 / (1 + e^-x)
  friend Symbol relu(Symbol x);     ///< max(x, 0), with slope 0 at 0

 private:
  friend class Formula;
  Symbol(Formula& formula, std::uint32_t place) : formula_(&formula), place_(place) {}
  Symbol scale_shift(double scale, double shift) const;

  Formula* formula_;
  std::uint32_t place_;
};

/// The steps of a formula in the order in which they were written down. Internal.
class Formula {
 public:
  /// What a step computes from the results a and b of earlier ones.
  enum class Function : std::uint8_t {
    operand,      ///< an element of an operand
    constant,     ///< `shift`
    add,          ///< a + b
    subtract,     ///< a - b
    multiply,     ///< a b
    divide,       ///< a / b
    scale_shift,  ///< `scale` a + `shift`
    exp,          ///< e^a
    log,          ///< natural logarithm of a
    sqrt,         ///< square root of a
    square,       ///< a^2
    tanh,         ///< hyperbolic tangent of a
    sigmoid,      ///< 1 / (1 + e^-a)
    relu          ///< max(a, 0)
  };
  /// One function, and what it is applied to.
  struct Step {
    Function op;          ///< the function
    std::uint32_t a = 0,  ///< place of the step whose result is its first argument
        b = 0;            ///< place of the step whose result is its second argument, if it has one
    double scale = 0,     ///< of scale_shift
        shift = 0;        ///< of scale_shift, or the constant
  };
  static constexpr std::size_t most_operands = 6,  ///< that a formula can have
      most_steps = 64;                             ///< that a formula can have, its operands included

  /// A formula of so many operands, which are its first steps.
  explicit Formula(std::size_t operands);
  /// The symbol of operand i.
  Symbol operand(std::size_t i) { return Symbol(*this, static_cast<std::uint32_t>(i)); }
  /// Adds a step; the result is its symbol. Throws Error if there are `most_steps` already.
  Symbol add(const Step& step);
  /// Adds a number as a step; the result is its symbol. Throws Error like the first add().
  Symbol constant(double number) { return add({.op = Function::constant, .shift = number}); }
  /// Adds a function of one symbol. Throws Error like the first add(), and if the symbol is not of this
  /// formula.
  Symbol add(Function op, Symbol a) { return add({.op = op, .a = place(a)}); }
  /// Adds a function of two symbols. Throws Error like the first add(), and if one is not of this formula.
  Symbol add(Function op, Symbol a, Symbol b) { return add({.op = op, .a = place(a), .b = place(b)}); }
  /// Adds the step scale a + shift. Throws Error like the first add(), and if `a` is not of this formula.
  Symbol scale_shift(Symbol a, double scale, double shift) {
    return add({.op = Function::scale_shift, .a = place(a), .scale = scale, .shift = shift});
  }
  /// What the function returned is the result. Throws Error if it is not of this formula.
  void set_result(Symbol y) { result_ = place(y); }

  /// Number of operands.
  std::size_t operands() const { return operands_; }
  /// All steps, the operands first.
  const std::vector<Step>& steps() const { return steps_; }
  /// The place of the step that is the result.
  std::uint32_t result() const { return result_; }

 private:
  std::uint32_t place(Symbol symbol) const;

  std::size_t operands_;
  std::vector<Step> steps_;  // the operands first
  std::uint32_t result_ = 0;
};

namespace detail {
template <class T>
Variable<T> evaluate(const Formula& formula, const std::vector<Variable<T>>& operands);
}  // namespace detail

/// f of the elements of one to six variables under broadcasting:
///
///   h = pointwise([](auto z, auto n, auto h) { return (1 - z) * n + z * h; }, z, n, h);
///
///     operands: shapes that broadcast   result: their common shape
/// Throws Error if the shapes do not broadcast, for a formula of more than 64 steps, its operands included,
/// and for a symbol of another call.
template <class F, class T, class... Rest>
Variable<T> pointwise(const F& f, const Variable<T>& first, const Rest&... rest) {
  constexpr std::size_t operands = 1 + sizeof...(Rest);
  static_assert((std::same_as<Rest, Variable<T>> && ...), "pointwise takes variables of one scalar");
  static_assert(operands <= Formula::most_operands, "pointwise takes up to six variables");
  Formula formula(operands);
  const auto call = [&]<std::size_t... i>(std::index_sequence<i...>) { return f(formula.operand(i)...); };
  using Result = decltype(call(std::make_index_sequence<operands>()));
  static_assert(std::same_as<Result, Symbol>, "the formula must return what it computes from its operands");
  formula.set_result(call(std::make_index_sequence<operands>()));
  return detail::evaluate<T>(formula, {first, rest...});
}

}  // namespace xgrad
