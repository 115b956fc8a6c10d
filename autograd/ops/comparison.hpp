// Comparisons of elements under broadcasting: `x > 0`, `x <= y`, `ids == 0`. They make masks, Ids of 0 and 1,
// for `where` and `reset_rows`. Nothing is recorded and there is no gradient. Of complex numbers the real
// parts are compared, so that a function takes the same branch in every scalar.
#pragma once

#include <concepts>
#include <type_traits>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

namespace detail {

enum class Relation { less, less_equal, greater, greater_equal, equal, not_equal };

template <class T>
Ids compare(Relation relation, const Variable<T>& a, const Variable<T>& b);
Ids compare(Relation relation, const Ids& a, const Ids& b);

// True if S can stand beside an operand of type X: as a number, or an array of the same scalar.
template <class S, class X>
concept ComparableWith = (std::same_as<X, Ids> && (std::same_as<S, Ids> || std::integral<S>)) ||
                         (is_variable<X> && std::convertible_to<S, X> && !XtensorExpression<S>);

template <class A, class B>
concept Comparable = ComparableWith<A, B> || ComparableWith<B, A>;

// x as an X.
template <class X, class S>
decltype(auto) operand(const S& x) {
  if constexpr (std::same_as<S, X>)
    return (x);
  else if constexpr (std::same_as<X, Ids>)
    return Ids(Shape(), {static_cast<Ids::value_type>(x)});
  else
    return X(x);
}

template <class A, class B>
Ids compare_operands(Relation relation, const A& a, const B& b) {
  using X = std::conditional_t<ComparableWith<B, A>, A, B>;
  return compare(relation, operand<X>(a), operand<X>(b));
}

}  // namespace detail

/// @{ 1 where the relation holds, else 0, of two variables or a variable and a number, which is cast to its
/// scalar, or of Ids and Ids or an integer; in their common shape. NaN is not equal to anything, and neither
/// less nor greater. Throws Error if the shapes do not broadcast.
template <class A, class B>
requires detail::Comparable<A, B> Ids operator<(const A& a, const B& b) {
  return detail::compare_operands(detail::Relation::less, a, b);
}
template <class A, class B>
requires detail::Comparable<A, B> Ids operator<=(const A& a, const B& b) {
  return detail::compare_operands(detail::Relation::less_equal, a, b);
}
template <class A, class B>
requires detail::Comparable<A, B> Ids operator>(const A& a, const B& b) {
  return detail::compare_operands(detail::Relation::greater, a, b);
}
template <class A, class B>
requires detail::Comparable<A, B> Ids operator>=(const A& a, const B& b) {
  return detail::compare_operands(detail::Relation::greater_equal, a, b);
}
template <class A, class B>
requires detail::Comparable<A, B> Ids operator==(const A& a, const B& b) {
  return detail::compare_operands(detail::Relation::equal, a, b);
}
template <class A, class B>
requires detail::Comparable<A, B> Ids operator!=(const A& a, const B& b) {
  return detail::compare_operands(detail::Relation::not_equal, a, b);
}
/// @}

}  // namespace xgrad
