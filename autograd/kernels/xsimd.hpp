// The door to xsimd, the only file that includes it: the functions whose names, template parameters or
// results differ between its versions (8.1 in Debian 12, 13.2 in Debian 13, 14.3 in the release after it),
// under names of our own, as argument-dependent look-up finds xsimd's too. Internal, as a batch's type
// depends on the compiler's flags.
#pragma once

#include <type_traits>

#include <xsimd/xsimd.hpp>

namespace xgrad::kernels {

/// The sum of all lanes.
template <class T, class A>
T sum_lanes(const xsimd::batch<T, A>& x) {
#if XSIMD_VERSION_MAJOR >= 10
  return xsimd::reduce_add(x);
#else
  return xsimd::hadd(x);
#endif
}

/// The smaller and the larger lanes, where a NaN in b comes through. From 14 on it does not through xsimd's
/// own.
template <class T, class A>
xsimd::batch<T, A> smaller(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::select(a < b, a, b);
#else
  return xsimd::min(a, b);
#endif
}
template <class T, class A>
xsimd::batch<T, A> larger(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::select(a > b, a, b);
#else
  return xsimd::max(a, b);
#endif
}

/// a / b and the square root, rounded as for single numbers. xsimd's own for float on arm64 are estimates
/// that two steps of Newton's method refine: 1 / 3 is off in the last digit, and 1 / 1e-39 is NaN.
template <class T, class A>
xsimd::batch<T, A> quotient(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b) {
#if XSIMD_WITH_NEON64
  if constexpr (std::is_same_v<T, float> && std::is_base_of_v<xsimd::neon64, A>) return vdivq_f32(a, b);
#endif
  return a / b;
}
template <class T, class A>
xsimd::batch<T, A> square_root(const xsimd::batch<T, A>& x) {
#if XSIMD_WITH_NEON64
  if constexpr (std::is_same_v<T, float> && std::is_base_of_v<xsimd::neon64, A>) return vsqrtq_f32(x);
#endif
  return xsimd::sqrt(x);
}

/// a b + c, rounded once where the instruction set has that. xsimd 8.1 writes a * b + c for AVX-512, and all
/// versions do for registers of SSE in code that is compiled for AVX: rounded once or twice, as the compiler
/// likes.
template <class T, class A>
xsimd::batch<T, A> multiply_add(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b,
                                const xsimd::batch<T, A>& c) {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
    if constexpr (std::is_same_v<T, float>) return _mm512_fmadd_ps(a, b, c);
    if constexpr (std::is_same_v<T, double>) return _mm512_fmadd_pd(a, b, c);
  }
#endif
#if defined(__FMA__)
  if constexpr (std::is_same_v<A, xsimd::sse4_2>) {
    if constexpr (std::is_same_v<T, float>) return _mm_fmadd_ps(a, b, c);
    if constexpr (std::is_same_v<T, double>) return _mm_fmadd_pd(a, b, c);
  }
#endif
  return xsimd::fma(a, b, c);
}

#if defined(__FMA__) || defined(__aarch64__)
/// a b - c, rounded once. xsimd 8.1 has no such function for AVX-512 and writes a * b - c, which a compiler
/// that knows a * b already, as c, makes 0.
template <class T, class A>
xsimd::batch<T, A> fused_difference(const xsimd::batch<T, A>& a, const xsimd::batch<T, A>& b,
                                    const xsimd::batch<T, A>& c) {
#if XSIMD_WITH_AVX512F
  if constexpr (std::is_base_of_v<xsimd::avx512f, A>) {
    if constexpr (std::is_same_v<T, float>) return _mm512_fmsub_ps(a, b, c);
    if constexpr (std::is_same_v<T, double>) return _mm512_fmsub_pd(a, b, c);
  }
#endif
  return xsimd::fms(a, b, c);
}
#endif

/// The same bits as lanes of type To, which is as large as T.
template <class To, class T, class A>
xsimd::batch<To, A> bits_as(const xsimd::batch<T, A>& x) {
  static_assert(sizeof(To) == sizeof(T));
#if XSIMD_VERSION_MAJOR >= 10
  return xsimd::bitwise_cast<To>(x);
#else
  return xsimd::bitwise_cast<xsimd::batch<To, A>>(x);
#endif
}

}  // namespace xgrad::kernels
