// What hand-written gradients of batched networks share beyond products: biases on rows, and a cross
// entropy's error.
#pragma once

#include <algorithm>
#include <cmath>

#include "models/handwritten_products.hpp"

namespace handwritten {

/// Every row plus b.     x: (N, M)   b: (M,)
inline Matrix plus_bias(const Matrix& x, const xgrad::Array<double>& b) {
  auto y = x;
  for (std::size_t i = 0; i < x.size(); ++i) y.mutable_data()[i] += b.data()[i % b.size()];
  return y;
}

/// The sum of the rows.     x: (N, M)   result: (M,)
inline xgrad::Array<double> row_sum(const Matrix& x) {
  auto sum = xgrad::Array<double>::zeros({x.shape()[1]});
  for (std::size_t i = 0; i < x.size(); ++i) sum.mutable_data()[i % sum.size()] += x.data()[i];
  return sum;
}

/// What the cross entropy of a mean over `count` targets sends back: (softmax(logits) - one-hot) / count.
///     logits: (N, V)   targets: (N,)
inline Matrix cross_entropy_error(const Matrix& logits, const xgrad::Ids& targets, std::size_t count) {
  const std::size_t N = logits.shape()[0], V = logits.shape()[1];
  auto error = Matrix::uninitialized({N, V});
  for (std::size_t n = 0; n < N; ++n) {
    const double* const z = logits.data() + n * V;
    double* const e = error.mutable_data() + n * V;
    const double largest = *std::max_element(z, z + V);
    double sum = 0;
    for (std::size_t v = 0; v < V; ++v) sum += e[v] = std::exp(z[v] - largest);
    for (std::size_t v = 0; v < V; ++v) e[v] /= sum;
    e[static_cast<std::size_t>(targets[n])] -= 1;
    for (std::size_t v = 0; v < V; ++v) e[v] /= static_cast<double>(count);
  }
  return error;
}

}  // namespace handwritten
