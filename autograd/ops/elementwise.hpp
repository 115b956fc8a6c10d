// Mathematical functions of each element. Those that networks put behind a layer are in activation.hpp.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// e^x.
template <class T>
Variable<T> exp(const Variable<T>& x);
/// e^x - 1, accurate in relative terms near 0 too.
template <class T>
Variable<T> expm1(const Variable<T>& x);
/// Natural logarithm; as in NumPy, -inf at 0 and NaN below.
template <class T>
Variable<T> log(const Variable<T>& x);
/// log(1 + x), accurate in relative terms near 0 too.
template <class T>
Variable<T> log1p(const Variable<T>& x);
/// Sine of x in radians.
template <class T>
Variable<T> sin(const Variable<T>& x);
/// Cosine of x in radians.
template <class T>
Variable<T> cos(const Variable<T>& x);
/// The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.
template <class T>
Variable<T> erf(const Variable<T>& x);

/// x^2.
template <class T>
Variable<T> square(const Variable<T>& x);
/// Square root; its slope at 0 is infinite, and below 0 it is NaN.
template <class T>
Variable<T> sqrt(const Variable<T>& x);
/// 1 / sqrt(x); infinite at 0, and NaN below.
template <class T>
Variable<T> rsqrt(const Variable<T>& x);
/// x^p, elementwise. As in NumPy, NaN for x < 0 unless p is an integer; the slope in p is NaN for all x < 0.
/// 0^0 is 1, with slope 0. Throws Error if the shapes do not broadcast.
template <class T>
Variable<T> pow(const Variable<T>& x, const Variable<T>& p);
/// The same with a number for p.
template <class T>
Variable<T> pow(const Variable<T>& x, double p);
/// The same with a number for x.
template <class T, Number S>
Variable<T> pow(S x, const Variable<T>& p) {
  return pow(Variable<T>(x), p);
}
/// |x|; its slope at the kink 0 is taken to be 0, as in PyTorch and JAX.
template <class T>
Variable<T> abs(const Variable<T>& x);

}  // namespace xgrad
