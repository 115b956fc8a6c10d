// LinearMap: the closed form of updates with gradients of zeros, where such an update is linear in a number w
// and its velocity v with the same coefficients for all numbers, as that of momentum and weight decay is.
// Internal: included by .cpp files only.
#pragma once

#include <xgrad/autograd/numbers/update.hpp>
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
  void apply(const Numbers<T>& x) const {
    const auto as = [](double factor) { return static_cast<T>(factor); };
    kernels::update(updates::Linear<T>{as(ww), as(wv), as(vw), as(vv)}, x.w, x.slots, {}, x.n);
  }
};

/// x <- factor x
template <class T>
void scale(T* x, std::size_t n, double factor) {
  LinearMap{.ww = factor}.apply(Numbers<T>{x, {}, n});
}

}  // namespace xgrad::detail
