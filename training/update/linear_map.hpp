// LinearMap: the closed form of updates with gradients of zeros, where such an update is linear in a number w
// and its velocity v with the same coefficients for all numbers, as that of momentum and weight decay is.
// Internal: included by .cpp files only.
#pragma once

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/training/update/rule.hpp>

namespace xgrad::detail {

/// w <- ww w + wv v,  v <- vw w + vv v
struct LinearMap {
  double ww = 1, wv = 0, vw = 0, vv = 1;

  /// All of the steps `missed`, each of which is `update(w, v, at)`: it is found by doing them to (1, 0) and
  /// to (0, 1).
  template <class F>
  static LinearMap of(std::span<const Instant> missed, F update) {
    LinearMap map;
    for (const Instant& at : missed) {
      update(map.ww, map.vw, at);
      update(map.wv, map.vv, at);
    }
    return map;
  }

  template <class T>
  void apply(T* w, T* v, std::size_t n) const {
    using B = xsimd::batch<T>;
    const B a(static_cast<T>(ww)), b(static_cast<T>(wv)), c(static_cast<T>(vw)), d(static_cast<T>(vv));
    kernels::for_each_pack<T>(n, [&](const auto& pack) {
      const B w0 = pack.load(w), v0 = pack.load(v);
      pack.store(w, a * w0 + b * v0);
      pack.store(v, c * w0 + d * v0);
    });
  }
};

/// x <- factor x
template <class T>
void scale(T* x, std::size_t n, double factor) {
  const xsimd::batch<T> factors(static_cast<T>(factor));
  kernels::for_each_pack<T>(n, [&](const auto& pack) { pack.store(x, pack.load(x) * factors); });
}

}  // namespace xgrad::detail
