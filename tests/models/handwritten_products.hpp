// What hand-written gradients are written with: matrix products as plain loops, and the columns of an array.
// Nothing here knows of a tape.
#pragma once

#include <cstddef>

#include <xgrad/autograd/array.hpp>

namespace handwritten {

using Matrix = xgrad::Array<double>;  // of rank 2

/// A B.     A: (N, K)   B: (K, M)
inline Matrix product(const Matrix& A, const Matrix& B) {
  const std::size_t N = A.shape()[0], K = A.shape()[1], M = B.shape()[1];
  auto C = Matrix::zeros({N, M});
  double* const c = C.mutable_data();
  for (std::size_t n = 0; n < N; ++n)
    for (std::size_t k = 0; k < K; ++k)
      for (std::size_t m = 0; m < M; ++m) c[n * M + m] += A.data()[n * K + k] * B.data()[k * M + m];
  return C;
}

inline Matrix transposed(const Matrix& A) {
  const std::size_t N = A.shape()[0], M = A.shape()[1];
  auto B = Matrix::uninitialized({M, N});
  double* const b = B.mutable_data();
  for (std::size_t n = 0; n < N; ++n)
    for (std::size_t m = 0; m < M; ++m) b[m * N + n] = A.data()[n * M + m];
  return B;
}

/// f of every number.
template <class F>
xgrad::Array<double> map(const xgrad::Array<double>& x, F f) {
  auto y = xgrad::Array<double>::uninitialized(x.shape());
  double* const out = y.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = f(x.data()[i]);
  return y;
}

/// A sequence's entry at step t as a column.     xs: (T, K) or (T, K, 1)   result: (K, 1)
inline Matrix column(const xgrad::Array<double>& xs, std::size_t t) {
  return xs.row(t).reshaped({xs.shape()[1], 1});
}

/// 1 at `index`.     (n, 1)
inline Matrix one_hot_column(std::size_t n, std::size_t index) {
  auto x = Matrix::zeros({n, 1});
  x.mutable_data()[index] = 1;
  return x;
}

}  // namespace handwritten
