// Word model's gradient by hand, backpropagation through one window; see handwritten.hpp.
#include "models/handwritten.hpp"
#include "models/handwritten_batches.hpp"

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

}  // namespace

Terms word_model_terms(const Values& values, const Ids& inputs, const Ids& targets,
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
    const auto error = cross_entropy_error(logits, targets.row(t), targets.size());
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
