// The rules of the optimizers, each written once, as a formula for one element w of a parameter, its gradient
// g and what the rule remembers of it, its slots. From the struct come the loops for every instruction set
// (table.hpp), which numbers/update.hpp runs; training/ has the options and what surrounds a step. To add
// one, write it here and add it to `Updates` in table.hpp. A slot that a parameter has not got reads as 0.
// What a rule remembers of squares it remembers as their root, which is in range whenever a gradient is: the
// square of 1e20 is no float. Internal.
#pragma once

#include <cstddef>
#include <limits>

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

/// sqrt(a x^2 + b y^2) for factors up to 1. Where the sum is beyond T, or so small that it may have lost
/// digits, x and y are first brought into range by a power of two, which rounds nothing.
template <class T, class X>
X root_of_squares(T a, X x, T b, X y) {
  constexpr bool single = std::numeric_limits<T>::max_exponent == 128;
  const auto number = [&](double c) { return scalar::constant(c, x); };
  const auto mean = [&](X p, X q) { return a * p * p + b * q * q; };
  const X v = mean(x, y), low = number(single ? 0x1p-90 : 0x1p-900),
          high = number(std::numeric_limits<T>::max());
  const auto enough = scalar::less_equal(low, v), finite = scalar::less_equal(v, high);
  if (scalar::all(enough) && scalar::all(finite)) return scalar::sqrt(v);
  const X one = number(1), down = number(single ? 0x1p-96 : 0x1p-768), up = number(single ? 0x1p96 : 0x1p768),
          scale = scalar::select(enough, scalar::select(finite, one, down), up),
          undo = scalar::select(enough, scalar::select(finite, one, up), down);
  return undo * scalar::sqrt(mean(scale * x, scale * y));
}

/// s <- sqrt(s^2 + d^2),  w <- w - rate d / (s + epsilon)
template <class T>
struct Adagrad {
  static constexpr std::size_t slots = 1;
  T rate, decay, epsilon;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto d = decayed(g, decay, w);
    slot[0] = root_of_squares(T(1), slot[0], T(1), d);
    w = w - rate * scalar::divide(d, slot[0] + epsilon);
  }
};

/// s <- sqrt(alpha s^2 + (1 - alpha) d^2),  u = d / (s + epsilon),  v <- momentum v + u,  w <- w - rate v
///
/// Centered, s^2 is the variance r - m^2 of the running means r and m of d^2 and d, without the difference,
/// which cancels. With e = d - m the means are m <- m + (1 - alpha) e, r <- alpha r + (1 - alpha) (m + e)^2;
/// so r - m^2 <- alpha (r - m^2) + alpha (1 - alpha) e^2, and e <- alpha e. As m would stand still near d,
/// not m is kept but e, and the d that it is counted from.
template <class T>
struct Rmsprop {
  static constexpr std::size_t slots = 4;
  T rate, decay, alpha, intake, momentum, epsilon;
  bool centered;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto d = decayed(g, decay, w);
    auto e = d;
    if (centered) {
      e = (d - slot[1]) + slot[2];
      slot[1] = d;
      slot[2] = alpha * e;
    }
    slot[0] = root_of_squares(alpha, slot[0], centered ? alpha * intake : intake, e);
    auto u = scalar::divide(d, slot[0] + epsilon);
    const auto moved = [&](auto& v) { return v = u + momentum * v; };
    if (momentum != 0) u = centered ? moved(slot[3]) : moved(slot[1]);
    w = w - rate * u;
  }
};

/// m <- beta1 m + (1 - beta1) d,  s <- sqrt(beta2 s^2 + (1 - beta2) d^2),
/// w <- kept w - rate m / (s + epsilon)
template <class T>
struct Adam {
  static constexpr std::size_t slots = 2;
  T rate, decay, beta1, intake1, beta2, intake2, epsilon, kept;
  void operator()(auto& w, auto* slot, auto g) const {
    const auto d = decayed(g, decay, w);
    slot[0] = beta1 * slot[0] + intake1 * d;
    slot[1] = root_of_squares(beta2, slot[1], intake2, d);
    w = kept * w - rate * scalar::divide(slot[0], slot[1] + epsilon);
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
