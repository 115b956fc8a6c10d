// Cells as a user of the library writes them, for the comparison with those that come with it.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/cell.hpp>

namespace user {

using xgrad::Parameters;
using xgrad::Variable;

/// The LSTM of Hochreiter & Schmidhuber 1997 with forget gates.     x: (N, D)   h, c: (N, H)
template <class T>
struct Lstm {
  struct State {
    Variable<T> h, c;
  };
  std::size_t H;
  Variable<T> Wx, Wh, b;

  Lstm(const Parameters<T>& p, std::size_t D, std::size_t hidden)
      : H(hidden), Wx(p.weight("Wx", {D, 4 * H})), Wh(p.weight("Wh", {H, 4 * H})), b(p.bias("b", {4 * H})) {}

  auto operator()(const Variable<T>& x, const State& s) const {
    const auto gates = split(matmul(x, Wx) + matmul(s.h, Wh) + b, 4, 1);
    const auto c = sigmoid(gates[1]) * s.c + sigmoid(gates[0]) * tanh(gates[2]);
    const auto h = sigmoid(gates[3]) * tanh(c);
    return xgrad::Step{h, State{h, c}};
  }
  State zero(std::size_t N) const { return {xgrad::Array<T>::zeros({N, H}), xgrad::Array<T>::zeros({N, H})}; }
};

/// The minimal gated unit, Zhou et al. 2016 (arXiv:1603.09420).     x: (N, D)   h: (N, H)
template <class T>
struct Mgu {
  Variable<T> Wf, Wg, Uf, Ug, bf, bg;

  Mgu(const Parameters<T>& p, std::size_t D, std::size_t H)
      : Wf(p.weight("Wf", {D, H})),
        Wg(p.weight("Wg", {D, H})),
        Uf(p.weight("Uf", {H, H})),
        Ug(p.weight("Ug", {H, H})),
        bf(p.bias("bf", {H})),
        bg(p.bias("bg", {H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto f = sigmoid(affine({x, Wf}, {h, Uf}, bf));
    return (1 - f) * h + f * tanh(affine({x, Wg}, {f * h, Ug}, bg));
  }
};

/// A GRU with layer normalization before each nonlinearity, Ba et al. 2016 (arXiv:1607.06450).   x: (N, D)
///     h: (N, H)
template <class T>
struct LayerNormGru {
  std::size_t H;
  Variable<T> Wx, Wh, gain_x, gain_h, b, no_bias;

  LayerNormGru(const Parameters<T>& p, std::size_t D, std::size_t hidden)
      : H(hidden),
        Wx(p.weight("Wx", {D, 3 * H})),
        Wh(p.weight("Wh", {H, 3 * H})),
        gain_x(p.weight("gain_x", {3 * H}, xgrad::constant(1))),
        gain_h(p.weight("gain_h", {3 * H}, xgrad::constant(1))),
        b(p.bias("b", {3 * H})),
        no_bias(xgrad::Array<T>::zeros({3 * H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto from_x = split(layer_norm(matmul(x, Wx), gain_x, b), 3, 1),
               from_h = split(layer_norm(matmul(h, Wh), gain_h, no_bias), 3, 1);
    const auto r = sigmoid(from_x[0] + from_h[0]), z = sigmoid(from_x[1] + from_h[1]);
    const auto n = tanh(from_x[2] + r * from_h[2]);
    return (1 - z) * n + z * h;
  }
};

}  // namespace user
