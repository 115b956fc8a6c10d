// Affine: the fully connected layer.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// Options of Affine.
struct AffineOptions {
  Initializer W{};  ///< how W is drawn, if not by the default
  Initializer b{};  ///< how b is drawn, if not zeros
};

/// y = x W + b     x: (..., D)   W: (D, H)   b: (H,)   y: (..., H)
/// Parameters "W", uniform in +-1/sqrt(D), and "b", zeros, unless options say otherwise.
template <class T>
struct Affine {
  Variable<T> W,            ///< (D, H), or (H, D) if transposed
      b;                    ///< (H,)
  bool transposed = false;  ///< W is (H, D) and y = x W^T + b

  /// Declares the parameters in the scope of `p`, for inputs of width D and outputs of width H.
  Affine(const Parameters<T>& p, std::size_t D, std::size_t H, const AffineOptions& options = {})
      : W(detail::weight(p, "W", {D, H}, options.W)), b(detail::bias(p, "b", H, options.b)) {}

  /// y = x E^T + b for a matrix E: (H, D) of another layer, such as an embedding's. Parameter "b", zeros
  /// unless options say otherwise. Throws Error if they say how W is drawn.
  static Affine tied(const Parameters<T>& p, const Variable<T>& E, const AffineOptions& options = {}) {
    if (options.W) throw Error("Affine", "is tied to the matrix of another layer, which is drawn there");
    return Affine(p, E, options.b);
  }

  /// y for x: (..., D). Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x) const {
    return transposed ? matmul(x, W, Transpose::second) + b : affine({x, W}, b);
  }

 private:
  Affine(const Parameters<T>& p, const Variable<T>& E, const Initializer& initial_b)
      : W(E), b(detail::bias(p, "b", E.shape()[0], initial_b)), transposed(true) {}
};

/// T is that of the parameters.
template <class T>
Affine(Parameters<T>, std::size_t, std::size_t) -> Affine<T>;
/// T is that of the parameters.
template <class T>
Affine(Parameters<T>, std::size_t, std::size_t, AffineOptions) -> Affine<T>;

}  // namespace xgrad
