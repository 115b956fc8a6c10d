// The gated cells with layer normalization, Ba et al. 2016 (arXiv:1607.06450, supplementary equations 20-25):
// each product is normalized over its units before the sum, with a gain of its own, and the LSTM's memory is
// too, with a gain and a bias. LN(x; gain) stands for layer_norm without bias: one bias b serves both
// products.
#pragma once

#include <xgrad/layers/lstm.hpp>

namespace xgrad {

/// Options of LayerNormLstm.
struct LayerNormLstmOptions {
  double forget_bias = 1;  ///< see LstmOptions
  double epsilon = 1e-5;   ///< added to the variances
  Initializer Wx{},        ///< see LstmOptions
      Wh{},                ///< see LstmOptions
      b{},                 ///< see LstmOptions
      gain{},              ///< of every gain
      bias_c{};            ///< of the memory's bias
};

/// The LSTM with layer normalization:
///   i, f, g, o = the four parts of LN(x Wx; gain_x) + LN(h Wh; gain_h) + b
///   c' = sigmoid(f) c + sigmoid(i) tanh(g),  h' = sigmoid(o) tanh(LN(c'; gain_c) + bias_c)
///     x: (N, D)   h, c: (N, H)   output: h'
/// Parameters those of Lstm; gains "gain_x", "gain_h" (4H,), "gain_c" (H,), ones; "bias_c" (H,), zeros;
/// or see LayerNormLstmOptions.
template <class T>
struct LayerNormLstm {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 4H), in the order i, f, g, o
      Wh,          ///< (H, 4H), in the order i, f, g, o
      b,           ///< (4H,), in the order i, f, g, o
      gain_x,      ///< (4H,), of x Wx
      gain_h,      ///< (4H,), of h Wh
      gain_c,      ///< (H,), of the memory
      bias_c,      ///< (H,), of the memory
      no_bias;     ///< (4H,), zeros, not a parameter
  double epsilon;  ///< added to the variances

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  LayerNormLstm(const Parameters<T>& p, std::size_t D, std::size_t hidden,
                const LayerNormLstmOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 4, options.Wx)),
        Wh(detail::gates(p, "Wh", H, H, 4, options.Wh)),
        b(lstm_bias(p, H, options.forget_bias, options.b)),
        gain_x(detail::weight(p, "gain_x", {4 * H}, options.gain, constant(1))),
        gain_h(detail::weight(p, "gain_h", {4 * H}, options.gain, constant(1))),
        gain_c(detail::weight(p, "gain_c", {H}, options.gain, constant(1))),
        bias_c(detail::bias(p, "bias_c", H, options.bias_c)),
        no_bias(Array<T>::zeros({4 * H})),
        epsilon(options.epsilon) {}

  /// One step; returns h' and the state (h', c'). Throws Error if the shapes do not fit.
  auto operator()(const Variable<T>& x, const LstmState<T>& s) const {
    const auto from_x = layer_norm(matmul(x, Wx), gain_x, b, epsilon);
    const auto from_h = layer_norm(matmul(s.h, Wh), gain_h, no_bias, epsilon);
    const auto gates = split(from_x + from_h, 4, 1);
    const auto i = sigmoid(gates[0]), f = sigmoid(gates[1]), g = tanh(gates[2]), o = sigmoid(gates[3]);
    const auto c = f * s.c + i * g;
    const auto h = o * tanh(layer_norm(c, gain_c, bias_c, epsilon));
    return Step{h, LstmState{h, c}};
  }
  /// The initial state for a batch of N: zeros.
  LstmState<T> zero(std::size_t N) const { return lstm_zero<T>(N, H); }
};

/// T is that of the parameters.
template <class T>
LayerNormLstm(Parameters<T>, std::size_t, std::size_t) -> LayerNormLstm<T>;
/// T is that of the parameters.
template <class T>
LayerNormLstm(Parameters<T>, std::size_t, std::size_t, LayerNormLstmOptions) -> LayerNormLstm<T>;

