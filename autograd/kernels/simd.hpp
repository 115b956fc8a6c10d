// Whole registers (xsimd batches) in the place of single numbers: what scalar.hpp has for numbers, so that
// one generic formula serves both, and how registers are loaded and stored. Internal: included by .cpp files
// only, because a batch's type depends on the compiler's flags.
#pragma once

#include <cstddef>
#include <type_traits>

#include <xgrad/autograd/kernels/complex_math.hpp>
#include <xgrad/autograd/kernels/vector_math.hpp>

namespace xgrad::scalar {

template <Register X>
auto less(X a, X b) {
  return a < b;
}
template <Register X>
auto less_equal(X a, X b) {
  return a <= b;
}
template <Register X>
auto equal(X a, X b) {
  return a == b;
}
/// Whether it is true of every lane; a number is one.
template <class T, class A>
bool all(xsimd::batch_bool<T, A> x) {
  return xsimd::all(x);
}
inline bool all(bool x) { return x; }
template <Register X>
X select(typename X::batch_bool_type choose, X yes, X no) {
  return xsimd::select(choose, yes, no);
}
template <Register X>
void kink(X, X) {}  // only Complex counts them

}  // namespace xgrad::scalar

namespace xgrad::kernels {

/// Scalars that a register holds. Complex ones lie in two, see complex_math.hpp, for some formulas; for the
/// others they take plain loops.
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
#if XSIMD_WITH_AVX2
  if constexpr (std::is_base_of_v<xsimd::avx2, A>) {
    if constexpr (std::same_as<T, float>) {
      const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(lanes)),
                                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
      return _mm256_blendv_ps(_mm256_set1_ps(rest), _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
    } else {
      const __m256i mask = _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(lanes)),
                                              _mm256_setr_epi64x(0, 1, 2, 3));
      return _mm256_blendv_pd(_mm256_set1_pd(rest), _mm256_maskload_pd(p, mask), _mm256_castsi256_pd(mask));
    }
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
