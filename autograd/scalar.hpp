// Scalar functions of every number type the library computes with, under one name each: the only place that
// calls std:: on a scalar. Kernels are written once in terms of these; kernels/simd.hpp adds the overloads
// for vectors.
#pragma once

#include <cmath>
#include <concepts>

namespace xgrad::scalar {

template <std::floating_point T>
T exp(T x) {
  return std::exp(x);
}
template <std::floating_point T>
T log(T x) {
  return std::log(x);
}
template <std::floating_point T>
T sqrt(T x) {
  return std::sqrt(x);
}
template <std::floating_point T>
T tanh(T x) {
  return std::tanh(x);
}

/// 1 / (1 + e^-x). The form by tanh(x/2) would lose all relative accuracy for x << 0.
template <std::floating_point T>
T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

/// `yes` where the real part of x is <= 0, else `no`: selects, so that what is not chosen cannot leak, even
/// if infinite.
template <std::floating_point T>
T where_le_zero(T x, T yes, T no) {
  return x <= T(0) ? yes : no;
}

/// The part that comparisons look at.
template <std::floating_point T>
T real(T x) {
  return x;
}

}  // namespace xgrad::scalar
