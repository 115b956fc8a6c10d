// The backward passes of the five reference networks as their pages wrote them by hand, right or wrong, and
// repaired one mistake after another: what a check of gradients has to see through. They are plain loops,
// written from the formulas; they share nothing with the tape.
//
// All return what *claims* to be dL/dw, that is, what an update subtracts: w <- w - rate g. (Sigmoid-output
// network's page adds its gradient, so its sign is turned here.) `..._terms` returns what each time step
// contributes, `..._gradient` the sums.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/checks/direction.hpp>

namespace handwritten {

using xgrad::Array;
using xgrad::Ids;
using xgrad::Values;

/// What the uses at steps 0, 1, ... contribute to each gradient, by path.
using Terms = std::map<std::string, std::vector<Array<double>>>;

/// The gradients: each path's terms added up.
Values total(const Terms& terms);

/// Step classifier on its page's data.     values: the model's parameters
///
/// The mistakes: 1. every step's term is computed by step 0's cell and target; 2. the output error is target
/// - p, and subtracted; 3. what goes into the hidden layer is Wy^T by instead of Wy^T times the output error;
/// 4. (variant a alone) dWy and the slope are those of an output layer that reads h_t; 5. nothing flows
/// through time. The first `repaired` are repaired: 0 is as printed, 5 is right.
enum class Reads { preactivation, hidden };  // the variants a and h
Terms step_classifier_terms(const Values& values, int repaired, Reads reads = Reads::preactivation);
inline Values step_classifier_gradient(const Values& values, int repaired,
                                       Reads reads = Reads::preactivation) {
  return total(step_classifier_terms(values, repaired, reads));
}

/// Ones counter on its data, which its page gets right.     values: wx and wRec
Terms ones_counter_terms(const Values& values);
inline Values ones_counter_gradient(const Values& values) { return total(ones_counter_terms(values)); }
/// The gradients of the states S_0 to S_10 as the page has them: without the 1/N of the mean.     (100, 11)
Array<double> ones_counter_state_gradients(const Values& values);

/// Sigmoid-output network.     values: U, W, V, if it has biases b and c, "inputs" (10, 3), "targets" (10, 2)
///
/// The mistakes: 1. the output error lacks the slope of the sigmoid, which makes it that of the cross
/// entropy; 2. the slope of tanh is taken at the activated state, 1 - tanh(s)^2; 3. nothing flows through
/// time. If the cross entropy was `meant`, the first is none.
enum class Meant { squared_loss, cross_entropy };
Terms sigmoid_outputs_terms(const Values& values, int repaired, Meant meant = Meant::squared_loss);
inline Values sigmoid_outputs_gradient(const Values& values, int repaired,
                                       Meant meant = Meant::squared_loss) {
  return total(sigmoid_outputs_terms(values, repaired, meant));
}

/// Column network: of sum_t <ds_t, s_t>, which its page gets right; that of s0 it computes and drops.
///     values: x, s0, W, U, ba, ds   of: U, W, ba, x (term t is column t) and s0 (one term)
Terms column_rnn_terms(const Values& values);
inline Values column_rnn_gradient(const Values& values) { return total(column_rnn_terms(values)); }
/// The same backward pass fed with the cross entropy's ds_t, and the output layer's gradients.
///     values: x, s0, W, U, V, ba, by   of: all seven
Terms column_rnn_cross_entropy_terms(const Values& values);
inline Values column_rnn_cross_entropy_gradient(const Values& values) {
  return total(column_rnn_cross_entropy_terms(values));
}

/// Word model, which its page gets right: of the mean cross entropy of a window, the initial state being a
/// constant.
///     values: the parameters of Rnnlm with Rnn   inputs, targets: (T, N)   state: (N, H)
Terms word_model_terms(const Values& values, const Ids& inputs, const Ids& targets,
                       const Array<double>& state);
inline Values word_model_gradient(const Values& values, const Ids& inputs, const Ids& targets,
                                  const Array<double>& state) {
  return total(word_model_terms(values, inputs, targets, state));
}

}  // namespace handwritten
