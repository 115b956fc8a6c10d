// Linear algebra.
#pragma once

#include <type_traits>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Which operands of a product are transposed, that is, read with their last two axes exchanged; nothing is
/// copied.
enum class Transpose {
  none,    ///< x W
  first,   ///< x^T W
  second,  ///< x W^T
  both     ///< x^T W^T
};

/// Matrix product: NumPy's matmul.
///     x: (..., N, K)   W: (..., K, M)   result: (..., N, M)
/// The axes in front broadcast. A vector (K,) is a row as first operand, a column as second, whose axis the
/// result lacks; it cannot be transposed. With Transpose::second W is (..., M, K), so that
/// `matmul(h, E, Transpose::second)` is h E^T.
/// Throws Error if the shapes do not fit.
template <class T>
Variable<T> matmul(const Variable<T>& x, const Variable<T>& W, Transpose transpose = Transpose::none);

/// The inner product of two vectors.     a, b: (K,)   result: ()
/// Throws Error for other shapes.
template <class T>
Variable<T> dot(const Variable<T>& a, const Variable<T>& b);

/// All products of two vectors' elements.     a: (N,)   b: (M,)   result: (N, M)
/// Throws Error for other shapes.
template <class T>
Variable<T> outer(const Variable<T>& a, const Variable<T>& b);

/// A product x W in an affine sum; written {x, W}. It refers to both and copies nothing, so it serves as an
/// argument only.
template <class T>
struct Product {
  const Variable<T>& x;  ///< (..., K)
  const Variable<T>& W;  ///< (K, M)
};
/// Product as a parameter: T follows from the other arguments, so that an argument can be written {x, W}.
template <class T>
using ProductOf = Product<std::type_identity_t<T>>;

/// x W + b, written affine({x, W}, b).     x: (..., K)   W: (K, M)   b: (M,)   result: (..., M)
/// Throws Error if the shapes do not fit.
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const Variable<T>& b);
/// x W + h U + b, written affine({x, W}, {h, U}, b), without intermediate sums.
///     x: (..., K)   W: (K, M)   h: (..., L) with the leading axes of x   U: (L, M)   b: (M,)
///     result: (..., M)
/// Throws Error if the shapes do not fit.
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const Variable<T>& b);
/// The same with three products.
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const ProductOf<T>& p3,
                   const Variable<T>& b);
/// The same with four products.
template <class T>
Variable<T> affine(const ProductOf<T>& p1, const ProductOf<T>& p2, const ProductOf<T>& p3,
                   const ProductOf<T>& p4, const Variable<T>& b);

}  // namespace xgrad
