// Rnn: the simple recurrent cell.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// h' = tanh(x Wx + h Wh + b), Elman 1990, "Finding structure in time".     x: (N, D)   h, h': (N, H)
/// Parameters "Wx" (D, H), "Wh" (H, H), uniform in +-1/sqrt(rows), and "b" (H,), zeros. Output and state are
/// both h'.
template <class T>
struct Rnn {
  Variable<T> Wx, Wh, b;

  Rnn(const Parameters<T>& p, std::size_t D, std::size_t H)
      : Wx(p.weight("Wx", {D, H})), Wh(p.weight("Wh", {H, H})), b(p.bias("b", {H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    return tanh(affine({x, Wx}, {h, Wh}, b));
  }
};

template <class T>
Rnn(Parameters<T>, std::size_t, std::size_t) -> Rnn<T>;

}  // namespace xgrad
