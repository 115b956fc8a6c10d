// An array in the place of a variable, `matmul(x, W)` with an Array W, is a constant, as it is beside an
// operator. One of the two operands must be a variable.
#pragma once

#include <type_traits>

#include <xgrad/autograd/ops/choice.hpp>
#include <xgrad/autograd/ops/elementwise.hpp>
#include <xgrad/autograd/ops/linear.hpp>
#include <xgrad/autograd/ops/losses.hpp>

namespace xgrad {

namespace detail {

// Variable<T> for a variable and an array of one scalar, in either order; else nothing.
template <class A, class B>
struct OfVariableAndArray {};
template <class T>
struct OfVariableAndArray<Variable<T>, Array<T>> : std::type_identity<Variable<T>> {};
template <class T>
struct OfVariableAndArray<Array<T>, Variable<T>> : std::type_identity<Variable<T>> {};

}  // namespace detail

#define XGRAD_TAKES_ARRAYS(op)                                                                      \
  template <class A, class B, class... Rest>                                                        \
  typename detail::OfVariableAndArray<A, B>::type op(const A& a, const B& b, const Rest&... rest) { \
    using V = typename detail::OfVariableAndArray<A, B>::type;                                      \
    return op(V(a), V(b), rest...);                                                                 \
  }
XGRAD_TAKES_ARRAYS(maximum)
XGRAD_TAKES_ARRAYS(minimum)
XGRAD_TAKES_ARRAYS(pow)
XGRAD_TAKES_ARRAYS(matmul)
XGRAD_TAKES_ARRAYS(dot)
XGRAD_TAKES_ARRAYS(outer)
XGRAD_TAKES_ARRAYS(squared_error)
XGRAD_TAKES_ARRAYS(absolute_error)
XGRAD_TAKES_ARRAYS(huber)
XGRAD_TAKES_ARRAYS(binary_cross_entropy_with_logits)
#undef XGRAD_TAKES_ARRAYS

/// The same of where.
template <class A, class B>
typename detail::OfVariableAndArray<A, B>::type where(const Ids& mask, const A& x, const B& y) {
  using V = typename detail::OfVariableAndArray<A, B>::type;
  return where(mask, V(x), V(y));
}

}  // namespace xgrad
