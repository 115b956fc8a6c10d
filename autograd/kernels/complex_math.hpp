// Registers of complex numbers, real and imaginary parts apart: what vector_math.hpp is for real ones. Most
// numbers here carry a derivative in a tiny imaginary part, and f(a + ib) = f(a) + ib f'(a) to the last digit
// once |b| < 2^-27. A lane that is not so, and one at the edge of the range, takes the plain function of
// scalar.hpp. So the same is computed as there, the derivatives by formulas that do not cancel and are not
// those of the vjps. Internal: included by simd.hpp alone.
#pragma once

#include <xgrad/autograd/kernels/vector_math.hpp>

namespace xgrad::kernels {

/// @{ Those of scalar.hpp, and std::complex's. Not inline: the kernels' files must define no function that
/// other files use.
Complex plain_exp(Complex x);
Complex plain_log(Complex x);
Complex plain_sqrt(Complex x);
Complex plain_tanh(Complex x);
Complex plain_sigmoid(Complex x);
Complex plain_product(Complex x, Complex y);
Complex plain_quotient(Complex x, Complex y);
/// @}

/// The largest imaginary part whose square vanishes beside 1.
inline constexpr double tiny_imaginary = 0x1p-27;

/// xsimd::batch<double, A> for the real and for the imaginary parts.
template <class A>
struct ComplexRegister {
  using Real = xsimd::batch<double, A>;
  using Mask = typename Real::batch_bool_type;

  Real re, im;

  ComplexRegister(Real re_, Real im_) : re(re_), im(im_) {}
  explicit ComplexRegister(double x) : re(x), im(0.0) {}

