// Affine: the fully connected layer.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// y = x W + b     x: (..., D)   W: (D, H)   b: (H,)   y: (..., H)
/// Parameters "W", uniform in +-1/sqrt(D), and "b", zeros.
template <class T>
struct Affine {
  Variable<T> W,            ///< (D, H), or (H, D) if transposed
      b;                    ///< (H,)
  bool transposed = false;  ///< W is (H, D) and y = x W^T + b

  /// Declares the parameters in the scope of `p`, for inputs of width D and outputs of width H.
  Affine(const Parameters<T>& p, std::size_t D, std::size_t H)
      : W(p.weight("W", {D, H})), b(p.bias("b", {H})) {}

  /// y = x E^T + b for a matrix E: (H, D) of another layer, such as an embedding's. Parameter "b", zeros.
  static Affine tied(const Parameters<T>& p, const Variable<T>& E) { return Affine(p, E); }

  /// y for x: (..., D). Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x) const {
    return transposed ? matmul(x, W, Transpose::second) + b : affine({x, W}, b);
  }

 private:
  Affine(const Parameters<T>& p, const Variable<T>& E)
      : W(E), b(p.bias("b", {E.shape()[0]})), transposed(true) {}
};

/// T is that of the parameters.
template <class T>
Affine(Parameters<T>, std::size_t, std::size_t) -> Affine<T>;

}  // namespace xgrad
