// Rnn: the simple recurrent cell.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// What Rnn applies to x Wx + h Wh + b.
enum class Nonlinearity { tanh, relu };

/// Options of Rnn.
struct RnnOptions {
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< applied to x Wx + h Wh + b
  Initializer Wx{},                                ///< see CellOptions
      Wh{},                                        ///< see CellOptions
      b{};                                         ///< see CellOptions
};

/// h' = tanh(x Wx + h Wh + b), Elman 1990, "Finding structure in time"; or with relu instead of tanh, for
/// which Le et al. 2015 (arXiv:1504.00941) start Wh at the identity, {.Wh = identity()}.
///     x: (N, D)   h, h': (N, H)
/// Parameters "Wx" (D, H), "Wh" (H, H), uniform in +-1/sqrt(rows), and "b" (H,), zeros, or see RnnOptions.
/// Output and state are both h'.
template <class T>
struct Rnn {
  Variable<T> Wx,             ///< (D, H)
      Wh,                     ///< (H, H)
      b;                      ///< (H,)
  Nonlinearity nonlinearity;  ///< tanh or relu

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width H.
  Rnn(const Parameters<T>& p, std::size_t D, std::size_t H, const RnnOptions& options = {})
      : Wx(detail::weight(p, "Wx", {D, H}, options.Wx)),
        Wh(detail::weight(p, "Wh", {H, H}, options.Wh)),
        b(detail::bias(p, "b", H, options.b)),
        nonlinearity(options.nonlinearity) {}

  /// One step; returns h'. Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto a = affine({x, Wx}, {h, Wh}, b);
    return nonlinearity == Nonlinearity::relu ? relu(a) : tanh(a);
  }
};

/// T is that of the parameters.
template <class T>
Rnn(Parameters<T>, std::size_t, std::size_t) -> Rnn<T>;
/// T is that of the parameters.
template <class T>
Rnn(Parameters<T>, std::size_t, std::size_t, RnnOptions) -> Rnn<T>;

}  // namespace xgrad
