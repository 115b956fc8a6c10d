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
  bool transposed = false;  ///< W is (H, D) and y = x W^T + b

  Affine(const Parameters<T>& p, std::size_t D, std::size_t H)
      : W(p.weight("W", {D, H})), b(p.bias("b", {H})) {}

  /// y = x E^T + b for a matrix E: (H, D) of another layer, such as an embedding's. Parameter "b", zeros.
  static Affine tied(const Parameters<T>& p, const Variable<T>& E) { return Affine(p, E); }

  Variable<T> operator()(const Variable<T>& x) const {
    return transposed ? matmul(x, W, Transpose::second) + b : affine({x, W}, b);
  }

 private:
  Affine(const Parameters<T>& p, const Variable<T>& E)
      : W(E), b(p.bias("b", {E.shape()[0]})), transposed(true) {}
};

template <class T>
Affine(Parameters<T>, std::size_t, std::size_t) -> Affine<T>;

}  // namespace xgrad
