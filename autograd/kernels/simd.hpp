// The functions of scalar.hpp for whole registers (xsimd batches), so that one generic lambda serves numbers
// and vectors. Internal: included by .cpp files only, because a batch's type depends on the compiler's flags.
#pragma once

#include <limits>

#include <xsimd/xsimd.hpp>

#include <xgrad/autograd/scalar.hpp>

namespace xgrad::scalar {

namespace detail {

// `fast` with the lanes in `rare` computed anew, one by one, by f: for the arguments that xsimd gives up on.
template <class T, class A, class F>
xsimd::batch<T, A> correct(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& fast,
                           const xsimd::batch_bool<T, A>& rare, F f) {
  if (!xsimd::any(rare)) return fast;
  alignas(64) T lanes[xsimd::batch<T, A>::size];
  x.store_aligned(lanes);
  for (T& lane : lanes) lane = f(lane);
  return xsimd::select(rare, xsimd::batch<T, A>::load_aligned(lanes), fast);
}

}  // namespace detail

// xsimd's exp overflows a little early, and returns 0 where the result is subnormal.
template <class T, class A>
xsimd::batch<T, A> exp(const xsimd::batch<T, A>& x) {
  constexpr T early = std::same_as<T, float> ? T(87) : T(707),
              late = std::same_as<T, float> ? T(105) : T(746);
  const auto size = xsimd::abs(x);
  const auto rare = (size > xsimd::batch<T, A>(early)) & (size < xsimd::batch<T, A>(late));
  return detail::correct(x, xsimd::exp(x), rare, [](T lane) { return std::exp(lane); });
}
// xsimd's log is wrong for subnormal numbers.
template <class T, class A>
xsimd::batch<T, A> log(const xsimd::batch<T, A>& x) {
  const xsimd::batch<T, A> zero(T(0)), normal(std::numeric_limits<T>::min());
  return detail::correct(x, xsimd::log(x), (x > zero) & (x < normal), [](T lane) { return std::log(lane); });
}
template <class T, class A>
xsimd::batch<T, A> sqrt(const xsimd::batch<T, A>& x) {
  return xsimd::sqrt(x);
}
template <class T, class A>
xsimd::batch<T, A> tanh(const xsimd::batch<T, A>& x) {
  return xsimd::tanh(x);
}
template <class T, class A>
xsimd::batch<T, A> sigmoid(const xsimd::batch<T, A>& x) {
  return T(1) / (T(1) + scalar::exp(-x));
}
template <class T, class A>
xsimd::batch<T, A> where_le_zero(const xsimd::batch<T, A>& x, const xsimd::batch<T, A>& yes,
                                 const xsimd::batch<T, A>& no) {
  return xsimd::select(x <= xsimd::batch<T, A>(T(0)), yes, no);
}

}  // namespace xgrad::scalar

namespace xgrad::kernels {

/// Scalars that have vector registers; the others take the plain loop.
template <class T>
concept Vectorized = std::floating_point<T>;

/// Calls `step(i, pack)` over [0, n) in registers, then once for the rest: `pack.load(p)` reads the lanes at
/// p + i (the rest padded with ones, a value in every function's domain), `pack.store(p, v)` writes them.
/// Every element thus goes through the same vector function, and its value does not depend on its position.
template <Vectorized T>
struct FullPack {
  using Batch = xsimd::batch<T>;
  std::size_t i;
  Batch load(const T* p) const { return Batch::load_unaligned(p + i); }
  void store(T* p, const Batch& v) const { v.store_unaligned(p + i); }
};

template <Vectorized T>
struct TailPack {
  using Batch = xsimd::batch<T>;
  std::size_t i, lanes;
  Batch load(const T* p) const {
    alignas(64) T padded[Batch::size];
    for (std::size_t k = 0; k < Batch::size; ++k) padded[k] = k < lanes ? p[i + k] : T(1);
    return Batch::load_aligned(padded);
  }
  void store(T* p, const Batch& v) const {
    alignas(64) T padded[Batch::size];
    v.store_aligned(padded);
    for (std::size_t k = 0; k < lanes; ++k) p[i + k] = padded[k];
  }
};

template <Vectorized T, class Step>
void for_each_pack(std::size_t n, Step step) {
  constexpr std::size_t width = xsimd::batch<T>::size;
  std::size_t i = 0;
  for (; i + width <= n; i += width) step(FullPack<T>{i});
  if (i < n) step(TailPack<T>{i, n - i});
}

}  // namespace xgrad::kernels
