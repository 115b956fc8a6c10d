// pointwise(f, a, b, ...): an elementwise formula as one op. The formula is called once, with a symbol for each operand, which
// writes down what it computes; kernels then run over the operands a block at a time, all steps while the block is in
// the cache, and back again for the slopes. So a chain of functions passes through memory once, is one value on the
// tape, and saves one number for each of an operand, however long it is. Start with `pointwise`, at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

class Formula;

/// A number of an operand, or what a formula has made of some, as the function given to pointwise() sees it. Functions of
/// symbols: + - * / with symbols and plain numbers, exp, log, sqrt, square, tanh, sigmoid, relu. A symbol has no value, so a
/// formula cannot ask for its sign; it is of use only during the call that made it.
class Symbol {
 public:
  friend Symbol operator+(Symbol a, Symbol b);
  friend Symbol operator-(Symbol a, Symbol b);
  friend Symbol operator*(Symbol a, Symbol b);
  friend Symbol operator/(Symbol a, Symbol b);
  friend Symbol operator+(Symbol a, double b) { return a.scale_shift(1, b); }
  friend Symbol operator+(double a, Symbol b) { return b.scale_shift(1, a); }
  friend Symbol operator-(Symbol a, double b) { return a.scale_shift(1, -b); }
  friend Symbol operator-(double a, Symbol b) { return b.scale_shift(-1, a); }
  friend Symbol operator*(Symbol a, double b) { return a.scale_shift(b, -0.0); }
  friend Symbol operator*(double a, Symbol b) { return b.scale_shift(a, -0.0); }
  friend Symbol operator/(Symbol a, double b);
  friend Symbol operator/(double a, Symbol b);
  Symbol operator-() const { return scale_shift(-1, -0.0); }

  friend Symbol exp(Symbol x);
  friend Symbol log(Symbol x);
  friend Symbol sqrt(Symbol x);
  friend Symbol square(Symbol x);
  friend Symbol tanh(Symbol x);
  friend Symbol sigmoid(Symbol x);
  friend Symbol relu(Symbol x);

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
  enum class Function : std::uint8_t {
    operand,
    constant,
    add,
    subtract,
    multiply,
    divide,
    scale_shift,
    exp,
    log,
    sqrt,
    square,
    tanh,
    sigmoid,
    relu
  };
  struct Step {
    Function op;
    std::uint32_t a = 0, b = 0;   // places of earlier steps
    double scale = 0, shift = 0;  // of scale_shift; the constant is `shift`
  };
  static constexpr std::size_t most_operands = 6, most_steps = 64;

  explicit Formula(std::size_t operands);
  Symbol operand(std::size_t i) { return Symbol(*this, static_cast<std::uint32_t>(i)); }
  Symbol add(const Step& step);
  Symbol constant(double number) { return add({.op = Function::constant, .shift = number}); }
  Symbol add(Function op, Symbol a) { return add({.op = op, .a = place(a)}); }
  Symbol add(Function op, Symbol a, Symbol b) { return add({.op = op, .a = place(a), .b = place(b)}); }
  Symbol scale_shift(Symbol a, double scale, double shift) {
    return add({.op = Function::scale_shift, .a = place(a), .scale = scale, .shift = shift});
  }
  /// What the function returned is the result. Throws Error if it is not of this formula.
  void set_result(Symbol y) { result_ = place(y); }

  std::size_t operands() const { return operands_; }
  const std::vector<Step>& steps() const { return steps_; }
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

/// f of the numbers of one to six variables under broadcasting:
///
///   h = pointwise([](auto z, auto n, auto h) { return (1 - z) * n + z * h; }, z, n, h);
///
///     operands: shapes that broadcast   result: their common shape
/// Throws Error if the shapes do not broadcast, and for a formula of more than 64 steps.
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
