// A cell that the library does not have, for the examples that check it (02) and compare it with others (08).
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>

using namespace xgrad;

/// Update gate RNN, Collins et al. 2017 (arXiv:1611.09913).      x: (N, D)   h: (N, H)
///   g, c = the two parts of x Wx + h Wh + b,  h' = sigmoid(g + 1) h + (1 - sigmoid(g + 1)) tanh(c)
template <class T>
struct Ugrnn {
  Variable<T> Wx, Wh, b;

  Ugrnn(const Parameters<T>& p, std::size_t D, std::size_t H)
      : Wx(p.weight("Wx", {D, 2 * H})), Wh(p.weight("Wh", {H, 2 * H})), b(p.bias("b", {2 * H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto z = split(affine({x, Wx}, {h, Wh}, b), 2, 1);
    const auto g = sigmoid(z[0] + 1);
    return g * h + (1 - g) * tanh(z[1]);
  }
};
