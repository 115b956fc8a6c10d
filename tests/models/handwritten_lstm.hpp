// An LSTM whose backward pass is written by hand, right or with one of the mistakes that people make:
// material for whatever checks gradients. The forward pass is xgrad's; the backward pass shares nothing with
// the tape.
#pragma once

#include <vector>

#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/unroll.hpp>

#include "models/handwritten.hpp"

namespace handwritten {

/// One mistake each, and what a good auditor should say of it. None betrays itself by a shape.
enum class Mistake {
  none,
  forget_gate_sign,    ///< sign: the forget gate's columns of every term have the opposite sign
  cell_slope_missing,  ///< missing factor: the slope 1 - tanh(c)^2 between h and c is left out
  cell_carry_dropped,  ///< missing term: dc of step t+1, through the forget gate, never reaches step t
  recurrent_path_dropped,  ///< missing term: da of step t+1, through Wh^T, never reaches h_t (nor h0)
  candidate_activated_twice,  ///< wrong slope: 1 - tanh(g)^2 of an activated g, instead of 1 - g^2
  output_slope_missing,  ///< missing factor: the output gate's columns lack the sigmoid's slope o (1 - o)
  bias_doubled,          ///< factor 2: b alone, as if it were added twice
  sum_for_mean,          ///< factor T N in everything: the gradient of the summed loss, not of the mean
  last_loss_only,  ///< missing terms: only the last step's loss goes back; Wy and by have its term alone
  gates_swapped,   ///< permuted: the columns of the gates i and f have changed places
  current_cell,    ///< one step off: the forget gate's gradient takes c_t instead of c_{t-1}
  current_hidden,  ///< one step off: dWh takes h_t instead of h_{t-1}; all others are right
  output_error_overwritten,  ///< overwritten: the carried dh replaces the step's own output error
  last_term_repeated,     ///< repeated: dWx, dWh and db are T times the last step's term
  carry_without_forget,   ///< missing factor: dc is carried to c_{t-1} without the forget gate
  previous_input,         ///< one step off: dWx takes x_{t-1} instead of x_t; all others are right
  input_gate_tanh_slope,  ///< wrong slope: the input gate's is that of tanh, 1 - i^2, instead of i (1 - i)
  batch_mean,  ///< factor 1/N: dWx alone is averaged over a batch whose mean the loss has taken already
  output_gate_missing  ///< missing factor: o is left out between h and c
};

struct LstmSizes {
  std::size_t T, N, D, H, M;
};

/// The mean cross entropy over all steps and rows of an Lstm and an affine output layer. Parameters "Wx",
/// "Wh", "b", "Wy"
/// (H, M), "by" (M,); inputs "xs" (T, N, D), "h0" and "c0" (N, H).     targets: (T, N)
template <class T>
xgrad::Variable<T> lstm_loss(const xgrad::Parameters<T>& p, const LstmSizes& size, const Ids& targets) {
  const xgrad::Lstm<T> cell(p, size.D, size.H);
  const auto Wy = p.weight("Wy", {size.H, size.M}), by = p.weight("by", {size.M});
  const auto xs = p.input("xs", {size.T, size.N, size.D});
  const xgrad::LstmState<T> start{p.input("h0", {size.N, size.H}), p.input("c0", {size.N, size.H})};
  return softmax_cross_entropy(affine({unroll(cell, xs, start).ys, Wy}, by), targets);
}

/// Its gradient by hand.     values: all parameters and inputs   of: the same; h0 and c0 have one term
Terms lstm_terms(const Values& values, const Ids& targets, Mistake mistake = Mistake::none);
inline Values lstm_gradient(const Values& values, const Ids& targets, Mistake mistake = Mistake::none) {
  return total(lstm_terms(values, targets, mistake));
}

}  // namespace handwritten
