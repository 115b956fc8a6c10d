// Matrix products and their vjps (Giles 2008, "Collected matrix derivative results"), each one GEMM that adds
// into the gradient where there already is one.
#include <xgrad/autograd/ops/linear.hpp>

#include <xgrad/autograd/kernels/gemm.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using kernels::gemm;
using kernels::Op;

namespace {

// Both forms of a vjp from `product(dy, beta, dx)`, which computes dx = contribution + beta dx.
template <class T, class F>
struct GemmVjp {
  Shape shape;
  F product;

  Array<T> operator()(const Array<T>& dy) const {
    auto dx = Array<T>::uninitialized(shape);
    product(dy, T(0), dx.mutable_data());
    return dx;
  }
  void operator()(const Array<T>& dy, Array<T>& dx) const { product(dy, T(1), dx.mutable_data()); }
};

template <class T, class F>
GemmVjp<T, F> gemm_vjp(const Shape& shape, F product) {
  return {shape, std::move(product)};
}

// x W with x seen as a matrix: (N, K) times (K, M), N all leading axes of x together.
template <class T>
struct MatrixProduct {
  Array<T> x, W;
  std::size_t N, K, M;
  Shape shape;  // of the result

  MatrixProduct(const char* op, const Variable<T>& x_, const Variable<T>& W_) : x(x_.value()), W(W_.value()) {
    if (x_.rank() == 0 || W_.rank() != 2)
      throw Error(op, "needs x: (..., K) and W: (K, M), got " + describe(x_) + " and " + describe(W_));
    if (x_.shape().back() != W_.shape()[0])
      throw Error(op, "last axis of x with shape " + describe(x_) +
                          " must match first axis of W with shape " + describe(W_));
    K = W.shape()[0];
    M = W.shape()[1];
    shape = x.shape();
    shape.set(shape.rank() - 1, M);
    N = Shape(shape.begin(), shape.end() - 1).size();
  }

  // y = x W + beta y
  void add_to(Array<T>& y, T beta) const {
    gemm(Op::none, Op::none, N, M, K, T(1), x.data(), K, W.data(), M, beta, y.mutable_data(), M);
  }
  // dx = dy W^T
  auto x_vjp() const {
    return gemm_vjp<T>(x.shape(), [N = N, K = K, M = M, W = W](const Array<T>& dy, T beta, T* dx) {
      gemm(Op::none, Op::transpose, N, K, M, T(1), dy.data(), M, W.data(), M, beta, dx, K);
    });
  }
  // dW = x^T dy
  auto W_vjp() const {
    return gemm_vjp<T>(W.shape(), [N = N, K = K, M = M, x = x](const Array<T>& dy, T beta, T* dW) {
      gemm(Op::transpose, Op::none, K, M, N, T(1), x.data(), K, dy.data(), M, beta, dW, M);
    });
  }
};

// b in every row of an array of `shape`.
template <class T>
Array<T> rows_of(const Variable<T>& b, const Shape& shape) {
  if (b.shape() != Shape{shape.back()})
    throw Error("affine", "needs b of shape " + to_string(Shape{shape.back()}) + ", got " + describe(b));
  auto y = Array<T>::uninitialized(shape);
  T* const out = y.mutable_data();
  for (std::size_t i = 0; i < y.size(); i += b.size()) std::copy_n(b.value().data(), b.size(), out + i);
  return y;
}

template <class T>
Array<T> pass(const Array<T>& dy) {
  return dy;
}

}  // namespace

// y = x W                           dx = dy W^T             dW = x^T dy
template <class T>
Variable<T> matmul(const Variable<T>& x, const Variable<T>& W) {
  const MatrixProduct<T> xW("matmul", x, W);
  auto y = Array<T>::uninitialized(xW.shape);
  xW.add_to(y, T(0));
  return record("matmul", y, wrt(x, xW.x_vjp()), wrt(W, xW.W_vjp()));
}

// y = x W + b                       dx = dy W^T             dW = x^T dy             db = dy
template <class T>
Variable<T> affine(const Product<std::type_identity_t<T>>& a, const Variable<T>& b) {
  const MatrixProduct<T> xW("affine", a.x, a.W);
  Array<T> y = rows_of(b, xW.shape);
  xW.add_to(y, T(1));
  return record("affine", y, wrt(a.x, xW.x_vjp()), wrt(a.W, xW.W_vjp()), wrt(b, pass<T>));
}

// y = x W + h U + b                 dx = dy W^T   dW = x^T dy   dh = dy U^T   dU = h^T dy   db = dy
template <class T>
Variable<T> affine(const Product<std::type_identity_t<T>>& a1, const Product<std::type_identity_t<T>>& a2,
                   const Variable<T>& b) {
  const MatrixProduct<T> xW("affine", a1.x, a1.W), hU("affine", a2.x, a2.W);
  if (xW.shape != hU.shape)
    throw Error("affine", "the products have shapes " + to_string(xW.shape) + " and " + to_string(hU.shape) +
                              ", expected the same");
  Array<T> y = rows_of(b, xW.shape);
  xW.add_to(y, T(1));
  hU.add_to(y, T(1));
  return record("affine", y, wrt(a1.x, xW.x_vjp()), wrt(a1.W, xW.W_vjp()), wrt(a2.x, hU.x_vjp()),
                wrt(a2.W, hU.W_vjp()), wrt(b, pass<T>));
}

template Variable<float> matmul(const Variable<float>&, const Variable<float>&);
template Variable<double> matmul(const Variable<double>&, const Variable<double>&);
template Variable<Complex> matmul(const Variable<Complex>&, const Variable<Complex>&);
template Variable<float> affine(const Product<float>&, const Variable<float>&);
template Variable<double> affine(const Product<double>&, const Variable<double>&);
template Variable<Complex> affine(const Product<Complex>&, const Variable<Complex>&);
template Variable<float> affine(const Product<float>&, const Product<float>&, const Variable<float>&);
template Variable<double> affine(const Product<double>&, const Product<double>&, const Variable<double>&);
template Variable<Complex> affine(const Product<Complex>&, const Product<Complex>&, const Variable<Complex>&);

}  // namespace xgrad
