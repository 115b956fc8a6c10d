// Sigmoid-output network's gradient by hand; see handwritten.hpp.
#include <cmath>

#include "models/handwritten.hpp"
#include "models/handwritten_products.hpp"

namespace handwritten {

namespace {

// A bias as a column, or zeros where the network has none.
Matrix bias(const Values& values, const char* path, std::size_t n) {
  const auto found = values.find(path);
  return found == values.end() ? Matrix::zeros({n, 1}) : found->second.reshaped({n, 1});
}

}  // namespace

Terms sigmoid_outputs_terms(const Values& values, int repaired, Meant meant) {
  const auto &U = values.at("U"), &W = values.at("W"), &V = values.at("V");
  const auto &inputs = values.at("inputs"), &targets = values.at("targets");
  const std::size_t T = inputs.shape()[0], H = U.shape()[0], M = V.shape()[0];
  const Matrix b = bias(values, "b", H), c = bias(values, "c", M);

  std::vector<Matrix> s = {Matrix::zeros({H, 1})}, o;  // s[t + 1] is the state after step t
  for (std::size_t t = 0; t < T; ++t) {
    s.push_back(
        map(product(U, column(inputs, t)) + product(W, s[t]) + b, [](double a) { return std::tanh(a); }));
    o.push_back(map(product(V, s[t + 1]) + c, [](double z) { return 1 / (1 + std::exp(-z)); }));
  }

  Terms terms;
  for (const char* path : {"U", "W", "V"}) terms[path].resize(T);
  if (values.count("b") != 0)
    for (const char* path : {"b", "c"}) terms[path].resize(T);
  Matrix carried = Matrix::zeros({H, 1});  // W^T delta_{t+1}
  for (std::size_t t = T; t-- > 0;) {
    Matrix error = o[t] - column(targets, t);
    if (repaired >= 1 && meant == Meant::squared_loss) error = error * o[t] * (1 - o[t]);
    const Matrix tanh_s = map(s[t + 1], [](double x) { return std::tanh(x); });
    const Matrix slope = repaired >= 2 ? 1 - s[t + 1] * s[t + 1] : 1 - tanh_s * tanh_s;
    Matrix ds = product(transposed(V), error);
    if (repaired >= 3) ds = ds + carried;
    const Matrix delta = slope * ds;
    carried = product(transposed(W), delta);

    terms["V"][t] = product(error, transposed(s[t + 1]));
    terms["U"][t] = product(delta, transposed(column(inputs, t)));
    terms["W"][t] = product(delta, transposed(s[t]));
    if (values.count("b") != 0) {
      terms["b"][t] = delta.reshaped({H});
      terms["c"][t] = error.reshaped({M});
    }
  }
  return terms;
}

}  // namespace handwritten
