// Arithmetic under NumPy's broadcasting. The operators + - * / of variable.hpp call these; a plain number on
// either side becomes scale_shift (or divide), so that `1 - f` is one pass over f.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// a + b, elementwise. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b);
/// a - b, elementwise. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> subtract(const Variable<T>& a, const Variable<T>& b);
/// a * b, elementwise. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> multiply(const Variable<T>& a, const Variable<T>& b);
/// a / b, elementwise. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> divide(const Variable<T>& a, const Variable<T>& b);

/// -a, elementwise.
template <class T>
Variable<T> negate(const Variable<T>& a);

/// scale a + shift, elementwise, with plain numbers. A shift of -0.0 changes nothing, not even the sign of a
/// zero.
template <class T>
Variable<T> scale_shift(const Variable<T>& a, double scale, double shift);

}  // namespace xgrad
