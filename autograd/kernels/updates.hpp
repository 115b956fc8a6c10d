// The rules of the optimizers, each written once, as a formula for one element w of a parameter, its gradient
// g and what the rule remembers of it, its slots. From the struct come the loops for every instruction set
// (table.hpp), which numbers/update.hpp runs; training/ has the options and what surrounds a step. To add
// one, write it here and add it to `Updates` in table.hpp. A slot that a parameter has not got reads as 0.
// Internal.
#pragma once

#include <cstddef>

#include <xgrad/autograd/kernels/simd.hpp>

/// The rules of the optimizers.
namespace xgrad::updates {

/// g + decay w, which is g without decay, also where w is infinite.
auto decayed(auto g, auto decay, auto w) { return decay != 0 ? g + decay * w : g; }

/// v <- momentum v + intake d,  w <- w - rate v (with nesterov, w - rate (d + momentum v))
template <class T>
struct Sgd {
  static constexpr std::size_t slots = 1;
  T rate, decay, momentum, intake;
  bool nesterov;
  void operator()(auto& w, auto* slot, auto g) const {
    auto d = decayed(g, decay, w);
    if (momentum != 0) {
      auto& v = slot[0];
      v = momentum * v + intake * d;
      d = nesterov ? d + momentum * v : v;
    }
    w = w - rate * d;
  }
};

/// r <- r + d^2,  w <- w - rate d / (sqrt r + epsilon)
template <class T>
struct Adagrad {
  static constexpr std::size_t slots = 1;
  T rate, decay, epsilon;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto d = decayed(g, decay, w);
    slot[0] = slot[0] + d * d;
    w = w - scalar::divide(rate * d, scalar::sqrt(slot[0]) + epsilon);
  }
};

/// r <- alpha r + (1 - alpha) d^2, m likewise of d,  u = d / (sqrt(r - m^2) + epsilon),
/// v <- momentum v + u,  w <- w - rate v
template <class T>
struct Rmsprop {
  static constexpr std::size_t slots = 3;
  T rate, decay, alpha, intake, momentum, epsilon;
  bool centered;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto d = decayed(g, decay, w);
    slot[0] = alpha * slot[0] + intake * d * d;
    auto r = slot[0];
    if (centered) {
      auto& mean = slot[momentum != 0 ? 2 : 1];
      mean = alpha * mean + intake * d;
      r = r - mean * mean;  // which rounding may have made negative
      r = scalar::select(scalar::less(r, scalar::constant(0, r)), scalar::constant(0, r), r);
    }
    auto u = scalar::divide(d, scalar::sqrt(r) + epsilon);
    if (momentum != 0) u = slot[1] = u + momentum * slot[1];
    w = w - rate * u;
  }
};

/// m <- beta1 m + (1 - beta1) d,  v <- beta2 v + (1 - beta2) d^2,
/// w <- kept w - rate m / (sqrt v / root + epsilon)
template <class T>
struct Adam {
  static constexpr std::size_t slots = 2;
  T rate, decay, beta1, intake1, beta2, intake2, root, epsilon, kept;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto d = decayed(g, decay, w), m = beta1 * slot[0] + intake1 * d,
               v = beta2 * slot[1] + intake2 * d * d;
    slot[0] = m;
    slot[1] = v;
    w = kept * w -
        scalar::divide(rate * m, scalar::divide(scalar::sqrt(v), scalar::constant(root, v)) + epsilon);
  }
};

/// step <- step times increase where the sign of g is as it was, else times decrease (within bounds),
/// w <- w - sign step. The classical rule holds the step still where either sign is 0, and forgets the sign
/// of g where it has turned.
template <class T>
struct Rprop {
  static constexpr std::size_t slots = 2;
  T increase, decrease, min_step, max_step;
  bool classical;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto zero = scalar::constant(0, w), one = scalar::constant(1, w),
               up = scalar::constant(increase, w), down = scalar::constant(decrease, w), before = slot[1];
    auto sign = scalar::select(scalar::less(zero, g), one, scalar::select(scalar::less(g, zero), -one, g));
    const auto same = scalar::equal(sign, before), turned = scalar::less(sign * before, zero);
    const auto still =
        scalar::select(scalar::less(zero, sign * before), up, scalar::select(turned, down, one));
    const auto wanted = slot[0] * (classical ? still : scalar::select(same, up, down)),
               low = scalar::constant(min_step, w), high = scalar::constant(max_step, w),
               step = scalar::select(scalar::less(wanted, low), low,
                                     scalar::select(scalar::less(high, wanted), high, wanted));
    if (classical) sign = scalar::select(turned, zero, sign);
    slot[0] = step;
    slot[1] = sign;
    w = scalar::select(scalar::equal(sign, zero), w, w - sign * step);  // a step may be infinite
  }
};

/// w <- ww w + wv v,  v <- vw w + vv v: any number of steps without a gradient, where one is linear.
template <class T>
struct Linear {
  static constexpr std::size_t slots = 1;
  T ww, wv, vw, vv;
  void operator()(auto& w, auto* slot, auto) const {
    const auto before = w;
    w = ww * before + wv * slot[0];
    slot[0] = vw * before + vv * slot[0];
  }
};

}  // namespace xgrad::updates
