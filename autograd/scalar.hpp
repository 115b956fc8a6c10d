// Scalar functions of every number type the library computes with, under one name each: the only place that
// calls std:: on a scalar. Kernels are written once in terms of these; kernels/simd.hpp adds the overloads
// for vectors.
//
// The third type, Complex, is there to prove derivatives: f(x + ihv) = f(x) + ih f'(x) v + O(h^2) with h so
// small that the imaginary part is the derivative to the last digit (Squire & Trapp 1998, "Using complex
// variables to estimate derivatives of real functions"). So its functions are the analytic continuations of
// the real ones; whatever a real function does by comparing, they do by the real part; and where the real
// function is NaN or infinite, so is the real part here, unlike std::log(-1 + 0i) or std::sqrt(-1 + 0i).
#pragma once

#include <cmath>
#include <complex>
#include <concepts>
#include <cstdint>
#include <limits>
#include <numbers>

namespace xgrad {

/// The scalar that carries a derivative in its imaginary part; see the top of this file.
using Complex = std::complex<double>;

}  // namespace xgrad

/// Functions of one scalar, under one name each for float, double and Complex.
namespace xgrad::scalar {

/// The step of complex differentiation. Its square vanishes beside any number that is not itself as small,
/// and a product with the largest numbers in use is still far from overflow.
inline constexpr double complex_step = 1e-100;

/// @{ The part that comparisons look at.
template <std::floating_point T>
T real(T x) {
  return x;
}
inline double real(Complex x) { return x.real(); }
/// @}

/// The real type beside a scalar: float for float, double for Complex.
template <class T>
using Real = decltype(real(T{}));

/// The same number as another scalar; from Complex to a real one, its real part.
template <class U, class T>
U convert(T x) {
  if constexpr (std::same_as<U, Complex>)
    return U(x);
  else
    return static_cast<U>(real(x));
}

/// How often this thread's Complex functions were asked for a value at a kink, where the slopes of the two
/// sides differ: the derivative there is a convention, and gradcheck says so instead of judging it.
inline thread_local std::uint64_t kinks = 0;

/// e^x.
using std::exp;

using std::log;
/// The natural logarithm. The imaginary part of std::log jumps by pi where x crosses 0.
inline Complex log(Complex x) {
  if (x.real() > 0) return std::log(x);
  return {std::log(x.real()), x.imag() == 0 ? 0 : x.imag() / x.real()};
}

using std::sqrt;
/// The square root. std::sqrt gives i for -1, and (1 + i) sqrt(h/2) for ih.
inline Complex sqrt(Complex x) {
  if (x.real() > 0) return std::sqrt(x);
  const double y = std::sqrt(x.real());
  return {y, x.imag() == 0 ? 0 : x.imag() / (2 * y)};
}

/// a / b.
template <class T>
T divide(T a, T b) {
  return a / b;
}

/// The hyperbolic tangent.
using std::tanh;

/// 1 / (1 + e^-x). The form by tanh(x/2) would lose all relative accuracy for x << 0.
template <class T>
T sigmoid(T x) {
  return T(1) / (T(1) + scalar::exp(-x));
}

/// @{ Comparisons, by the real part. NaN is neither less than nor equal to anything.
template <class T>
bool less(T a, T b) {
  return real(a) < real(b);
}
template <class T>
bool less_equal(T a, T b) {
  return real(a) <= real(b);
}
template <class T>
bool equal(T a, T b) {
  return real(a) == real(b);
}
/// @}

/// One of two numbers: what is not chosen cannot leak, even if it is infinite.
template <class T>
T select(bool choose, T yes, T no) {
  return choose ? yes : no;
}

/// @{ a x and a / x, but 0 where a is 0, even if x or 1 / x is infinite; NaN stays. So vjps are made of dy:
/// what a maximum or a mask did not choose has no gradient, whatever its slope.
template <class T>
T product_or_zero(T a, T x) {
  return a == T(0) && x == x ? T(0) : a * x;
}
template <class T>
T quotient_or_zero(T a, T x) {
  return a == T(0) && x == x ? T(0) : a / x;
}
/// @}

/// c as a number of x's type.
template <class T>
T constant(double c, T) {
  return T(static_cast<Real<T>>(c));
}

/// @{ Notes a kink where x stands at `place`; see `kinks`.
template <std::floating_point T>
void kink(T, T) {}
inline void kink(Complex x, Complex place) {
  if (equal(x, place)) ++kinks;
}
/// @}

using std::abs;
/// |x|; the slope at the kink 0 is taken to be 0.
inline Complex abs(Complex x) {
  kink(x, 0);
  return x.real() == 0 ? Complex(0) : x.real() < 0 ? -x : x;
}

/// e^x - 1. Near 0, where e^x - 1 cancels, it is 2 t / (1 - t) with t = tanh(x / 2). The formulas meet
/// smoothly at x^2 = 0.9.
template <class T>
T expm1(T x) {
  const T t = scalar::tanh(x * T(0.5));
  return scalar::select(scalar::less_equal(x * x, T(Real<T>(0.9))), T(2) * t / (T(1) - t),
                        scalar::exp(x) - T(1));
}

using std::log1p;
/// log(1 + x), without cancellation for small x.
inline Complex log1p(Complex x) {
  if (x.real() > -1) return {std::log1p(x.real()), std::arg(1.0 + x)};
  return {std::log1p(x.real()), x.imag() == 0 ? 0 : x.imag() / (1 + x.real())};
}

/// log(1 + e^x), with no overflow for large x and no cancellation for small.
template <class T>
T softplus(T x) {
  const bool small = scalar::less_equal(x, T(0));
  return scalar::select(small, T(0), x) + scalar::log1p(scalar::exp(scalar::select(small, x, -x)));
}

/// The sine, of radians.
using std::sin;

/// The cosine, of radians.
using std::cos;

using std::erf, std::erfc;
/// The error function. The standard library has none of a complex number: the derivative is put in by its
/// formula, so the complex step cannot prove it: central differences must.
inline Complex erf(Complex x) {
  return {std::erf(x.real()), x.imag() * std::exp(-x.real() * x.real()) * std::numbers::inv_sqrtpi * 2};
}
/// Its complement, 1 - erf x.
inline Complex erfc(Complex x) {
  return {std::erfc(x.real()), -x.imag() * std::exp(-x.real() * x.real()) * std::numbers::inv_sqrtpi * 2};
}

/// e^(-c x^2).
template <class T>
T gaussian(T x, double c) {
  return scalar::exp(-static_cast<Real<T>>(c) * x * x);
}

/// The distribution function of the standard normal, by the complement of erf, which does not cancel for
/// x << 0.
template <class T>
T normal_cdf(T x) {
  return Real<T>(0.5) * scalar::erfc(x * Real<T>(-1 / std::numbers::sqrt2));
}
/// The same, where y = x P(x) is known.
template <class T>
T normal_cdf(T x, T) {
  return normal_cdf(x);
}

using std::pow;
/// x^p. std::pow(Complex(-2, h), 2) is off by much more than h: it goes through the logarithm, which has a
/// cut there. That way serves x > 0 alone; elsewhere the derivative is put in by its formula, and at x = 0
/// the one in p is taken to be 0 where p >= 0.
inline Complex pow(Complex x, Complex p) {
  const double y = std::pow(x.real(), p.real());
  if (x.real() > 0) return {y, x.imag() == 0 && p.imag() == 0 ? 0 : y * std::sin((p * std::log(x)).imag())};
  const double by_x = x.imag() == 0 ? 0 : x.imag() * p.real() * std::pow(x.real(), p.real() - 1);
  const bool flat = p.imag() == 0 || (x.real() == 0 && p.real() >= 0);
  return {y, by_x + (flat ? 0 : p.imag() * y * std::log(x.real()))};
}

/// dy p x^(p-1), the vjp of y = x^p: 0 for p = 0, also at x = 0, and NaN where y is. The slope may be
/// infinite where that is not.
template <class T>
T pow_vjp(T dy, T x, T p, T y) {
  if (equal(p, T(0))) return product_or_zero(dy, T(0));
  if (!equal(y, y)) return y;
  const T slope = p * scalar::pow(x, p - T(1));
  if (std::isinf(real(slope)) && std::isfinite(real(y)) && !equal(x, T(0)))
    return product_or_zero(product_or_zero(dy, p), y) / x;
  return product_or_zero(dy, slope);
}

}  // namespace xgrad::scalar
