// Ones counter's gradient by hand; see handwritten.hpp.
#include <xgrad/models/ones_counter.hpp>

#include "models/handwritten.hpp"

namespace handwritten {

namespace {

constexpr std::size_t N = 100, K = 10;

double at(const Array<double>& matrix, std::size_t i, std::size_t k) {
  return matrix.data()[i * matrix.shape()[1] + k];
}

// (N, K + 1)
Array<double> states(const Values& values, const Array<double>& X) {
  const double wx = values.at("wx").item(), wRec = values.at("wRec").item();
  auto S = Array<double>::zeros({N, K + 1});
  double* const s = S.mutable_data();
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t k = 1; k <= K; ++k)
      s[i * (K + 1) + k] = wx * at(X, i, k - 1) + wRec * s[i * (K + 1) + k - 1];
  return S;
}

}  // namespace

Array<double> ones_counter_state_gradients(const Values& values) {
  const auto X = xgrad::OnesCounter<double>::sequences().value();
  const auto t = xgrad::OnesCounter<double>::targets().value();
  const auto S = states(values, X);
  const double wRec = values.at("wRec").item();
  auto G = Array<double>::zeros({N, K + 1});
  double* const g = G.mutable_data();
  for (std::size_t i = 0; i < N; ++i) {
    g[i * (K + 1) + K] = 2 * (at(S, i, K) - t.data()[i]);
    for (std::size_t k = K; k > 0; --k) g[i * (K + 1) + k - 1] = wRec * g[i * (K + 1) + k];
  }
  return G;
}

Terms ones_counter_terms(const Values& values) {
  const auto X = xgrad::OnesCounter<double>::sequences().value();
  const auto S = states(values, X), G = ones_counter_state_gradients(values);
  Terms terms;
  for (std::size_t k = 1; k <= K; ++k) {
    double wx = 0, wRec = 0;
    for (std::size_t i = 0; i < N; ++i) {
      wx += at(G, i, k) * at(X, i, k - 1) / N;
      wRec += at(G, i, k) * at(S, i, k - 1) / N;
    }
    terms["wx"].push_back(Array<double>(wx));
    terms["wRec"].push_back(Array<double>(wRec));
  }
  return terms;
}

}  // namespace handwritten
