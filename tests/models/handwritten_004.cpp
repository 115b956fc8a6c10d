// Network 004's gradient by hand, backpropagation through one window; see handwritten.hpp.
#include <algorithm>
#include <cmath>

#include "models/handwritten.hpp"
#include "models/handwritten_products.hpp"

namespace handwritten {

namespace {

// Rows of a table.     ids: (N,)   result: (N, D)
Matrix rows(const Matrix& table, const Ids& ids) {
  const std::size_t D = table.shape()[1];
  auto result = Matrix::uninitialized({ids.size(), D});
  for (std::size_t n = 0; n < ids.size(); ++n)
    std::copy_n(table.data() + static_cast<std::size_t>(ids[n]) * D, D, result.mutable_data() + n * D);
  return result;
}

// Its transpose: rows added to those of a table of V rows.
Matrix scattered(const Matrix& x, const Ids& ids, std::size_t V) {
  const std::size_t D = x.shape()[1];
  auto table = Matrix::zeros({V, D});
  for (std::size_t n = 0; n < ids.size(); ++n)
    for (std::size_t d = 0; d < D; ++d)
      table.mutable_data()[static_cast<std::size_t>(ids[n]) * D + d] += x.data()[n * D + d];
  return table;
}

// d mean cross entropy / d logits: (softmax(logits) - one-hot) / count.     logits: (N, V)   targets: (N,)
Matrix error_of(const Matrix& logits, const Ids& targets, std::size_t count) {
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

// Every row plus b; (N, M) and (M,).
Matrix plus_bias(const Matrix& x, const Array<double>& b) {
  auto y = x;
  for (std::size_t i = 0; i < x.size(); ++i) y.mutable_data()[i] += b.data()[i % b.size()];
  return y;
}

// The sum of the rows.     x: (N, M)   result: (M,)
Array<double> row_sum(const Matrix& x) {
  auto sum = Array<double>::zeros({x.shape()[1]});
  for (std::size_t i = 0; i < x.size(); ++i) sum.mutable_data()[i % sum.size()] += x.data()[i];
  return sum;
}

}  // namespace

Terms network004_terms(const Values& values, const Ids& inputs, const Ids& targets,
                       const Array<double>& state) {
  const auto &E = values.at("embed/W"), &Wx = values.at("cell/Wx"), &Wh = values.at("cell/Wh"),
             &A = values.at("affine/W");
  const std::size_t T = inputs.shape()[0];

  std::vector<Matrix> e, h = {state};  // h[t + 1] is the state after step t
  for (std::size_t t = 0; t < T; ++t) {
    e.push_back(rows(E, inputs.row(t)));
    h.push_back(map(plus_bias(product(h[t], Wh) + product(e[t], Wx), values.at("cell/b")),
                    [](double a) { return std::tanh(a); }));
  }

  Terms terms;
  for (const char* path : {"embed/W", "cell/Wx", "cell/Wh", "cell/b", "affine/W", "affine/b"})
    terms[path].resize(T);
  Matrix carried = Matrix::zeros(state.shape());  // delta_{t+1} Wh^T
  for (std::size_t t = T; t-- > 0;) {
    const auto logits = plus_bias(product(h[t + 1], A), values.at("affine/b"));
    const auto error = error_of(logits, targets.row(t), targets.size());
    terms["affine/W"][t] = product(transposed(h[t + 1]), error);
    terms["affine/b"][t] = row_sum(error);

    const Matrix delta = (1 - h[t + 1] * h[t + 1]) * (product(error, transposed(A)) + carried);
    terms["cell/Wx"][t] = product(transposed(e[t]), delta);
    terms["cell/Wh"][t] = product(transposed(h[t]), delta);
    terms["cell/b"][t] = row_sum(delta);
    terms["embed/W"][t] = scattered(product(delta, transposed(Wx)), inputs.row(t), E.shape()[0]);
    carried = product(delta, transposed(Wh));
  }
  return terms;
}

}  // namespace handwritten
