// Mgu: the minimal gated unit.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// The minimal gated unit, a GRU whose one gate forgets, resets and updates, Zhou et al. 2016
/// (arXiv:1603.09420):
///   f = sigmoid(x Wx_f + b_f + h Uf),  h' = (1 - f) h + f tanh(x Wx_g + b_g + (f h) Ug)
///     x: (N, D)   h, h': (N, H)
/// Parameters "Wx" (D, 2H) in the order f, g, "Uf", "Ug" (H, H), uniform in +-1/sqrt(rows), and "b" (2H,),
/// zeros, or see CellOptions. Output and state are both h'.
template <class T>
struct Mgu {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 2H), in the order f, g
      Uf,          ///< (H, H), for h
      Ug,          ///< (H, H), for f h
      b;           ///< (2H,), in the order f, g

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  Mgu(const Parameters<T>& p, std::size_t D, std::size_t hidden, const CellOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 2, options.Wx)),
        Uf(detail::weight(p, "Uf", {H, H}, options.Wh)),
        Ug(detail::weight(p, "Ug", {H, H}, options.Wh)),
        b(detail::bias(p, "b", 2 * H, options.b)) {}

  /// One step; returns h'. Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto from_x = split(affine({x, Wx}, b), 2, 1);
    const auto f = sigmoid(from_x[0] + matmul(h, Uf));
    return (1 - f) * h + f * tanh(from_x[1] + matmul(f * h, Ug));
  }
};

/// T is that of the parameters.
template <class T>
Mgu(Parameters<T>, std::size_t, std::size_t) -> Mgu<T>;
/// T is that of the parameters.
template <class T>
Mgu(Parameters<T>, std::size_t, std::size_t, CellOptions) -> Mgu<T>;

}  // namespace xgrad
