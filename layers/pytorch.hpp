// Weights of PyTorch's recurrent modules for the cells here.
#pragma once

#include <map>
#include <string>

#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// Gives a cell the weights of one layer of torch.nn.RNN, LSTM or GRU, from a state dict:
///   import_pytorch(p / "cell", state_dict);  // "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"
///   import_pytorch(p / "cell", state_dict, "_l1_reverse");
/// The matrices are transposed; the two biases, which PyTorch adds anyway, become their sum, but for the
/// new-state part of a GRU, whose second bias is inside the reset product: "bh". A module without biases
/// leaves zeros.
/// `p` is the scope of the parameters of an Rnn, Lstm or Gru. Throws Error, before any parameter has changed,
/// naming what is missing or has another shape.
template <class T>
void import_pytorch(const Parameters<T>& p, const std::map<std::string, Array<T>>& state_dict,
                    const std::string& suffix = "_l0");

}  // namespace xgrad
