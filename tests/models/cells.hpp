// Cells as a user of the library would write them, forward only: an LSTM, whose state is a struct of two
// parts, and the minimal gated unit, whose state is its output.
#pragma once

#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/cell.hpp>

namespace cells {

template <class T>
struct LstmState {
  xgrad::Variable<T> h, c;
};

/// Long short-term memory, Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
/// x: (N, D)   h, c: (N, H)
template <class T>
struct Lstm {
  std::size_t H;
  xgrad::Affine<T> x_gates;
  xgrad::Variable<T> Wh;

  Lstm(const xgrad::Parameters<T>& p, std::size_t D, std::size_t hidden)
      : H(hidden), x_gates(p / "x", D, 4 * hidden), Wh(p.weight("Wh", {hidden, 4 * hidden})) {}

  auto operator()(const xgrad::Variable<T>& x, const LstmState<T>& s) const {
    const auto gates = x_gates(x) + matmul(s.h, Wh);
    const auto gate = [&](std::ptrdiff_t k) {
      const auto n = static_cast<std::ptrdiff_t>(H);
      return slice(gates, k * n, (k + 1) * n, 1);
    };
    const auto c = sigmoid(gate(0) + 1) * s.c + sigmoid(gate(1)) * tanh(gate(2));
    const auto h = sigmoid(gate(3)) * tanh(c);
    return xgrad::Step{h, LstmState<T>{h, c}};
  }
  LstmState<T> zero(std::size_t N) const {
    const xgrad::Variable<T> zeros = xgrad::Array<T>::zeros({N, H});
    return {zeros, zeros};
  }
};

/// Minimal gated unit, Zhou et al. 2016 (arXiv:1603.09420).   x: (N, D)   h: (N, H)
template <class T>
struct Mgu {
  xgrad::Affine<T> xf, xg;
  xgrad::Variable<T> Uf, Ug;

  Mgu(const xgrad::Parameters<T>& p, std::size_t D, std::size_t H)
      : xf(p / "f", D, H), xg(p / "g", D, H), Uf(p.weight("Uf", {H, H})), Ug(p.weight("Ug", {H, H})) {}

  xgrad::Variable<T> operator()(const xgrad::Variable<T>& x, const xgrad::Variable<T>& h) const {
    auto f = sigmoid(xf(x) + matmul(h, Uf));
    return (1 - f) * h + f * tanh(xg(x) + matmul(f * h, Ug));
  }
};

}  // namespace cells
