// The door to xsimd, the only file that includes it: the functions whose names, template parameters or results
// differ between its versions (8.1 in Debian 12, 13.2 in Debian 13, 14.3 in the release after it), under names
// of our own, as argument-dependent look-up finds xsimd's too. Internal, as a batch's type depends on the
// compiler's flags.
#pragma once

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

/// The smaller and the larger lanes, where a NaN in b comes through. From 14 on it does not through xsimd's own.
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
