// The functions of scalar.hpp for whole registers (xsimd batches): exp, log, tanh, sine, erf, powers. The
// elementwise ops are as fast as these. Each is within 4 ulp of the exact value wherever that is a normal number
// (tests/autograd/ops/test_elementwise.cpp). xsimd's own are used where they
// are as accurate and as fast. Where a range is rare and hard, the lanes in it take the standard library.
// Internal: included by simd.hpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>

#include <xgrad/autograd/kernels/xsimd.hpp>
#include <xgrad/autograd/scalar.hpp>

namespace xgrad::scalar {

namespace detail {

// f of each lane of x..., one by one.
template <class F, class T, class A, class... X>
xsimd::batch<T, A> lanewise(F f, const xsimd::batch<T, A>& first, const X&... rest) {
  constexpr std::size_t width = xsimd::batch<T, A>::size;
  alignas(64) T lanes[1 + sizeof...(X)][width];
  std::size_t operand = 0;
  first.store_aligned(lanes[operand]);
  (rest.store_aligned(lanes[++operand]), ...);
  for (std::size_t k = 0; k < width; ++k) {
    if constexpr (sizeof...(X) == 0)
      lanes[0][k] = f(lanes[0][k]);
    else
      lanes[0][k] = f(lanes[0][k], lanes[1][k]);
  }
  return xsimd::batch<T, A>::load_aligned(lanes[0]);
}

// `fast` with the lanes in `rare` computed anew, one by one, by f(x...).
template <class F, class T, class A, class... X>
xsimd::batch<T, A> correct(const xsimd::batch<T, A>& fast, const xsimd::batch_bool<T, A>& rare, F f,
                           const X&... x) {
  return xsimd::any(rare) ? xsimd::select(rare, lanewise(f, x...), fast) : fast;
}

// C::at(first) + C::at(first + step) x + C::at(first + 2 step) x^2 + ..., up to C::at(last), one by one.
template <class C, int first, int last, int step, class T, class A>
xsimd::batch<T, A> horner(const xsimd::batch<T, A>& x) {
  constexpr T c = static_cast<T>(C::at(first));
  if constexpr (first + step > last)
    return xsimd::batch<T, A>(c);
  else
    return xsimd::fma(horner<C, first + step, last, step>(x), x, xsimd::batch<T, A>(c));
}

// C::at(first) + C::at(first + 1) x + ... + C::at(last) x^(last - first). The terms after the second, whose
// rounding does not count, in two chains that do not wait for each other: even and odd powers.
template <class C, int first, int last, class T, class A>
xsimd::batch<T, A> polynomial(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  if constexpr (last - first < 5) {
    return horner<C, first, last, 1>(x);
  } else {
    constexpr T c0 = static_cast<T>(C::at(first)), c1 = static_cast<T>(C::at(first + 1));
    const Batch x2 = x * x;
    const Batch rest = xsimd::fma(horner<C, first + 3, last, 2>(x2), x, horner<C, first + 2, last, 2>(x2));
    return xsimd::fma(xsimd::fma(rest, x, Batch(c1)), x, Batch(c0));
  }
}

constexpr double factorial(int k) { return k < 2 ? 1 : k * factorial(k - 1); }

// Of e^x: 1/k!.
struct ExpSeries {
  static constexpr double at(int k) { return 1 / factorial(k); }
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
struct ErfcFit;
template <>
struct ErfcFit<float> {
  static constexpr int degree = 11;
  static constexpr double at(int k) {
    constexpr double c[] = {1.253008056,    -0.1356210694,   -0.04756215693,  0.1296441143,
                            -0.1192752753,  0.06831656777,   -0.02376357644,  0.00249911687,
                            0.001875079124, -0.000726453679, -9.254516687e-5, 7.731024224e-5};
    return c[k];
  }
};
template <>
struct ErfcFit<double> {
  static constexpr int degree = 24;
  static constexpr double at(int k) {
    constexpr double c[] = {
        1.25300805826972965,    -0.135621106124581159,    -0.0475622943534491967,   0.129645158702759392,
        -0.119273663415386384,  0.0683080273440099038,    -0.0237705149171713368,   0.00252939181569396953,
        0.00188869034499917185, -0.000779832269654330652, -0.000105159719584480648, 0.000125099342458372909,
        4.94919664996834531e-6, -2.01005422685256109e-5,  -7.30828146878361393e-7,  3.47237094497716817e-6,
        3.55760866840805944e-7, -6.16601146039872593e-7,  -1.40476543154284623e-7,  1.01836206038427366e-7,
        4.10640136679403528e-8, -1.33129196610386877e-8,  -8.21759505871145386e-9,  9.86253351034558759e-10,
        8.39373485869087755e-10};
    return c[k];
  }
};

// pi/2 in pieces whose products with n are exact, as their last bits are 0; the last piece has all its bits.
template <class T>
struct HalfPi;
template <>
struct HalfPi<float> {
  static constexpr int pieces = 5;
  static constexpr double at(int k) {
    constexpr double c[] = {0x1.92p0, 0x1.fb4p-12, 0x1.444p-24, 0x1.68cp-39, 0x1.1a6264p-54};
    return c[k];
  }
};
template <>
struct HalfPi<double> {
  static constexpr int pieces = 3;
  static constexpr double at(int k) {
    constexpr double c[] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2e037073p-69};
    return c[k];
  }
};

// What the functions need to know of a floating-point type. The series end a tenth of an ulp from the value.
template <class T>
struct Format;
template <>
struct Format<float> {
  using Bits = std::int32_t;
  using Unsigned = std::uint32_t;
  static constexpr Unsigned sqrt_half = 0x3F3504F3;  // the bits of sqrt(1/2)
  static constexpr Bits mantissa = 23, bias = 127;
  static constexpr Bits half_precision = ~0xFFF;         // keeps half of the digits: the square is exact
  static constexpr float exp_low = -104, exp_high = 89;  // beyond, the result is 0 or infinite
  static constexpr float expm1_low = -20;                // beyond, the result is -1
  static constexpr float ln2_high = 0.693359375F;        // n times this is exact: the last bits are 0
  static constexpr float ln2_low = -2.12194440e-4F;
  static constexpr float magic = 0x1.8p23F;  // added to a number, it rounds it to an integer in the last bits
  static constexpr int exp_terms = 7, log_terms = 4, atanh_terms = 7, sin_terms = 4, cos_terms = 5,
                       erf_terms = 6;
  static constexpr float sin_high = 8192;   // beyond, n has more bits than there is room for
  static constexpr float square_high = 15;  // e^(-x^2/2) is 0 beyond
};
template <>
struct Format<double> {
  using Bits = std::int64_t;
  using Unsigned = std::uint64_t;
  static constexpr Unsigned sqrt_half = 0x3FE6A09E667F3BCD;
  static constexpr Bits mantissa = 52, bias = 1023;
  static constexpr Bits half_precision = ~Bits{0x7FFFFFF};
  static constexpr double exp_low = -746, exp_high = 710;
  static constexpr double expm1_low = -40;
  static constexpr double ln2_high = 6.93145751953125e-1;
  static constexpr double ln2_low = 1.42860682030941723212e-6;
  static constexpr double magic = 0x1.8p52;
  static constexpr int exp_terms = 13, log_terms = 10, atanh_terms = 15, sin_terms = 8, cos_terms = 9,
                       erf_terms = 11;
  static constexpr double sin_high = 1e6;
  static constexpr double square_high = 40;
};

template <class T, class A>
xsimd::batch<T, A> limited(const xsimd::batch<T, A>& x, T low, T high) {
  using Batch = xsimd::batch<T, A>;
  return kernels::smaller(Batch(high), kernels::larger(Batch(low), x));  // in this order NaN passes
}

// n, the integer next to x, and the same in the bits of an integer.
template <class T, class A>
struct Rounded {
  using Batch = xsimd::batch<T, A>;
  using Integers = xsimd::batch<typename Format<T>::Bits, A>;
  Batch n;
  Integers integer;
  explicit Rounded(const Batch& x) {
    const Batch magic(Format<T>::magic), shifted = x + magic;
    n = shifted - magic;
    integer = kernels::bits_as<typename Format<T>::Bits>(shifted) -
              kernels::bits_as<typename Format<T>::Bits>(magic);
  }
};

// 2^e, for the exponents of normal numbers.
template <class T, class A>
xsimd::batch<T, A> power_of_2(const xsimd::batch<typename Format<T>::Bits, A>& e) {
  using Integers = xsimd::batch<typename Format<T>::Bits, A>;
  return kernels::bits_as<T>((e + Integers(Format<T>::bias))
                             << static_cast<std::int32_t>(Format<T>::mantissa));
}

// 2^n x. The power is applied in two halves, as 2^n alone may be infinite or subnormal.
template <class T, class A>
xsimd::batch<T, A> scaled(const xsimd::batch<T, A>& x, const Rounded<T, A>& n) {
  const auto half = Rounded<T, A>(n.n * xsimd::batch<T, A>(T(0.5))).integer;
  return x * power_of_2<T, A>(half) * power_of_2<T, A>(n.integer - half);
}

// The leading half of x's digits, whose square is exact.
template <class T, class A>
xsimd::batch<T, A> leading_half(const xsimd::batch<T, A>& x) {
  using Bits = typename Format<T>::Bits;
  return kernels::bits_as<T>(kernels::bits_as<Bits>(x) & xsimd::batch<Bits, A>(Format<T>::half_precision));
}

// x = n ln 2 + r with |r| <= ln 2 / 2 (Cody & Waite 1980, "Software Manual for the Elementary Functions").
template <class T, class A>
struct Reduced : Rounded<T, A> {
  using Batch = xsimd::batch<T, A>;
  Batch r;
  explicit Reduced(const Batch& x) : Rounded<T, A>(x * Batch(static_cast<T>(1 / std::numbers::ln2))) {
    r = xsimd::fma(this->n, Batch(-Format<T>::ln2_low), xsimd::fma(this->n, Batch(-Format<T>::ln2_high), x));
  }
};

}  // namespace detail

// 2^n e^r. xsimd's own takes twice as long in double, and gives up early at both ends.
template <class T, class A>
xsimd::batch<T, A> exp(const xsimd::batch<T, A>& x) {
  using Of = detail::Format<T>;
  const detail::Reduced<T, A> at(detail::limited(x, Of::exp_low, Of::exp_high));
  return detail::scaled(detail::polynomial<detail::ExpSeries, 0, Of::exp_terms>(at.r), at);
}

// 2^n (e^r - 1) + (2^n - 1), computed at half of its size, as 2^n may be infinite.
template <class T, class A>
xsimd::batch<T, A> expm1(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  using Of = detail::Format<T>;
  const detail::Reduced<T, A> at(detail::limited(x, Of::expm1_low, Of::exp_high));
  const Batch rest = at.r * detail::polynomial<detail::ExpSeries, 1, Of::exp_terms>(at.r),
              power = detail::power_of_2<T, A>(at.integer - typename detail::Rounded<T, A>::Integers(1)),
              half = xsimd::fma(power, rest, power - Batch(T(0.5)));
  return half + half;
}

namespace detail {

// x = m 2^e with m in [sqrt(1/2), sqrt 2), for positive normal x.
template <class T, class A>
struct Decomposed {
  using Batch = xsimd::batch<T, A>;
  Batch m, e;
  explicit Decomposed(const Batch& x) {
    using Of = Format<T>;
    using Bits = typename Of::Unsigned;
    using Integers = xsimd::batch<Bits, A>;
    constexpr auto mantissa = static_cast<std::int32_t>(Of::mantissa);
    // The exponents are counted from that of sqrt(1/2), with the bias left in, so that they are positive.
    const Integers one(static_cast<Bits>(Of::bias) << mantissa),
        bits = kernels::bits_as<Bits>(x), biased = (bits - Integers(Of::sqrt_half) + one) >> mantissa;
    m = kernels::bits_as<T>(bits - (biased << mantissa) + one);
    const Batch magic(Of::magic);
    e = kernels::bits_as<T>(biased + kernels::bits_as<Bits>(magic)) - magic - Batch(static_cast<T>(Of::bias));
  }
};

}  // namespace detail

// With f = m - 1 and s = f / (2 + f): log x = e ln 2 + f - f^2/2 + s (f^2/2 + R) with R = 2 atanh(s) / s - 2.
template <class T, class A>
xsimd::batch<T, A> log(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  using Of = detail::Format<T>;
  const Batch zero(T(0)), infinity(std::numeric_limits<T>::infinity());
  const auto subnormal = x < Batch(std::numeric_limits<T>::min());
  const detail::Decomposed<T, A> at(
      xsimd::select(subnormal, x * Batch(T(2) / std::numeric_limits<T>::epsilon()), x));
  const Batch e = at.e - xsimd::select(subnormal, Batch(static_cast<T>(Of::mantissa + 1)), zero);
  const Batch f = at.m - Batch(T(1)), s = kernels::quotient(f, Batch(T(2)) + f), s2 = s * s,
              half = Batch(T(0.5)) * f * f,
              R = (s2 + s2) * detail::polynomial<detail::AtanhSeries, 1, Of::log_terms>(s2);
  const Batch y = xsimd::fma(e, Batch(Of::ln2_high), f - (half - (s * (half + R) + e * Batch(Of::ln2_low))));
  const Batch outside = xsimd::select(
      x == zero, -infinity, x + xsimd::select(x < zero, Batch(std::numeric_limits<T>::quiet_NaN()), zero));
  return xsimd::select((x > zero) & (x < infinity), y, outside);
}

// log u + c / u with u + c = 1 + x, where u is 1 + x as it was rounded (Kahan; see Higham 2002, "Accuracy and
// Stability of Numerical Algorithms", 1.14.1).
template <class T, class A>
xsimd::batch<T, A> log1p(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  const Batch one(T(1)), zero(T(0)), u = one + x, c = x - (u - one);
  const auto inside = (u > zero) & (u < Batch(std::numeric_limits<T>::infinity()));
  return xsimd::select(u == one, x, scalar::log(u) + xsimd::select(inside, kernels::quotient(c, u), zero));
}

template <class T, class A>
xsimd::batch<T, A> sqrt(const xsimd::batch<T, A>& x) {
  return kernels::square_root(x);
}
template <class T, class A>
xsimd::batch<T, A> divide(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
  return kernels::quotient(a, b);
}

template <class T, class A>
xsimd::batch<T, A> abs(const xsimd::batch<T, A>& x) {
  return xsimd::abs(x);
}

// e / (e + 2) with e = e^(2|x|) - 1.
template <class T, class A>
xsimd::batch<T, A> tanh(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  const Batch size = xsimd::abs(x), two(T(2)),
              e = scalar::expm1(kernels::smaller(Batch(-detail::Format<T>::expm1_low), size + size));
  return xsimd::copysign(kernels::quotient(e, e + two), x);
}

template <class T, class A>
xsimd::batch<T, A> sigmoid(const xsimd::batch<T, A>& x) {
  const xsimd::batch<T, A> one(T(1));
  return kernels::quotient(one, one + scalar::exp(-x));
}

// max(x, 0) + log(1 + t) with t = e^-|x|, and log(1 + t) = 2 atanh(t / (2 + t)).
template <class T, class A>
xsimd::batch<T, A> softplus(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  const Batch t = scalar::exp(-xsimd::abs(x)), s = kernels::quotient(t, Batch(T(2)) + t), s2 = s * s;
  return xsimd::fma(s + s, detail::polynomial<detail::AtanhSeries, 0, detail::Format<T>::atanh_terms>(s2),
                    kernels::larger(Batch(T(0)), x));
}

namespace detail {

// x - n pi/2, from piece k of pi/2 on.
template <int k, class T, class A>
xsimd::batch<T, A> less_quarters(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& n) {
  if constexpr (k == HalfPi<T>::pieces)
    return x;
  else
    return less_quarters<k + 1>(xsimd::fma(n, xsimd::batch<T, A>(static_cast<T>(-HalfPi<T>::at(k))), x), n);
}

// sin(x + quarters pi/2). x = n pi/2 + r with |r| <= pi/4; the pieces of pi/2 leave r as accurate as x.
template <class T, class A>
xsimd::batch<T, A> sin_cos(const xsimd::batch<T, A>& x, int quarters, T (*rare)(T)) {
  using Batch = xsimd::batch<T, A>;
  using Of = Format<T>;
  using Integers = typename Rounded<T, A>::Integers;
  using Bits = typename Of::Bits;
  const Rounded<T, A> at(x * Batch(static_cast<T>(2 * std::numbers::inv_pi)));
  const Integers quarter = at.integer + Integers(static_cast<Bits>(quarters));
  const Batch r = less_quarters<0>(x, at.n), r2 = r * r,
              sine = r * polynomial<SinSeries, 0, Of::sin_terms>(r2),
              cosine = polynomial<CosSeries, 0, Of::cos_terms>(r2);
  const Integers odd = Integers(Bits{0}) - (quarter & Integers(Bits{1})),
                 sign = (quarter & Integers(Bits{2})) << static_cast<std::int32_t>(8 * sizeof(T) - 2),
                 s = kernels::bits_as<Bits>(sine), c = kernels::bits_as<Bits>(cosine);
  const Batch y = kernels::bits_as<T>((s ^ ((s ^ c) & odd)) ^ sign);
  return correct(y, !(xsimd::abs(x) < Batch(Of::sin_high)), rare, x);  // NaN too
}

// (1 + 2a) e^(a^2) erfc(a) over 1 + 2a.
template <class T, class A>
xsimd::batch<T, A> scaled_erfc(const xsimd::batch<T, A>& a) {
  using Batch = xsimd::batch<T, A>;
  const Batch three(T(3)), t = kernels::quotient(a - three, a + three);
  return kernels::quotient(polynomial<ErfcFit<T>, 0, ErfcFit<T>::degree>(t), Batch(T(1)) + (a + a));
}

}  // namespace detail

template <class T, class A>
xsimd::batch<T, A> sin(const xsimd::batch<T, A>& x) {
  return detail::sin_cos<T, A>(x, 0, [](T lane) { return std::sin(lane); });
}
template <class T, class A>
xsimd::batch<T, A> cos(const xsimd::batch<T, A>& x) {
  return detail::sin_cos<T, A>(x, 1, [](T lane) { return std::cos(lane); });
}

// With the leading half of x's digits, h, x^2 = h^2 + (x - h)(x + h): a rounded x^2 would cost as many ulp as
// it is large.
template <class T, class A>
xsimd::batch<T, A> gaussian(const xsimd::batch<T, A>& x, double c) {
  using Batch = xsimd::batch<T, A>;
  const Batch size = detail::limited(xsimd::abs(x), T(0), detail::Format<T>::square_high),
              h = detail::leading_half(size), factor(static_cast<T>(-c)),
              rest = factor * (size - h) * (size + h), e = scalar::exp(factor * h * h);
  return xsimd::fma(e * rest, detail::polynomial<detail::ExpSeries, 1, 4>(rest), e);
}

template <class T, class A>
xsimd::batch<T, A> erf(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  const Batch one(T(1)), size = xsimd::abs(x);
  const Batch far = xsimd::copysign(one - scalar::gaussian(x, 1) * detail::scaled_erfc(size), x);
  const Batch near = x * detail::polynomial<detail::ErfSeries, 0, detail::Format<T>::erf_terms>(x * x);
  return xsimd::select(size < Batch(T(0.5)), near,
                       xsimd::select(size > Batch(T(10)), xsimd::copysign(one, x), far));
}

template <class T, class A>
xsimd::batch<T, A> normal_cdf(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  const Batch a = detail::limited(xsimd::abs(x), T(0), detail::Format<T>::square_high);
  const Batch tail = Batch(T(0.5)) * scalar::gaussian(x, 0.5) *
                     detail::scaled_erfc(a * Batch(static_cast<T>(1 / std::numbers::sqrt2)));
  return xsimd::select(x > Batch(T(0)), Batch(T(1)) - tail, tail);
}
// P(x) of y = x P(x). Near 0 it is 1/2 + x / sqrt(2 pi) to the last digit.
template <class T, class A>
xsimd::batch<T, A> normal_cdf(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& y) {
  using Batch = xsimd::batch<T, A>;
  const Batch slope(static_cast<T>(std::numbers::inv_sqrtpi / std::numbers::sqrt2));
  return xsimd::select(xsimd::abs(x) < Batch(static_cast<T>(1e-6)), xsimd::fma(slope, x, Batch(T(0.5))),
                       kernels::quotient(y, x));
}

namespace detail {

// a b - c without rounding the product.
template <class A>
xsimd::batch<float, A> exact_difference(const xsimd::batch<float, A>& a, const xsimd::batch<float, A>& b,
                                        const xsimd::batch<float, A>& c) {
#if defined(__FMA__) || defined(__aarch64__)
  return xsimd::fms(a, b, c);
#else  // in halves, whose products are exact (Dekker 1971)
  const xsimd::batch<float, A> a1 = leading_half(a), a2 = a - a1, b1 = leading_half(b), b2 = b - b1;
  return (a1 * b1 - c) + a1 * b2 + a2 * b1 + a2 * b2;
#endif
}

}  // namespace detail

// |x|^p = 2^(p log2 |x|), with the sign of (-1)^p for x < 0. The logarithm is a sum of two floats, as an error
// in it is multiplied by as much as 128: log2 m = 2/ln 2 (s + s^3/3 + s^5/5 + ...) with s = (m - 1) / (m + 1).
template <class A>
[[gnu::always_inline]] inline xsimd::batch<float, A> pow(const xsimd::batch<float, A>& x,
                                                         const xsimd::batch<float, A>& p) {
  using Batch = xsimd::batch<float, A>;
  using Of = detail::Format<float>;
  const Batch zero(0.0F), one(1.0F), infinity(std::numeric_limits<float>::infinity()), size = xsimd::abs(x);
  const detail::Decomposed<float, A> at(size);
  const Batch f = at.m - one, d = at.m + one, s = kernels::quotient(f, d), s2 = s * s;
  // What s lacks: the remainder of the division, and what d lacks, over d, where 1/d need not be accurate.
  const Batch remainder = detail::exact_difference(s, d, f) + s * (at.m - (d - one)),
              s_low = remainder * xsimd::fma(d, Batch(0.2358F), Batch(-0.9712F));
  const Batch c(0x1.715476p1F), c_low(0x1.4ae0bf8p-25F), main = c * s;  // c + c_low is 2/ln 2
  const Batch series = main * s2 * detail::polynomial<detail::AtanhSeries, 1, 4>(s2);
  const Batch log2 = at.e + main,
              log2_low = ((at.e - log2) + main) + (detail::exact_difference(c, s, main) +
                                                   xsimd::fma(c, s_low, xsimd::fma(c_low, s, series)));
  const Batch product = p * log2, y = detail::limited(product, -200.0F, 200.0F);
  const Batch low = xsimd::fma(p, log2_low, detail::exact_difference(p, log2, product)),
              y_low = xsimd::select(product == y, low, zero);
  const detail::Rounded<float, A> n(y);
  const Batch r = ((y - n.n) + y_low) * Batch(std::numbers::ln2_v<float>);
  const Batch power = detail::scaled(detail::polynomial<detail::ExpSeries, 0, Of::exp_terms>(r), n);
  const Batch halved = p * Batch(0.5F), nan(std::numeric_limits<float>::quiet_NaN());
  const Batch negative =
      xsimd::select(xsimd::trunc(p) == p, xsimd::select(xsimd::trunc(halved) == halved, power, -power), nan);
  const auto normal =
      (size >= Batch(std::numeric_limits<float>::min())) & (size < infinity) & (xsimd::abs(p) < infinity);
  return detail::correct(
      xsimd::select(x < zero, negative, power), !normal,
      [](float lane, float exponent) { return std::pow(lane, exponent); }, x, p);
}
template <class A>
xsimd::batch<double, A> pow(const xsimd::batch<double, A>& x, const xsimd::batch<double, A>& p) {
  return detail::lanewise([](double lane, double power) { return std::pow(lane, power); }, x, p);
}

// p y / x, but where y has lost its digits or x is 0.
template <class T, class A>
xsimd::batch<T, A> pow_slope(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& p,
                             const xsimd::batch<T, A>& y) {
  using Batch = xsimd::batch<T, A>;
  const Batch zero(T(0)), size = xsimd::abs(y);
  const auto lost = (x == zero) | (size < Batch(std::numeric_limits<T>::min())) |
                    (size == Batch(std::numeric_limits<T>::infinity()));
  Batch slope = p * kernels::quotient(y, x);
  if (xsimd::any(lost)) slope = xsimd::select(lost, p * scalar::pow(x, p - Batch(T(1))), slope);
  return xsimd::select(p == zero, zero, slope);
}

}  // namespace xgrad::scalar
