// Linear algebra.
#pragma once

#include <type_traits>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Matrix product over the last axis.     x: (..., K)   W: (K, M)   result: (..., M)
/// Throws Error if the ranks or the K do not fit.
template <class T>
Variable<T> matmul(const Variable<T>& x, const Variable<T>& W);

/// A product x W in an affine sum; written {x, W}.     x: (..., K)   W: (K, M)
template <class T>
struct Product {
  const Variable<T>& x;
  const Variable<T>& W;
};

/// x W + b and x W + h U + b without intermediate sums: affine({x, W}, b), affine({x, W}, {h, U}, b).
///     x: (..., K)   W: (K, M)   h: (..., L) with the leading axes of x   U: (L, M)   b: (M,)   result: (..., M)
/// Throws Error if the shapes do not fit.
template <class T>
Variable<T> affine(const Product<std::type_identity_t<T>>& a, const Variable<T>& b);
template <class T>
Variable<T> affine(const Product<std::type_identity_t<T>>& a1, const Product<std::type_identity_t<T>>& a2,
                   const Variable<T>& b);

}  // namespace xgrad
