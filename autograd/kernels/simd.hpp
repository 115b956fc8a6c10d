// The functions of scalar.hpp for whole registers (xsimd batches), so that one generic lambda serves numbers
// and vectors. Internal: included by .cpp files only, because a batch's type depends on the compiler's flags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include <xgrad/autograd/kernels/xsimd.hpp>
#include <xgrad/autograd/scalar.hpp>

namespace xgrad::scalar {

namespace detail {

// f of each lane, one by one.
template <class F, class T, class A>
xsimd::batch<T, A> lanewise(F f, const xsimd::batch<T, A>& x) {
  alignas(64) T lanes[xsimd::batch<T, A>::size];
  x.store_aligned(lanes);
  for (T& lane : lanes) lane = f(lane);
  return xsimd::batch<T, A>::load_aligned(lanes);
}
template <class F, class T, class A>
xsimd::batch<T, A> lanewise(F f, const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& y) {
  constexpr std::size_t width = xsimd::batch<T, A>::size;
  alignas(64) T lanes[width], others[width];
  x.store_aligned(lanes);
  y.store_aligned(others);
  for (std::size_t k = 0; k < width; ++k) lanes[k] = f(lanes[k], others[k]);
  return xsimd::batch<T, A>::load_aligned(lanes);
}

// `fast` with the lanes in `rare` computed anew, one by one, by f: for the arguments that xsimd gives up on.
template <class T, class A, class F>
xsimd::batch<T, A> correct(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& fast,
                           const xsimd::batch_bool<T, A>& rare, F f) {
  return xsimd::any(rare) ? xsimd::select(rare, lanewise(f, x), fast) : fast;
}

// What exp needs to know of a floating-point type.
template <class T>
struct ExpOf;
template <>
struct ExpOf<float> {
  using Bits = std::int32_t;
  static constexpr Bits mantissa = 23, bias = 127;
  static constexpr int terms = 7;                  // of Taylor's series: 0.1 ulp from the end
  static constexpr float low = -104, high = 89;    // beyond, the result is 0 or infinite
  static constexpr float ln2_high = 0.693359375F;  // n times this is exact: the last bits are 0
  static constexpr float ln2_low = -2.12194440e-4F;
  static constexpr float magic = 0x1.8p23F;  // added to a number, it rounds it to an integer in the last bits
};
template <>
struct ExpOf<double> {
  using Bits = std::int64_t;
  static constexpr Bits mantissa = 52, bias = 1023;
  static constexpr int terms = 13;
  static constexpr double low = -746, high = 710;
  static constexpr double ln2_high = 6.93145751953125e-1;
  static constexpr double ln2_low = 1.42860682030941723212e-6;
  static constexpr double magic = 0x1.8p52;
};

// 1 / k!
template <class T>
constexpr T inverse_factorial(int k) {
  double factorial = 1;
  for (int i = 2; i <= k; ++i) factorial *= i;
  return static_cast<T>(1 / factorial);
}

// 1/k! + r/(k + 1)! + ..., whose first is the series of e^r.
template <int k, class T, class A>
xsimd::batch<T, A> exp_series(const xsimd::batch<T, A>& r) {
  constexpr T c = inverse_factorial<T>(k);
  if constexpr (k == ExpOf<T>::terms)
    return xsimd::batch<T, A>(c);
  else
    return xsimd::fma(exp_series<k + 1>(r), r, xsimd::batch<T, A>(c));
}

}  // namespace detail

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2 (Cody & Waite 1980, "Software Manual for the
// Elementary Functions"). The power is applied in two halves, as 2^n alone may be infinite or subnormal.
// xsimd's own takes twice as long in double, and gives up early at both ends.
template <class T, class A>
xsimd::batch<T, A> exp(const xsimd::batch<T, A>& x) {
  using Batch = xsimd::batch<T, A>;
  using Of = detail::ExpOf<T>;
  using Integers = xsimd::batch<typename Of::Bits, A>;
  const Batch magic(Of::magic);
  const Batch limited =
      kernels::smaller(Batch(Of::high), kernels::larger(Batch(Of::low), x));  // in this order NaN passes
  const Batch shifted = xsimd::fma(limited, Batch(static_cast<T>(1 / std::numbers::ln2)), magic),
              n = shifted - magic;
  const Batch r = xsimd::fma(n, Batch(-Of::ln2_low), xsimd::fma(n, Batch(-Of::ln2_high), limited));
  const auto integer = [&](const Batch& rounded) {
    return kernels::bits_as<typename Of::Bits>(rounded) - kernels::bits_as<typename Of::Bits>(magic);
  };
  const Integers whole = integer(shifted), half = integer(xsimd::fma(n, Batch(T(0.5)), magic));
  const auto power = [](const Integers& e) {
    return kernels::bits_as<T>((e + Integers(Of::bias)) << static_cast<std::int32_t>(Of::mantissa));
  };
  return detail::exp_series<0>(r) * power(half) * power(whole - half);
}
// xsimd's log is wrong for subnormal numbers.
template <class T, class A>
xsimd::batch<T, A> log(const xsimd::batch<T, A>& x) {
  const xsimd::batch<T, A> zero(T(0)), normal(std::numeric_limits<T>::min());
  return detail::correct(x, xsimd::log(x), (x > zero) & (x < normal), [](T lane) { return std::log(lane); });
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
xsimd::batch<T, A> tanh(const xsimd::batch<T, A>& x) {
  return xsimd::tanh(x);
}
template <class T, class A>
xsimd::batch<T, A> sigmoid(const xsimd::batch<T, A>& x) {
  const xsimd::batch<T, A> one(T(1));
  return scalar::divide(one, one + scalar::exp(-x));
}

template <class T, class A>
xsimd::batch_bool<T, A> less(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
  return a < b;
}
template <class T, class A>
xsimd::batch_bool<T, A> less_equal(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
  return a <= b;
}
template <class T, class A>
xsimd::batch_bool<T, A> equal(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
  return a == b;
}
template <class T, class A>
xsimd::batch<T, A> select(const xsimd::batch_bool<T, A>& choose, const xsimd::batch<T, A>& yes,
                          const xsimd::batch<T, A>& no) {
  return xsimd::select(choose, yes, no);
}
template <class T, class A>
void kink(const xsimd::batch<T, A>&, const xsimd::batch<T, A>&) {}  // only Complex counts them

template <class T, class A>
xsimd::batch<T, A> abs(const xsimd::batch<T, A>& x) {
  return xsimd::abs(x);
}
// Of these xsimd's own are not as accurate as the standard library's.
template <class T, class A>
xsimd::batch<T, A> log1p(const xsimd::batch<T, A>& x) {
  return detail::lanewise([](T lane) { return std::log1p(lane); }, x);
}
template <class T, class A>
xsimd::batch<T, A> sin(const xsimd::batch<T, A>& x) {
  return detail::lanewise([](T lane) { return std::sin(lane); }, x);
}
template <class T, class A>
xsimd::batch<T, A> cos(const xsimd::batch<T, A>& x) {
  return detail::lanewise([](T lane) { return std::cos(lane); }, x);
}
template <class T, class A>
xsimd::batch<T, A> erf(const xsimd::batch<T, A>& x) {
  return detail::lanewise([](T lane) { return std::erf(lane); }, x);
}
template <class T, class A>
xsimd::batch<T, A> erfc(const xsimd::batch<T, A>& x) {
  return detail::lanewise([](T lane) { return std::erfc(lane); }, x);
}
template <class T, class A>
xsimd::batch<T, A> pow(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& p) {
  return detail::lanewise([](T lane, T power) { return std::pow(lane, power); }, x, p);
}

template <class T, class A>
xsimd::batch<T, A> expm1(const xsimd::batch<T, A>& x) {
  const xsimd::batch<T, A> t = scalar::tanh(x * T(0.5));
  return scalar::select(scalar::less_equal(x * x, xsimd::batch<T, A>(T(0.9))),
                        scalar::divide(T(2) * t, T(1) - t), scalar::exp(x) - T(1));
}
template <class T, class A>
xsimd::batch<T, A> softplus(const xsimd::batch<T, A>& x) {
  const xsimd::batch<T, A> zero(T(0));
  const auto small = scalar::less_equal(x, zero);
  return scalar::select(small, zero, x) + scalar::log1p(scalar::exp(scalar::select(small, x, -x)));
}

}  // namespace xgrad::scalar

namespace xgrad::kernels {

/// Scalars that have vector registers; the others take plain loops.
template <class T>
concept Vectorized = std::floating_point<T>;

/// The first `lanes` numbers at p, fewer than a register has, with `rest` in the other lanes; nothing else is
/// read.
template <class A, class T>
xsimd::batch<T, A> load_lanes(const T* p, std::size_t lanes, T rest) {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
    const auto mask = (1U << lanes) - 1U;
    if constexpr (std::same_as<T, float>)
      return _mm512_mask_loadu_ps(_mm512_set1_ps(rest), static_cast<__mmask16>(mask), p);
    else
      return _mm512_mask_loadu_pd(_mm512_set1_pd(rest), static_cast<__mmask8>(mask), p);
  }
#endif
  constexpr std::size_t width = xsimd::batch<T, A>::size;
  alignas(64) T padded[width];
  for (std::size_t k = 0; k < width; ++k) padded[k] = k < lanes ? p[k] : rest;
  return xsimd::batch<T, A>::load_aligned(padded);
}

/// Writes the first `lanes` numbers of v to p, and nothing else.
template <class T, class A>
void store_lanes(T* p, std::size_t lanes, const xsimd::batch<T, A>& v) {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
    const auto mask = (1U << lanes) - 1U;
    if constexpr (std::same_as<T, float>)
      _mm512_mask_storeu_ps(p, static_cast<__mmask16>(mask), v);
    else
      _mm512_mask_storeu_pd(p, static_cast<__mmask8>(mask), v);
    return;
  }
#endif
  alignas(64) T padded[xsimd::batch<T, A>::size];
  v.store_aligned(padded);
  for (std::size_t k = 0; k < lanes; ++k) p[k] = padded[k];
}

/// Calls `step(pack)` over [0, n) in registers, then once for the rest: `pack.load(p)` reads the lanes at
/// p + i (the rest padded with ones, a value in every function's domain), `pack.store(p, v)` writes them.
/// Every element thus goes through the same vector function, and its value does not depend on its position.
template <Vectorized T, class A>
struct FullPack {
  using Batch = xsimd::batch<T, A>;
  std::size_t i;
  Batch load(const T* p) const { return Batch::load_unaligned(p + i); }
  void store(T* p, const Batch& v) const { v.store_unaligned(p + i); }
};

template <Vectorized T, class A>
struct TailPack {
  using Batch = xsimd::batch<T, A>;
  std::size_t i, lanes;
  Batch load(const T* p) const { return load_lanes<A>(p + i, lanes, T(1)); }
  void store(T* p, const Batch& v) const { store_lanes(p + i, lanes, v); }
};

template <Vectorized T, class A = xsimd::default_arch, class Step>
void for_each_pack(std::size_t n, Step step) {
  constexpr std::size_t width = xsimd::batch<T, A>::size;
  std::size_t i = 0;
  for (; i + width <= n; i += width) step(FullPack<T, A>{i});
  if (i < n) step(TailPack<T, A>{i, n - i});
}

}  // namespace xgrad::kernels
