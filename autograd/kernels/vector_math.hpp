// The functions of scalar.hpp for whole registers (xsimd batches): exp, log, tanh, sine, erf, powers. The
// elementwise ops are as fast as these. Each is within 4 ulp of the exact value wherever that is a normal
// number (tests/autograd/ops/test_elementwise.cpp). xsimd's own are used where they are as accurate and as
// fast. Where a range is rare and hard, the lanes in it take the standard library. Internal: included by
// simd.hpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

#include <xgrad/autograd/kernels/xsimd.hpp>
#include <xgrad/autograd/scalar.hpp>

namespace xgrad::scalar {

/// A register of floats or doubles, xsimd::batch<float, A> for one.
template <class X>
concept Register = xsimd::is_batch<X>::value;

/// c as a number of x's type; a literal serves where a float holds it exactly, as in `1.0 - y * y`.
template <Register X>
X constant(double c, X) {
  return X(static_cast<typename X::value_type>(c));
}

template <Register X>
X product_or_zero(X a, X x) {
  return xsimd::select((a == X(0)) & (x == x), X(0), a * x);
}
template <Register X>
X quotient_or_zero(X a, X x) {
  return xsimd::select((a == X(0)) & (x == x), X(0), kernels::quotient(a, x));
}

namespace detail {

template <class X>
using Lane = typename X::value_type;
template <class X>
using Limits = std::numeric_limits<Lane<X>>;

// f of each lane of x..., one by one.
template <class F, Register X, class... Rest>
X lanewise(F f, X first, Rest... rest) {
  alignas(64) Lane<X> lanes[1 + sizeof...(Rest)][X::size];
  std::size_t operand = 0;
  first.store_aligned(lanes[operand]);
  (rest.store_aligned(lanes[++operand]), ...);
  for (std::size_t k = 0; k < X::size; ++k) {
    if constexpr (sizeof...(Rest) == 0)
      lanes[0][k] = f(lanes[0][k]);
    else
      lanes[0][k] = f(lanes[0][k], lanes[1][k]);
  }
  return X::load_aligned(lanes[0]);
}

// `fast` with the lanes that are not `right` computed anew, one by one, by f(x...).
template <Register X, class F, class... Operands>
X correct(X fast, typename X::batch_bool_type right, F f, Operands... x) {
  return xsimd::all(right) ? fast : xsimd::select(right, fast, lanewise(f, x...));
}

// C::at(first) + C::at(first + step) x + C::at(first + 2 step) x^2 + ..., up to C::at(last), one by one.
template <class C, int first, int last, int step, Register X>
X horner(X x) {
  constexpr auto c = static_cast<Lane<X>>(C::at(first));
  if constexpr (first + step > last)
    return X(c);
  else
    return kernels::multiply_add(horner<C, first + step, last, step>(x), x, X(c));
}

// C::at(first) + C::at(first + 1) x + ... + C::at(last) x^(last - first). The terms after the second, whose
// rounding does not count, in two chains that do not wait for each other: even and odd powers.
template <class C, int first, int last, Register X>
X polynomial(X x) {
  if constexpr (last - first < 5) {
    return horner<C, first, last, 1>(x);
  } else {
    constexpr auto c0 = static_cast<Lane<X>>(C::at(first)), c1 = static_cast<Lane<X>>(C::at(first + 1));
    const X x2 = x * x;
    const X rest =
        kernels::multiply_add(horner<C, first + 3, last, 2>(x2), x, horner<C, first + 2, last, 2>(x2));
    return kernels::multiply_add(kernels::multiply_add(rest, x, X(c1)), x, X(c0));
  }
}

template <class T>
inline constexpr bool single = std::is_same_v<T, float>;

constexpr double factorial(int k) { return k < 2 ? 1 : k * factorial(k - 1); }

// Of e^x: 1/k!.
struct ExpSeries {
  static constexpr double at(int k) { return 1 / factorial(k); }
};
// Of 2^x for |x| <= 1/2, where the first two are 1 and ln 2: Chebyshev's expansion, error 9e-9.
struct Exp2Fit {
  static constexpr double fit[] = {0.2402265076, 0.05550357114, 0.009618082557, 0.001339086336,
                                   1.545316294e-4};
  static constexpr double at(int k) { return fit[k - 2]; }
};
// Of atanh(x) / x in x^2: 1/(2k + 1).
struct AtanhSeries {
  static constexpr double at(int k) { return 1.0 / (2 * k + 1); }
};
// Of sin(x) / x and of cos(x) in x^2.
struct SinSeries {
  static constexpr double at(int k) { return (k % 2 == 0 ? 1 : -1) / factorial(2 * k + 1); }
};
struct CosSeries {
  static constexpr double at(int k) { return (k % 2 == 0 ? 1 : -1) / factorial(2 * k); }
};
// Of erf(x) / x in x^2.
struct ErfSeries {
  static constexpr double at(int k) {
    return (k % 2 == 0 ? 2 : -2) * std::numbers::inv_sqrtpi / (factorial(k) * (2 * k + 1));
  }
};
// Of (1 + 2a) e^(a^2) erfc(a) in t = (a - 3) / (a + 3), for all a >= 0: it goes from 1 to 2/sqrt(pi) without
// a sharp bend (Shepherd & Laframboise 1981, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in
// 0 <= x < infinity"). Chebyshev's expansion, cut off below the rounding: of degree 11 for float, error 5e-9,
// and 24 for double, error 7e-18.
template <class T>
struct ErfcFit {
  static constexpr int degree = single<T> ? 11 : 24;
  static constexpr double at(int k) {
    constexpr double of_float[] = {1.253008056,    -0.1356210694,   -0.04756215693,  0.1296441143,
                                   -0.1192752753,  0.06831656777,   -0.02376357644,  0.00249911687,
                                   0.001875079124, -0.000726453679, -9.254516687e-5, 7.731024224e-5};
    constexpr double of_double[] = {
        1.25300805826972965,    -0.135621106124581159,    -0.0475622943534491967,   0.129645158702759392,
        -0.119273663415386384,  0.0683080273440099038,    -0.0237705149171713368,   0.00252939181569396953,
        0.00188869034499917185, -0.000779832269654330652, -0.000105159719584480648, 0.000125099342458372909,
        4.94919664996834531e-6, -2.01005422685256109e-5,  -7.30828146878361393e-7,  3.47237094497716817e-6,
        3.55760866840805944e-7, -6.16601146039872593e-7,  -1.40476543154284623e-7,  1.01836206038427366e-7,
        4.10640136679403528e-8, -1.33129196610386877e-8,  -8.21759505871145386e-9,  9.86253351034558759e-10,
        8.39373485869087755e-10};
    return single<T> ? of_float[k] : of_double[k];
  }
};

// pi/2 in pieces whose products with n are exact, as their last bits are 0; the last piece has all its bits.
template <class T>
struct HalfPi {
  static constexpr int pieces = single<T> ? 5 : 3;
  static constexpr double at(int k) {
    constexpr double of_float[] = {0x1.92p0, 0x1.fb4p-12, 0x1.444p-24, 0x1.68cp-39, 0x1.1a6264p-54};
    constexpr double of_double[] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
    return single<T> ? of_float[k] : of_double[k];
  }
};

// What the functions need to know of a floating-point type. The series end a tenth of an ulp from the value.
template <class T>
struct Format {
  using Bits = std::conditional_t<single<T>, std::int32_t, std::int64_t>;
  using Unsigned = std::make_unsigned_t<Bits>;
  static constexpr auto sqrt_half =
      static_cast<Unsigned>(single<T> ? 0x3F3504F3 : 0x3FE6A09E667F3BCD);  // its bits
  static constexpr Bits mantissa = single<T> ? 23 : 52, bias = single<T> ? 127 : 1023;
  static constexpr Bits half_precision =
      static_cast<Bits>(single<T> ? ~0xFFF : ~0x7FFFFFF);  // the square is exact
  static constexpr T exp_low = single<T> ? -104 : -746,
                     exp_high = single<T> ? 89 : 710;    // beyond: 0 or infinity
  static constexpr T expm1_low = single<T> ? -20 : -40;  // beyond: -1
  // n times the first is exact: its last bits are 0.
  static constexpr auto ln2_high = static_cast<T>(single<T> ? 0.693359375 : 6.93145751953125e-1);
  static constexpr auto ln2_low = static_cast<T>(single<T> ? -2.12194440e-4 : 1.42860682030941723212e-6);
  static constexpr T magic = single<T> ? 0x1.8p23 : 0x1.8p52;  // x + magic is x rounded, in the last bits
  static constexpr int exp_terms = single<T> ? 7 : 13, log_terms = single<T> ? 4 : 10,
                       atanh_terms = single<T> ? 7 : 15, sin_terms = single<T> ? 4 : 8,
                       cos_terms = single<T> ? 5 : 9, erf_terms = single<T> ? 6 : 11;
  static constexpr T sin_high = single<T> ? 8192 : 1e6;  // beyond, n has more bits than there is room for
  static constexpr T square_high = single<T> ? 15 : 40;  // e^(-x^2/2) is 0 beyond
};

template <class X>
using Of = Format<Lane<X>>;
template <class X>
using Integers = xsimd::batch<typename Of<X>::Bits, typename X::arch_type>;

template <Register X>
X limited(X x, Lane<X> low, Lane<X> high) {
  return kernels::smaller(X(high), kernels::larger(X(low), x));  // in this order NaN passes
}

// True for positive normal numbers.
template <Register X>
auto normal(X x) {
  return (x >= Limits<X>::min()) & (x < Limits<X>::infinity());
}

// n, the integer next to x, and the same in the bits of an integer.
template <Register X>
struct Rounded {
  X n;
  Integers<X> integer;
  explicit Rounded(X x) {
    const X magic(Of<X>::magic), shifted = x + magic;
    n = shifted - magic;
    integer = kernels::bits_as<typename Of<X>::Bits>(shifted) - kernels::bits_as<typename Of<X>::Bits>(magic);
  }
};

// 2^e, for the exponents of normal numbers.
template <Register X>
X power_of_2(Integers<X> e) {
  return kernels::bits_as<Lane<X>>((e + Of<X>::bias) << static_cast<std::int32_t>(Of<X>::mantissa));
}

// The leading half of x's digits, whose square is exact.
template <Register X>
X leading_half(X x) {
  return kernels::bits_as<Lane<X>>(kernels::bits_as<typename Of<X>::Bits>(x) & Of<X>::half_precision);
}

// x = n ln 2 + r with |r| <= ln 2 / 2 (Cody & Waite 1980, "Software Manual for the Elementary Functions").
template <Register X>
struct Reduced : Rounded<X> {
  X r;
  explicit Reduced(X x) : Rounded<X>(x * constant(1 / std::numbers::ln2, x)) {
    r = kernels::multiply_add(this->n, X(-Of<X>::ln2_low),
                              kernels::multiply_add(this->n, X(-Of<X>::ln2_high), x));
  }
};

// x = m 2^e with m in [sqrt(1/2), sqrt 2), for positive normal x.
template <Register X>
struct Decomposed {
  X m, e;
  explicit Decomposed(X x) {
    using Bits = typename Of<X>::Unsigned;
    using Unsigned = xsimd::batch<Bits, typename X::arch_type>;
    constexpr auto mantissa = static_cast<std::int32_t>(Of<X>::mantissa);
    // The exponents are counted from that of sqrt(1/2), with the bias left in, so that they are positive.
    const Unsigned one(static_cast<Bits>(Of<X>::bias) << mantissa),
        bits = kernels::bits_as<Bits>(x), biased = (bits - Unsigned(Of<X>::sqrt_half) + one) >> mantissa;
    m = kernels::bits_as<Lane<X>>(bits - (biased << mantissa) + one);
    const X magic(Of<X>::magic);
    e = kernels::bits_as<Lane<X>>(biased + kernels::bits_as<Bits>(magic)) - X(Of<X>::magic + Of<X>::bias);
  }
};

// x - n pi/2, from piece k of pi/2 on.
template <int k, Register X>
X less_quarters(X x, X n) {
  using Pieces = HalfPi<Lane<X>>;
  if constexpr (k == Pieces::pieces)
    return x;
  else
    return less_quarters<k + 1>(kernels::multiply_add(n, constant(-Pieces::at(k), x), x), n);
}

// sin(x + quarters pi/2). x = n pi/2 + r with |r| <= pi/4; the pieces of pi/2 leave r as accurate as x.
template <Register X>
X sin_cos(X x, int quarters, Lane<X> (*rare)(Lane<X>)) {
  using Bits = typename Of<X>::Bits;
  const Rounded<X> at(x * constant(2 * std::numbers::inv_pi, x));
  const Integers<X> quarter = at.integer + static_cast<Bits>(quarters);
  const X r = less_quarters<0>(x, at.n), r2 = r * r,
          sine = r * polynomial<SinSeries, 0, Of<X>::sin_terms>(r2),
          cosine = polynomial<CosSeries, 0, Of<X>::cos_terms>(r2);
  const Integers<X> odd = Bits{0} - (quarter & Bits{1}),
                    sign = (quarter & Bits{2}) << static_cast<std::int32_t>(8 * sizeof(Bits) - 2),
                    s = kernels::bits_as<Bits>(sine), c = kernels::bits_as<Bits>(cosine);
  const X y = kernels::bits_as<Lane<X>>((s ^ ((s ^ c) & odd)) ^ sign);
  return correct(y, xsimd::abs(x) < Of<X>::sin_high, rare, x);
}

// (1 + 2a) e^(a^2) erfc(a) over 1 + 2a.
template <Register X>
X scaled_erfc(X a) {
  using Fit = ErfcFit<Lane<X>>;
  return kernels::quotient(polynomial<Fit, 0, Fit::degree>(kernels::quotient(a - 3.0, a + 3.0)),
                           1.0 + (a + a));
}

// a b - c without rounding the product; for floats.
template <Register X>
X exact_difference(X a, X b, X c) {
#if defined(__FMA__) || defined(__aarch64__)
  return kernels::fused_difference(a, b, c);
#else  // in halves, whose products are exact (Dekker 1971)
  const X a1 = leading_half(a), a2 = a - a1, b1 = leading_half(b), b2 = b - b1;
  return (a1 * b1 - c) + a1 * b2 + a2 * b1 + a2 * b2;
#endif
}

}  // namespace detail

// 2^n e^r, with the power in two halves, as 2^n alone may be infinite or subnormal. xsimd's own takes twice
// as long in double, and gives up early at both ends.
template <Register X>
X exp(X x) {
  using Of = detail::Of<X>;
  const detail::Reduced<X> at(detail::limited(x, Of::exp_low, Of::exp_high));
  const auto half = detail::Rounded<X>(0.5 * at.n).integer;
  return detail::polynomial<detail::ExpSeries, 0, Of::exp_terms>(at.r) * detail::power_of_2<X>(half) *
         detail::power_of_2<X>(at.integer - half);
}

// 2^n (e^r - 1) + (2^n - 1), computed at half of its size, as 2^n may be infinite.
template <Register X>
X expm1(X x) {
  using Of = detail::Of<X>;
  const detail::Reduced<X> at(detail::limited(x, Of::expm1_low, Of::exp_high));
  const X rest = at.r * detail::polynomial<detail::ExpSeries, 1, Of::exp_terms>(at.r),
          power = detail::power_of_2<X>(at.integer - 1),
          half = kernels::multiply_add(power, rest, power - 0.5);
  return half + half;
}

// With f = m - 1 and s = f / (2 + f): log x = e ln 2 + f - f^2/2 + s (f^2/2 + R) with R = 2 atanh(s) / s - 2.
// Zero, subnormal, negative and infinite numbers are rare: the standard library takes them.
template <Register X>
X log(X x) {
  using Of = detail::Of<X>;
  const detail::Decomposed<X> at(x);
  const X f = at.m - 1.0, s = kernels::quotient(f, 1.0 + at.m), s2 = s * s, half = 0.5 * f * f,
          R = (s2 + s2) * detail::polynomial<detail::AtanhSeries, 1, Of::log_terms>(s2),
          y = kernels::multiply_add(at.e, X(Of::ln2_high),
                                    f - (half - (s * (half + R) + at.e * Of::ln2_low)));
  return detail::correct(
      y, detail::normal(x), [](auto lane) { return std::log(lane); }, x);
}

// log u + c / u with u + c = 1 + x, where u is 1 + x as it was rounded (Kahan; see Higham 2002, "Accuracy and
// Stability of Numerical Algorithms", 1.14.1).
template <Register X>
X log1p(X x) {
  const X zero(0), u = 1.0 + x, c = x - (u - 1.0);
  const auto inside = (u > zero) & (u < detail::Limits<X>::infinity());
  return xsimd::select(u == 1.0, x, scalar::log(u) + xsimd::select(inside, kernels::quotient(c, u), zero));
}

template <Register X>
X sqrt(X x) {
  return kernels::square_root(x);
}
template <Register X>
X divide(X a, X b) {
  return kernels::quotient(a, b);
}
template <Register X>
X abs(X x) {
  return xsimd::abs(x);
}

// e / (e + 2) with e = e^(2|x|) - 1.
template <Register X>
X tanh(X x) {
  const X size = xsimd::abs(x),
          e = scalar::expm1(kernels::smaller(X(-detail::Of<X>::expm1_low), size + size));
  return xsimd::copysign(kernels::quotient(e, e + 2.0), x);
}

template <Register X>
X sigmoid(X x) {
  return kernels::quotient(X(1), 1.0 + scalar::exp(-x));
}

// max(x, 0) + log(1 + t) with t = e^-|x|, and log(1 + t) = 2 atanh(t / (2 + t)).
template <Register X>
X softplus(X x) {
  const X t = scalar::exp(-xsimd::abs(x)), s = kernels::quotient(t, 2.0 + t), s2 = s * s;
  return kernels::multiply_add(s + s,
                               detail::polynomial<detail::AtanhSeries, 0, detail::Of<X>::atanh_terms>(s2),
                               kernels::larger(X(0), x));
}

template <Register X>
X sin(X x) {
  return detail::sin_cos(x, 0, [](auto lane) { return std::sin(lane); });
}
template <Register X>
X cos(X x) {
  return detail::sin_cos(x, 1, [](auto lane) { return std::cos(lane); });
}

// With the leading half of x's digits, h, x^2 = h^2 + (x - h)(x + h): a rounded x^2 would cost as many ulp as
// it is large.
template <Register X>
X gaussian(X x, double c) {
  const X size = detail::limited(xsimd::abs(x), 0, detail::Of<X>::square_high),
          h = detail::leading_half(size), factor = constant(-c, x), rest = factor * (size - h) * (size + h),
          e = scalar::exp(factor * h * h);
  return kernels::multiply_add(e * rest, detail::polynomial<detail::ExpSeries, 1, 4>(rest), e);
}

template <Register X>
X erf(X x) {
  const X one(1), size = xsimd::abs(x),
                  far = xsimd::copysign(one - scalar::gaussian(x, 1) * detail::scaled_erfc(size), x),
                  near = x * detail::polynomial<detail::ErfSeries, 0, detail::Of<X>::erf_terms>(x * x);
  return xsimd::select(size < 0.5, near, xsimd::select(size > 10.0, xsimd::copysign(one, x), far));
}

template <Register X>
X normal_cdf(X x) {
  const X a = detail::limited(xsimd::abs(x), 0, detail::Of<X>::square_high),
          tail =
              0.5 * scalar::gaussian(x, 0.5) * detail::scaled_erfc(a * constant(1 / std::numbers::sqrt2, x));
  return xsimd::select(x > 0.0, 1.0 - tail, tail);
}
// P(x) of y = x P(x). Near 0 it is 1/2 + x / sqrt(2 pi) to the last digit.
template <Register X>
X normal_cdf(X x, X y) {
  const X slope = constant(std::numbers::inv_sqrtpi / std::numbers::sqrt2, x);
  const X of_finite = xsimd::select(xsimd::abs(x) < constant(1e-6, x),
                                    kernels::multiply_add(slope, x, X(0.5)), kernels::quotient(y, x));
  return xsimd::select(x == X(detail::Limits<X>::infinity()), X(1), of_finite);
}

// |x|^p = 2^(p log2 |x|), with the sign of (-1)^p for x < 0. The logarithm is a sum of two floats, as an
// error in it is multiplied by as much as 126: log2 m = 2/ln 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) /
// (m + 1). Where the power, or x, is not a normal number, the standard library computes it.
template <Register X>
requires detail::single<detail::Lane<X>> X pow(X x, X p) {
  const X size = xsimd::abs(x), ln2 = constant(std::numbers::ln2, x);
  const detail::Decomposed<X> at(size);
  const X f = at.m - 1.0, d = at.m + 1.0, s = kernels::quotient(f, d), s2 = s * s;
  // What s lacks is minus the remainder, of the division and of d's rounding, over d; times the slope of
  // atanh. The factor, -(1 + 1/m) / 4, need not be accurate.
  const X remainder = detail::exact_difference(s, d, f) + s * (at.m - (d - 1.0)),
          s_low = remainder *
                  kernels::multiply_add(at.m, kernels::multiply_add(at.m, X(-0.2285598F), X(0.7272727F)),
                                        X(-0.9999617F));
  const X c(0x1.715476p1F), c_low(0x1.4ae0bf8p-25F), main = c * s;  // c + c_low is 2/ln 2
  const X series = main * s2 * detail::polynomial<detail::AtanhSeries, 1, 5>(s2), of_m = main + series,
          log2 = at.e + of_m,
          log2_low = ((at.e - log2) + of_m) + (series - (of_m - main)) +
                     kernels::multiply_add(
                         c, s_low, kernels::multiply_add(c_low, s, detail::exact_difference(c, s, main)));
  const X y = p * log2, y_low = kernels::multiply_add(p, log2_low, detail::exact_difference(p, log2, y));
  const detail::Rounded<X> n(y);
  const X r = y - n.n, tail = detail::polynomial<detail::Exp2Fit, 2, 6>(r),
          leading = detail::power_of_2<X>(n.integer) *
                    kernels::multiply_add(r * r, tail, kernels::multiply_add(ln2, r, X(1)));
  const X power = kernels::multiply_add(leading, ln2 * y_low, leading);
  const auto small = xsimd::abs(y) < 126.0F;
  if (xsimd::all(detail::normal(x) & small)) return power;
  const X halved = 0.5 * p, signed_power = xsimd::select(xsimd::trunc(halved) == halved, power, -power),
          of_negative = xsimd::select(xsimd::trunc(p) == p, signed_power, X(detail::Limits<X>::quiet_NaN()));
  return detail::correct(
      xsimd::select(x < X(0), of_negative, power), detail::normal(size) & small,
      [](float lane, float exponent) { return std::pow(lane, exponent); }, x, p);
}

template <Register X>
X pow(X x, X p) {
  return detail::lanewise([](double lane, double power) { return std::pow(lane, power); }, x, p);
}

// dy p y / x, but where y has lost its digits or x is 0. y / x may be infinite where that is not.
template <Register X>
X pow_vjp(X dy, X x, X p, X y) {
  const X zero(0), infinity(detail::Limits<X>::infinity()),
      size = xsimd::abs(y), ratio = kernels::quotient(y, x), scale = scalar::product_or_zero(dy, p);
  const auto lost = (x == zero) | (size < detail::Limits<X>::min()) | (size == infinity);
  const X slope = p * ratio;
  X dx = xsimd::select(xsimd::abs(slope) == infinity, kernels::quotient(scalar::product_or_zero(scale, y), x),
                       scalar::product_or_zero(dy, slope));
  if (xsimd::any(lost))
    dx = xsimd::select(lost, scalar::product_or_zero(dy, p * scalar::pow(x, p - 1.0)), dx);
  return xsimd::select(p == zero, scalar::product_or_zero(dy, zero), dx);
}

}  // namespace xgrad::scalar
