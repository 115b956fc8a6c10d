// Loops over one row of numbers that lie one after the other, in vector registers: what softmax is made of. Internal.
#pragma once

#include <cstddef>
#include <type_traits>

#include <xgrad/autograd/kernels/simd.hpp>

namespace xgrad::kernels {

/// What many numbers are added up in: float loses digits over a long row.
template <class T>
using Wide = std::conditional_t<std::same_as<T, float>, double, T>;

/// The largest real part of a row of n > 0 numbers.
template <class T>
scalar::Real<T> row_max(const T* x, std::size_t n) {
  auto largest = scalar::real(x[0]);
  std::size_t i = 0;
  if constexpr (Vectorized<T>) {
    using Batch = xsimd::batch<T>;
    if (n >= Batch::size) {
      Batch best = Batch::load_unaligned(x);
      for (; i + Batch::size <= n; i += Batch::size) best = xsimd::max(best, Batch::load_unaligned(x + i));
      T lanes[Batch::size];
      best.store_unaligned(lanes);
      for (const T lane : lanes) largest = lane > largest ? lane : largest;
    }
  }
  for (; i < n; ++i)
    if (scalar::real(x[i]) > largest) largest = scalar::real(x[i]);
  return largest;
}

/// y = e^(x - shift); returns the sum of y.
template <class T>
T exp_shifted(const T* x, T* y, std::size_t n, scalar::Real<T> shift) {
  T total = T(0);
  std::size_t i = 0;
  if constexpr (Vectorized<T>) {
    using Batch = xsimd::batch<T>;
    Batch sums(T(0));
    for_each_pack<T>(n, [&](const auto& pack) {
      const Batch e = scalar::exp(pack.load(x) - Batch(shift));
      pack.store(y, e);
      if constexpr (std::same_as<std::remove_cvref_t<decltype(pack)>, FullPack<T>>) sums += e;
    });
    total = xsimd::hadd(sums);
    i = n - n % Batch::size;  // the lanes of the last, partial pack are left
    for (; i < n; ++i) total += y[i];
  } else {
    for (; i < n; ++i) total += y[i] = scalar::exp(x[i] - shift);
  }
  return total;
}

/// y = factor x
template <class T>
void scale(const T* x, T* y, std::size_t n, T factor) {
  if constexpr (Vectorized<T>) {
    for_each_pack<T>(n, [&](const auto& pack) { pack.store(y, pack.load(x) * xsimd::batch<T>(factor)); });
  } else {
    for (std::size_t i = 0; i < n; ++i) y[i] = factor * x[i];
  }
}

}  // namespace xgrad::kernels