  friend ComplexRegister operator+(ComplexRegister a, ComplexRegister b) {
    return {a.re + b.re, a.im + b.im};
  }
  friend ComplexRegister operator-(ComplexRegister a, ComplexRegister b) {
    return {a.re - b.re, a.im - b.im};
  }
  friend ComplexRegister operator-(ComplexRegister a) { return {-a.re, -a.im}; }
  friend ComplexRegister operator*(ComplexRegister a, ComplexRegister b) {
    const ComplexRegister y(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
    return correct(y, (y.re == y.re) | (y.im == y.im), plain_product, a, b);
  }
  /// With r = Im b / Re b (Smith 1962, "Algorithm 116: Complex division").
  friend ComplexRegister operator/(ComplexRegister a, ComplexRegister b) {
    const Real size = xsimd::abs(b.re), r = quotient(b.im, b.re), divisor = b.re + b.im * r;
    const ComplexRegister y(quotient(a.re + a.im * r, divisor), quotient(a.im - a.re * r, divisor));
    const Real infinity(std::numeric_limits<double>::infinity());
    const Mask right = (xsimd::abs(b.im) <= size) & (size > 1e-290) & (size < 1e290) &
                       (xsimd::abs(y.re) < infinity) & (xsimd::abs(y.im) < infinity);
    return correct(y, right, plain_quotient, a, b);
  }
  /// @{ Of a real number, with the real part alone, or with each.
  friend ComplexRegister operator+(ComplexRegister a, double b) { return {a.re + b, a.im}; }
  friend ComplexRegister operator+(double a, ComplexRegister b) { return b + a; }
  friend ComplexRegister operator-(double a, ComplexRegister b) { return {a - b.re, -b.im}; }
  friend ComplexRegister operator*(double a, ComplexRegister b) { return {a * b.re, a * b.im}; }
  /// @}
  friend Mask operator==(ComplexRegister a, ComplexRegister b) { return (a.re == b.re) & (a.im == b.im); }

  /// `fast` with the lanes that are not `right` computed anew, one by one, by f(x...).
  template <class F, class... X>
  static ComplexRegister correct(ComplexRegister fast, Mask right, F f, X... x) {
    if (xsimd::all(right)) [[likely]]
      return fast;
    constexpr std::size_t width = Real::size, count = sizeof...(X);
    alignas(64) double re[count + 1][width], im[count + 1][width], is_right[width];
    std::size_t operand = 0;
    ((x.re.store_aligned(re[operand]), x.im.store_aligned(im[operand]), ++operand), ...);
    fast.re.store_aligned(re[count]);
    fast.im.store_aligned(im[count]);
    xsimd::select(right, Real(1.0), Real(0.0)).store_aligned(is_right);
    for (std::size_t k = 0; k < width; ++k) {
      if (is_right[k] != 0) continue;
      Complex y;
      if constexpr (count == 1)
        y = f(Complex(re[0][k], im[0][k]));
      else
        y = f(Complex(re[0][k], im[0][k]), Complex(re[1][k], im[1][k]));
      re[count][k] = y.real();
      im[count][k] = y.imag();
    }
    return {Real::load_aligned(re[count]), Real::load_aligned(im[count])};
  }
};

}  // namespace xgrad::kernels

namespace xgrad::scalar {

template <class A>
using ComplexRegister = kernels::ComplexRegister<A>;

template <class A>
ComplexRegister<A> constant(double c, ComplexRegister<A>) {
  return ComplexRegister<A>(c);
}
template <class A>
ComplexRegister<A> select(typename ComplexRegister<A>::Mask choose, ComplexRegister<A> yes,
                          ComplexRegister<A> no) {
  return {xsimd::select(choose, yes.re, no.re), xsimd::select(choose, yes.im, no.im)};
}
template <class A>
ComplexRegister<A> divide(ComplexRegister<A> a, ComplexRegister<A> b) {
  return a / b;
}
template <class A>
ComplexRegister<A> product_or_zero(ComplexRegister<A> a, ComplexRegister<A> x) {
  const ComplexRegister<A> zero(0.0);
  return scalar::select((a == zero) & (x == x), zero, a * x);
}
template <class A>
ComplexRegister<A> quotient_or_zero(ComplexRegister<A> a, ComplexRegister<A> x) {
  const ComplexRegister<A> zero(0.0);
  return scalar::select((a == zero) & (x == x), zero, a / x);
}

template <class A>
ComplexRegister<A> exp(ComplexRegister<A> x) {
  using Z = ComplexRegister<A>;
  const auto y = scalar::exp(x.re);
  const auto right =
      (xsimd::abs(x.im) < kernels::tiny_imaginary) & (y < detail::Limits<decltype(y)>::infinity());
  return Z::correct({y, y * x.im}, right, kernels::plain_exp, x);
}

template <class A>
ComplexRegister<A> log(ComplexRegister<A> x) {
  using Z = ComplexRegister<A>;
  const auto right = detail::normal(x.re) & (xsimd::abs(x.im) < kernels::tiny_imaginary * x.re);
  return Z::correct({scalar::log(x.re), kernels::quotient(x.im, x.re)}, right, kernels::plain_log, x);
}

template <class A>
ComplexRegister<A> sqrt(ComplexRegister<A> x) {
  using Z = ComplexRegister<A>;
  const auto y = scalar::sqrt(x.re);
  const auto right = detail::normal(x.re) & (xsimd::abs(x.im) < kernels::tiny_imaginary * x.re);
  return Z::correct({y, kernels::quotient(x.im, y + y)}, right, kernels::plain_sqrt, x);
}

// With e = e^(2|a|) - 1: e / (e + 2), and the slope 4 (e + 1) / (e + 2)^2. Not beyond 100, where infinities
// would raise flags that the function does not.
template <class A>
ComplexRegister<A> tanh(ComplexRegister<A> x) {
  using Z = ComplexRegister<A>;
  const auto size = kernels::smaller(decltype(x.re)(100.0), xsimd::abs(x.re)), e = scalar::expm1(size + size),
             sum = e + 2.0, y = xsimd::copysign(kernels::quotient(e, sum), x.re),
             slope = kernels::quotient(4.0 * (e + 1.0), sum * sum);
  const auto right = (size < 100.0) & (xsimd::abs(x.im) < kernels::tiny_imaginary);
  return Z::correct({y, slope * x.im}, right, kernels::plain_tanh, x);
}

// With e = e^-a: 1 / (1 + e), and the slope e / (1 + e)^2. Not below -700, as above.
template <class A>
ComplexRegister<A> sigmoid(ComplexRegister<A> x) {
  using Z = ComplexRegister<A>;
  const auto e = scalar::exp(-kernels::larger(decltype(x.re)(-700.0), x.re)),
             y = kernels::quotient(decltype(e)(1.0), 1.0 + e);
  const auto right = (xsimd::abs(x.re) < 700.0) & (xsimd::abs(x.im) < kernels::tiny_imaginary);
  return Z::correct({y, e * y * y * x.im}, right, kernels::plain_sigmoid, x);
}

}  // namespace xgrad::scalar
