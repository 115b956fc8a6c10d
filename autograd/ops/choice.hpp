// Choosing between elements, by their size or by a mask. A mask holds integers, 0 for no; a comparison makes
// one, `where(x > 0, x, 0)`.
#pragma once

#include <functional>
#include <type_traits>

#include <xgrad/autograd/ops/comparison.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// x moved into [low, high]. The slope is 1 there, the ends included, and 0 outside, as in PyTorch.
/// Throws Error unless low <= high.
template <class T>
Variable<T> clip(const Variable<T>& x, double low, double high);
/// The larger of a and b, elementwise; NaN if either is. Where they are equal, each gets half of the
/// gradient. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> maximum(const Variable<T>& a, const Variable<T>& b);
/// The smaller of a and b, elementwise; NaN if either is. Where they are equal, each gets half of the
/// gradient. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> minimum(const Variable<T>& a, const Variable<T>& b);
/// The same with a number for b. At x = 0 the slope of maximum(x, 0) is 1/2, that of relu(x) is 0.
template <class T, Number S>
Variable<T> maximum(const Variable<T>& a, S b) {
  return maximum(a, Variable<T>(b));
}
/// The same with a number for b.
template <class T, Number S>
Variable<T> minimum(const Variable<T>& a, S b) {
  return minimum(a, Variable<T>(b));
}

/// x where the mask is not 0, else y.     mask, x, y: shapes that broadcast
/// What is not chosen has the gradient 0, also through an infinite slope, as that of sqrt(z) at 0 in
/// `where(mask, sqrt(z), 0)`; but its own value and slope are computed, and a slope that is NaN, as that of
/// sqrt(z) at -1, stays NaN. The form with functions keeps out of that. Throws Error if the shapes do not
/// broadcast.
template <class T>
Variable<T> where(const Ids& mask, const Variable<T>& x, const Variable<T>& y);
/// The same with a number for y.
template <class T, Number S>
Variable<T> where(const Ids& mask, const Variable<T>& x, S y) {
  return where(mask, x, Variable<T>(y));
}
/// The same with a number for x.
template <class T, Number S>
Variable<T> where(const Ids& mask, S x, const Variable<T>& y) {
  return where(mask, Variable<T>(x), y);
}
/// The same of two numbers. Nothing says which scalar is meant: name it, `where<T>(mask, 1, 0)`.
template <class T, Number S, Number U>
Variable<T> where(const Ids& mask, S x, U y) {
  return where(mask, Variable<T>(x), Variable<T>(y));
}

/// A function of each element of a vector: Variable (n,) to Variable (n,).
template <class T>
using ElementFunction = std::type_identity_t<std::function<Variable<T>(const Variable<T>&)>>;

/// f(x) where the mask is not 0, else g(x), for functions of each element: f sees only those elements of x
/// that the mask marks, as a vector (n,), and g only the others, so that neither value nor gradient of a
/// branch not taken exists.
///     mask: the shape of x   f, g: Variable (n,) to Variable (n,)
/// Throws Error if the mask has another shape, or f or g return one.
template <class T>
Variable<T> where(const Ids& mask, const Variable<T>& x, const ElementFunction<T>& f,
                  const ElementFunction<T>& g);

}  // namespace xgrad
