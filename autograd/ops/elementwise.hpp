// Functions applied to each element.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

template <class T>
Variable<T> tanh(const Variable<T>& x);
/// 1 / (1 + e^-x), accurate in relative terms wherever it does not underflow (x > -88 in float).
template <class T>
Variable<T> sigmoid(const Variable<T>& x);
template <class T>
Variable<T> exp(const Variable<T>& x);
/// e^x - 1, accurate in relative terms near 0 too.
template <class T>
Variable<T> expm1(const Variable<T>& x);
/// Natural logarithm; as in NumPy, -inf at 0 and NaN below.
template <class T>
Variable<T> log(const Variable<T>& x);
template <class T>
Variable<T> square(const Variable<T>& x);
/// Square root; its slope at 0 is infinite, and below 0 it is NaN.
template <class T>
Variable<T> sqrt(const Variable<T>& x);
/// max(x, 0); its slope at the kink 0 is taken to be 0, as in PyTorch and JAX.
template <class T>
Variable<T> relu(const Variable<T>& x);

}  // namespace xgrad
