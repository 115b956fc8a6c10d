// Column network's gradients by hand; see handwritten.hpp.
#include <cmath>
#include <numeric>

#include <xgrad/models/column_rnn.hpp>

#include "models/handwritten.hpp"
#include "models/handwritten_products.hpp"

namespace handwritten {

namespace {

// Column t of an array whose last axis is time.     xs: (K, 1, T)   result: (K, 1)
Matrix last_axis_column(const Array<double>& xs, std::size_t t) {
  const std::size_t K = xs.shape()[0], T = xs.shape()[2];
  auto x = Matrix::uninitialized({K, 1});
  for (std::size_t k = 0; k < K; ++k) x.mutable_data()[k] = xs.data()[k * T + t];
  return x;
}

// Zeros with `x` as column t: the inverse.
Array<double> in_column(const Matrix& x, const xgrad::Shape& shape, std::size_t t) {
  auto xs = Array<double>::zeros(shape);
  for (std::size_t k = 0; k < x.size(); ++k) xs.mutable_data()[k * shape[2] + t] = x.data()[k];
  return xs;
}

// s_0 to s_T.
std::vector<Matrix> states(const Values& w) {
  std::vector<Matrix> s = {w.at("s0")};
  for (std::size_t t = 0; t < w.at("x").shape()[2]; ++t)
    s.push_back(
        map(product(w.at("U"), last_axis_column(w.at("x"), t)) + product(w.at("W"), s[t]) + w.at("ba"),
            [](double a) { return std::tanh(a); }));
  return s;
}

// The page's backward pass.     ds: (H, 1) for each step
Terms backward(const Values& w, const std::vector<Matrix>& s, const std::vector<Matrix>& ds) {
  const auto& x = w.at("x");
  const std::size_t T = ds.size();
  Terms terms;
  for (const char* path : {"U", "W", "ba", "x"}) terms[path].resize(T);
  Matrix carried = Matrix::zeros(w.at("s0").shape());  // W^T delta_{t+1}
  for (std::size_t t = T; t-- > 0;) {
    const Matrix delta = (1 - s[t + 1] * s[t + 1]) * (ds[t] + carried);
    terms["U"][t] = product(delta, transposed(last_axis_column(x, t)));
    terms["W"][t] = product(delta, transposed(s[t]));
    terms["ba"][t] = delta;
    terms["x"][t] = in_column(product(transposed(w.at("U")), delta), x.shape(), t);
    carried = product(transposed(w.at("W")), delta);
  }
  terms["s0"] = {carried};
  return terms;
}

}  // namespace

Terms column_rnn_terms(const Values& values) {
  const auto& all = values.at("ds");
  std::vector<Matrix> ds;
  for (std::size_t t = 0; t < all.shape()[2]; ++t) ds.push_back(last_axis_column(all, t));
  return backward(values, states(values), ds);
}

Terms column_rnn_cross_entropy_terms(const Values& values) {
  const auto s = states(values);
  const auto targets = xgrad::ColumnRnn<double>::targets();
  Terms output;
  std::vector<Matrix> ds;
  for (std::size_t t = 0; t + 1 < s.size(); ++t) {
    const auto e =
        map(product(values.at("V"), s[t + 1]) + values.at("by"), [](double z) { return std::exp(z); });
    const auto y = e / std::accumulate(e.begin(), e.end(), 0.0);
    const Matrix error = y - one_hot_column(2, static_cast<std::size_t>(targets[t]));
    output["V"].push_back(product(error, transposed(s[t + 1])));
    output["by"].push_back(error);
    ds.push_back(product(transposed(values.at("V")), error));
  }
  Terms terms = backward(values, s, ds);
  terms.merge(output);
  return terms;
}

}  // namespace handwritten
