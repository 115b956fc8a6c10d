// pointwise(): an elementwise formula of several variables. It is nothing but its ops, recorded one by one:
// as an op of its own it was slower wherever the arrays between the ops stay in the cache.
#pragma once

#include <concepts>

#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// f of the elements of variables under broadcasting:
///
///   h = pointwise([](auto z, auto n, auto h) { return (1 - z) * n + z * h; }, z, n, h);
///
///     operands: shapes that broadcast   result: their common shape
/// `f` may use every op that is elementwise. Throws Error if the shapes do not broadcast.
template <class F, class T, class... Rest>
Variable<T> pointwise(const F& f, const Variable<T>& first, const Rest&... rest) {
  static_assert((std::same_as<Rest, Variable<T>> && ...), "pointwise takes variables of one scalar");
  using Result = decltype(f(first, rest...));
  static_assert(std::same_as<Result, Variable<T>>, "the formula must return what it computes");
  Shape shape = first.shape();
  [[maybe_unused]] const auto widen = [&](const Variable<T>& x) {
    check_broadcast("pointwise", first, x);
    const auto common = broadcast(shape, x.shape());
    if (!common)
      throw Error("pointwise", "shape " + describe(x) + " does not broadcast with " + to_string(shape) +
                                   ", that of the others");
    shape = *common;
  };
  (widen(rest), ...);
  const Variable<T> y = f(first, rest...);
  return y.shape() == shape ? y : broadcast_to(y, shape);
}

}  // namespace xgrad
