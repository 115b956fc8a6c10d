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

}  // namespace

// y = x W                           dx = dy W^T             dW = x^T dy       (leading axes of x flattened)
template <class T>
Variable<T> matmul(const Variable<T>& x, const Variable<T>& W) {
  if (x.rank() == 0 || W.rank() != 2)
    throw Error("matmul", "needs x: (..., K) and W: (K, M), got " + describe(x) + " and " + describe(W));
  const std::size_t K = W.shape()[0], M = W.shape()[1];
  if (x.shape().back() != K)
    throw Error("matmul", "last axis of x with shape " + describe(x) +
                              " must match first axis of W with shape " + describe(W));
  Shape shape = x.shape();
  shape.set(shape.rank() - 1, M);
  const std::size_t N = Shape(shape.begin(), shape.end() - 1).size();

  auto y = Array<T>::uninitialized(shape);
  gemm(Op::none, Op::none, N, M, K, T(1), x.value().data(), K, W.value().data(), M, T(0), y.mutable_data(),
       M);
  return record("matmul", y,
                wrt(x, gemm_vjp<T>(x.shape(),
                                   [=, W = W.value()](const Array<T>& dy, T beta, T* dx) {
                                     gemm(Op::none, Op::transpose, N, K, M, T(1), dy.data(), M, W.data(), M,
                                          beta, dx, K);
                                   })),
                wrt(W, gemm_vjp<T>(W.shape(), [=, x = x.value()](const Array<T>& dy, T beta, T* dW) {
                      gemm(Op::transpose, Op::none, K, M, N, T(1), x.data(), K, dy.data(), M, beta, dW, M);
                    })));
}

template Variable<float> matmul(const Variable<float>&, const Variable<float>&);
template Variable<double> matmul(const Variable<double>&, const Variable<double>&);

}  // namespace xgrad
