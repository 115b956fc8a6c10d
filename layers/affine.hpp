// Affine: the fully connected layer.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// y = x W + b     x: (..., D)   W: (D, H)   b: (H,)   y: (..., H)
/// Parameters "W", uniform in +-1/sqrt(D), and "b", zeros.
template <class T>
struct Affine {
  Variable<T> W, b;

  Affine(const Parameters<T>& p, std::size_t D, std::size_t H)
      : W(p.weight("W", {D, H})), b(p.bias("b", {H})) {}

  Variable<T> operator()(const Variable<T>& x) const { return affine({x, W}, b); }
};

template <class T>
Affine(Parameters<T>, std::size_t, std::size_t) -> Affine<T>;

}  // namespace xgrad