/// Options of LayerNormGru.
struct LayerNormGruOptions {
  double epsilon = 1e-5;  ///< added to the variances
  Initializer Wx{},       ///< see CellOptions
      Wh{},               ///< see CellOptions
      b{},                ///< see CellOptions
      gain{};             ///< of every gain
};

/// The GRU with layer normalization; z keeps the old state, as in Gru, where the paper's lets in the new:
///   r, z = sigmoid of the two parts of LN(x Wx; gain_x) + LN(h Wh; gain_h) + b
///   n = tanh(LN(x Vn; gain_vn) + bn + r LN(h Un; gain_un)),  h' = (1 - z) n + z h
///     x: (N, D)   h, h': (N, H)
/// Parameters "Wx" (D, 2H), "Wh" (H, 2H), "Vn" (D, H), "Un" (H, H), uniform in +-1/sqrt(rows); "b" (2H,),
/// "bn" (H,), zeros; gains "gain_x", "gain_h" (2H,), "gain_vn", "gain_un" (H,), ones; or see
/// LayerNormGruOptions. Output and state are both h'.
template <class T>
struct LayerNormGru {
  std::size_t H;   ///< the width of h
  Variable<T> Wx,  ///< (D, 2H), in the order r, z
      Wh,          ///< (H, 2H), in the order r, z
      Vn,          ///< (D, H), for x in n
      Un,          ///< (H, H), for h in n
      b,           ///< (2H,), in the order r, z
      bn,          ///< (H,), of n
      gain_x,      ///< (2H,), of x Wx
      gain_h,      ///< (2H,), of h Wh
      gain_vn,     ///< (H,), of x Vn
      gain_un,     ///< (H,), of h Un
      no_bias,     ///< (2H,), zeros, not a parameter
      no_bias_n;   ///< (H,), zeros, not a parameter
  double epsilon;  ///< added to the variances

  /// Declares the parameters in the scope of `p`, for inputs of width D and a state of width `hidden`.
  LayerNormGru(const Parameters<T>& p, std::size_t D, std::size_t hidden,
               const LayerNormGruOptions& options = {})
      : H(hidden),
        Wx(detail::gates(p, "Wx", D, H, 2, options.Wx)),
        Wh(detail::gates(p, "Wh", H, H, 2, options.Wh)),
        Vn(detail::weight(p, "Vn", {D, H}, options.Wx)),
        Un(detail::weight(p, "Un", {H, H}, options.Wh)),
        b(detail::bias(p, "b", 2 * H, options.b)),
        bn(detail::bias(p, "bn", H, options.b)),
        gain_x(detail::weight(p, "gain_x", {2 * H}, options.gain, constant(1))),
        gain_h(detail::weight(p, "gain_h", {2 * H}, options.gain, constant(1))),
        gain_vn(detail::weight(p, "gain_vn", {H}, options.gain, constant(1))),
        gain_un(detail::weight(p, "gain_un", {H}, options.gain, constant(1))),
        no_bias(Array<T>::zeros({2 * H})),
        no_bias_n(Array<T>::zeros({H})),
        epsilon(options.epsilon) {}

  /// One step; returns h'. Throws Error if the shapes do not fit.
  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto from_x = layer_norm(matmul(x, Wx), gain_x, b, epsilon);
    const auto from_h = layer_norm(matmul(h, Wh), gain_h, no_bias, epsilon);
    const auto gates = split(sigmoid(from_x + from_h), 2, 1);
    const auto& r = gates[0];
    const auto& z = gates[1];
    const auto n = tanh(layer_norm(matmul(x, Vn), gain_vn, bn, epsilon) +
                        r * layer_norm(matmul(h, Un), gain_un, no_bias_n, epsilon));
    return (1 - z) * n + z * h;
  }
};

/// T is that of the parameters.
template <class T>
LayerNormGru(Parameters<T>, std::size_t, std::size_t) -> LayerNormGru<T>;
/// T is that of the parameters.
template <class T>
LayerNormGru(Parameters<T>, std::size_t, std::size_t, LayerNormGruOptions) -> LayerNormGru<T>;

}  // namespace xgrad
