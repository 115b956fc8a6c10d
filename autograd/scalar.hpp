// Scalar functions of every number type the library computes with, under one name each: the only place that
// calls std:: on a scalar. Kernels are written once in terms of these; kernels/simd.hpp adds the overloads
// for vectors.
//
// The third type, Complex, is there to prove derivatives: f(x + ihv) = f(x) + ih f'(x) v + O(h^2) with h so small that
// the imaginary part is the derivative to the last digit (Squire & Trapp 1998, "Using complex variables to
// estimate derivatives of real functions"). So its functions are the analytic continuations of the real ones; whatever
// a real function does by comparing, they do by the real part; and where the real function is NaN or infinite, so is
// the real part here, unlike std::log(-1 + 0i) or std::sqrt(-1 + 0i).
#pragma once

#include <cmath>
#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>

namespace xgrad {

/// The scalar that carries a derivative in its imaginary part; see the top of this file.
using Complex = std::complex<double>;

}  // namespace xgrad

namespace xgrad::scalar {

/// The step of complex differentiation. Its square vanishes beside any number that is not itself as small, and a
/// product with the largest numbers in use is still far from overflow.
inline constexpr double complex_step = 1e-100;

/// The part that comparisons look at.
template <std::floating_point T>
T real(T x) {
  return x;
}
inline double real(Complex x) { return x.real(); }

/// The real type beside a scalar: float for float, double for Complex.
template <class T>
using Real = decltype(real(T{}));

/// The same number as another scalar; from Complex to a real one, its real part.
template <class U, class T>
U convert(T x) {
  if constexpr (std::same_as<U, Complex>) {
    return U(x);
  } else {
    return static_cast<U>(real(x));
  }
}

/// How often this thread's Complex functions were asked for a value at a kink, where the two sides have different
/// slopes: the value's derivative there is a convention, and gradcheck says so instead of judging it.
inline thread_local std::uint64_t kinks = 0;

template <std::floating_point T>
T exp(T x) {
  return std::exp(x);
}
inline Complex exp(Complex x) { return std::exp(x); }

template <std::floating_point T>
T log(T x) {
  return std::log(x);
}
// The imaginary part of std::log jumps by pi where x crosses 0.
inline Complex log(Complex x) {
  if (x.real() > 0) return std::log(x);
  return {std::log(x.real()), x.imag() == 0 ? 0 : x.imag() / x.real()};
}

template <std::floating_point T>
T sqrt(T x) {
  return std::sqrt(x);
}
// std::sqrt gives i for -1, and (1 + i) sqrt(h/2) for ih.
inline Complex sqrt(Complex x) {
  if (x.real() > 0) return std::sqrt(x);
  const double y = std::sqrt(x.real());
  return {y, x.imag() == 0 ? 0 : x.imag() / (2 * y)};
}

template <std::floating_point T>
T tanh(T x) {
  return std::tanh(x);
}
inline Complex tanh(Complex x) { return std::tanh(x); }

/// 1 / (1 + e^-x). The form by tanh(x/2) would lose all relative accuracy for x << 0.
template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + scalar::exp(-x));
}

/// `yes` where the real part of x is <= 0, else `no`: selects, so that what is not chosen cannot leak, even
/// if infinite. 0 is taken to be a kink.
template <std::floating_point T>
T where_le_zero(T x, T yes, T no) {
  return x <= T(0) ? yes : no;
}
inline Complex where_le_zero(Complex x, Complex yes, Complex no) {
  if (x.real() == 0) ++kinks;
  return x.real() <= 0 ? yes : no;
}

}  // namespace xgrad::scalar
