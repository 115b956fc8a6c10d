// Gru: the gated recurrent unit in its two forms, which differ in whether the reset gate acts after the
// recurrent product or before it.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// The gated recurrent unit that resets after the product, as in cuDNN and PyTorch (first version of Cho et
/// al. 2014, arXiv:1406.1078):
///   r, z = sigmoid of the first two parts of x Wx + h Wh + b
///   n = tanh(x Wx_n + b_n + r (h Wh_n + bh)),  h' = (1 - z) n + z h
///     x: (N, D)   h, h': (N, H)
/// Parameters "Wx" (D, 3H), "Wh" (H, 3H), uniform in +-1/sqrt(rows), in the order r, z, n, which is
/// PyTorch's; "b" (3H,) and "bh" (H,), zeros, or see CellOptions. Output and state are both h'.
template <class T>
struct Gru {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 3H), in the order r, z, n
      Wh,          ///< (H, 3H), in the order r, z, n
      b,           ///< (3H,), in the order r, z, n
      bh;          ///< (H,), the bias of h Wh_n, which is reset with it

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  Gru(const Parameters<T>& p, std::size_t D, std::size_t hidden, const CellOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 3, options.Wx)),
        Wh(detail::gates(p, "Wh", H, H, 3, options.Wh)),
        b(detail::bias(p, "b", 3 * H, options.b)),
        bh(detail::bias(p, "bh", H, options.b)) {}

  /// One step; returns h'. Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto from_x = split(affine({x, Wx}, b), 3, 1), from_h = split(matmul(h, Wh), 3, 1);
    const auto r = sigmoid(from_x[0] + from_h[0]), z = sigmoid(from_x[1] + from_h[1]);
    const auto n = tanh(from_x[2] + r * (from_h[2] + bh));
    return (1 - z) * n + z * h;
  }
};

/// T is that of the parameters.
template <class T>
Gru(Parameters<T>, std::size_t, std::size_t) -> Gru<T>;
/// T is that of the parameters.
template <class T>
Gru(Parameters<T>, std::size_t, std::size_t, CellOptions) -> Gru<T>;

/// The gated recurrent unit that resets before the product (Cho et al. 2014, arXiv:1406.1078v3; Chung et al.
/// 2014, arXiv:1412.3555):
///   r, z = sigmoid of the first two parts of x Wx + b, plus h Wh
///   n = tanh(x Wx_n + b_n + (r h) Un),  h' = (1 - z) n + z h
///     x: (N, D)   h, h': (N, H)
/// Parameters "Wx" (D, 3H), "Wh" (H, 2H), "Un" (H, H), uniform in +-1/sqrt(rows), and "b" (3H,), zeros,
/// or see CellOptions. Output and state are both h'.
template <class T>
struct ResetBeforeGru {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 3H), in the order r, z, n
      Wh,          ///< (H, 2H), in the order r, z
      Un,          ///< (H, H), for r h
      b;           ///< (3H,), in the order r, z, n

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  ResetBeforeGru(const Parameters<T>& p, std::size_t D, std::size_t hidden, const CellOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 3, options.Wx)),
        Wh(detail::gates(p, "Wh", H, H, 2, options.Wh)),
        Un(detail::weight(p, "Un", {H, H}, options.Wh)),
        b(detail::bias(p, "b", 3 * H, options.b)) {}

  /// One step; returns h'. Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto from_x = split(affine({x, Wx}, b), 3, 1), from_h = split(matmul(h, Wh), 2, 1);
    const auto r = sigmoid(from_x[0] + from_h[0]), z = sigmoid(from_x[1] + from_h[1]);
    const auto n = tanh(from_x[2] + matmul(r * h, Un));
    return (1 - z) * n + z * h;
  }
};

/// T is that of the parameters.
template <class T>
ResetBeforeGru(Parameters<T>, std::size_t, std::size_t) -> ResetBeforeGru<T>;
/// T is that of the parameters.
template <class T>
ResetBeforeGru(Parameters<T>, std::size_t, std::size_t, CellOptions) -> ResetBeforeGru<T>;

}  // namespace xgrad
