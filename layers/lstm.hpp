// Lstm: long short-term memory, plain and with peepholes. Its state is that of every LSTM here: LstmState.
#pragma once

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/cell.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// The state of an LSTM.
template <class T>
struct LstmState {
  Variable<T> h;  ///< the output of the last step, (N, H)
  Variable<T> c;  ///< the memory, (N, H)
};
/// T is that of the variables.
template <class T>
LstmState(Variable<T>, Variable<T>) -> LstmState<T>;

/// Zeros, for a batch of N.
template <class T>
LstmState<T> lstm_zero(std::size_t N, std::size_t H) {
  return {Array<T>::zeros({N, H}), Array<T>::zeros({N, H})};
}

/// Options of Lstm.
struct LstmOptions {
  /// What the forget gate's bias starts from: at 1 a new cell remembers (Gers et al. 2000; Jozefowicz et al.
  /// 2015).
  double forget_bias = 1;
  Initializer Wx{},  ///< see CellOptions
      Wh{};          ///< see CellOptions
  Initializer b{};   ///< of all four gates' biases, (4H,); forget_bias is not read then
};

/// The bias of four gates (4H,), drawn by `given` or, if that is empty, zeros but for that of the second, the
/// forget gate.
template <class T>
Variable<T> lstm_bias(const Parameters<T>& p, std::size_t H, double forget_bias,
                      const Initializer& given = {}) {
  return detail::weight(p, "b", {4 * H}, given, [=](Random&, std::span<double> b) {
    for (std::size_t k = 0; k < b.size(); ++k) b[k] = k >= H && k < 2 * H ? forget_bias : 0;
  });
}

/// Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000:
///   i, f, g, o = the four parts of x Wx + h Wh + b, in this order, which is PyTorch's
///   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(c')
///     x: (N, D)   h, c: (N, H)   output: h'
/// Parameters "Wx" (D, 4H), "Wh" (H, 4H), uniform in +-1/sqrt(rows), and "b" (4H,), see LstmOptions.
template <class T>
struct Lstm {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 4H), in the order i, f, g, o
      Wh,          ///< (H, 4H), in the order i, f, g, o
      b;           ///< (4H,), in the order i, f, g, o

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  Lstm(const Parameters<T>& p, std::size_t D, std::size_t hidden, const LstmOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 4, options.Wx)),
        Wh(detail::gates(p, "Wh", H, H, 4, options.Wh)),
        b(lstm_bias(p, H, options.forget_bias, options.b)) {}

  /// One step; returns h' and the state (h', c'). Throws Error if the shapes do not fit.
  auto operator()(const Variable<T>& x, const LstmState<T>& s) const {
    const auto gates = split(affine({x, Wx}, {s.h, Wh}, b), 4, 1);
    const auto i = sigmoid(gates[0]), f = sigmoid(gates[1]), g = tanh(gates[2]), o = sigmoid(gates[3]);
    const auto c = f * s.c + i * g;
    const auto h = o * tanh(c);
    return Step{h, LstmState{h, c}};
  }
  /// The initial state for a batch of N: zeros.
  LstmState<T> zero(std::size_t N) const { return lstm_zero<T>(N, H); }
};

/// T is that of the parameters.
template <class T>
Lstm(Parameters<T>, std::size_t, std::size_t) -> Lstm<T>;
/// T is that of the parameters.
template <class T>
Lstm(Parameters<T>, std::size_t, std::size_t, LstmOptions) -> Lstm<T>;

/// Options of PeepholeLstm.
struct PeepholeLstmOptions {
  double forget_bias = 1;  ///< see LstmOptions
  Initializer Wx{},        ///< see LstmOptions
      Wh{},                ///< see LstmOptions
      b{},                 ///< see LstmOptions
      peepholes{};         ///< of pi, pf and po, each (H,)
};

/// The LSTM whose gates see the memory, Gers & Schmidhuber 2000 in the form of Graves 2013 (arXiv:1308.0850,
/// eq. 7-11):
///   i, f, g, o = the four parts of x Wx + h Wh + b
///   c' = sigmoid(f + pf c) c + sigmoid(i + pi c) tanh(g),  h' = sigmoid(o + po c') tanh(c')
/// Parameters those of Lstm, and the peepholes "pi", "pf", "po" (H,), uniform in +-1/sqrt(H), or see
/// PeepholeLstmOptions.
template <class T>
struct PeepholeLstm {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 4H), in the order i, f, g, o
      Wh,          ///< (H, 4H), in the order i, f, g, o
      b,           ///< (4H,), in the order i, f, g, o
      pi,          ///< (H,), from the old memory to the input gate
      pf,          ///< (H,), from the old memory to the forget gate
      po;          ///< (H,), from the new memory to the output gate

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  PeepholeLstm(const Parameters<T>& p, std::size_t D, std::size_t hidden,
               const PeepholeLstmOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 4, options.Wx)),
        Wh(detail::gates(p, "Wh", H, H, 4, options.Wh)),
        b(lstm_bias(p, H, options.forget_bias, options.b)),
        pi(detail::weight(p, "pi", {H}, options.peepholes)),
        pf(detail::weight(p, "pf", {H}, options.peepholes)),
        po(detail::weight(p, "po", {H}, options.peepholes)) {}

  /// One step; returns h' and the state (h', c'). Throws Error if the shapes do not fit.
  auto operator()(const Variable<T>& x, const LstmState<T>& s) const {
    const auto gates = split(affine({x, Wx}, {s.h, Wh}, b), 4, 1);
    const auto i = sigmoid(gates[0] + pi * s.c), f = sigmoid(gates[1] + pf * s.c);
    const auto c = f * s.c + i * tanh(gates[2]);
    const auto h = sigmoid(gates[3] + po * c) * tanh(c);
    return Step{h, LstmState{h, c}};
  }
  /// The initial state for a batch of N: zeros.
  LstmState<T> zero(std::size_t N) const { return lstm_zero<T>(N, H); }
};

/// T is that of the parameters.
template <class T>
PeepholeLstm(Parameters<T>, std::size_t, std::size_t) -> PeepholeLstm<T>;
/// T is that of the parameters.
template <class T>
PeepholeLstm(Parameters<T>, std::size_t, std::size_t, PeepholeLstmOptions) -> PeepholeLstm<T>;

}  // namespace xgrad
