// StepClassifier: a published teaching program, three steps of a tanh recurrent network with a softmax
// output, that classifies each step's input into one of four classes. Start reading at `forward`.
//
//     a_t = Wx x_t + Wh h_{t-1} + bh,   h_t = tanh(a_t),   h_0 = 0
//     z_t = Wy a_t + by  (variant a)   or   z_t = Wy h_t + by  (variant h),   p_t = softmax(z_t)
//     L = -sum_t log p_t[target_t]
//     x: (T, 4, 1), columns   Wx: (3, 4)   Wh: (3, 3)   bh: (3, 1)   Wy: (4, 3)   by: (4, 1)
//
// Variant a is what its page computes, an output layer that reads what tanh is applied to; variant h is the
// standard network (Elman 1990), which was evidently meant. The page draws its weights without a seed,
// computes no loss, and softmax without subtracting the maximum. Its hand-written gradient has five mistakes.
#pragma once

#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

/// A tanh recurrent network that classifies each step's input:
///   a_t = Wx x_t + Wh h_{t-1} + bh,  h_t = tanh(a_t),  h_0 = 0,  logits Wy a_t + by or Wy h_t + by
/// Parameters "Wx", "Wh", "bh", "Wy", "by", uniform in [0, 1), drawn in this order.
template <class T>
struct StepClassifier {
  using value_type = T;  ///< the scalar
  /// What the output layer reads: a_t, as the page has it, or h_t.
  enum class Variant { a, h };

  static constexpr std::size_t D = 4,  ///< rows of an input, and classes
      H = 3;                           ///< rows of a state

  Variant variant;  ///< what the output layer reads
  Variable<T> Wx,   ///< (H, D), for the input
      Wh,           ///< (H, H), for the last state
      bh,           ///< (H, 1), the bias of the state
      Wy,           ///< (D, H), for the output
      by;           ///< (D, 1), the bias of the output

  /// Declares the parameters in the scope of `p`.
  explicit StepClassifier(const Parameters<T>& p, Variant reads = Variant::a)
      : variant(reads),
        Wx(p.weight("Wx", {H, D}, uniform(0, 1))),
        Wh(p.weight("Wh", {H, H}, uniform(0, 1))),
        bh(p.weight("bh", {H, 1}, uniform(0, 1))),
        Wy(p.weight("Wy", {D, H}, uniform(0, 1))),
        by(p.weight("by", {D, 1}, uniform(0, 1))) {}

  /// What the network computes at all steps.
  struct Outputs {
    Variable<T> a,       ///< (T, H, 1), what tanh is applied to
        h;               ///< (T, H, 1), the states
    Variable<T> logits;  ///< (T, D, 1), of the classes
  };

  /// All steps.     x: (T, D, 1)
  Outputs forward(const Variable<T>& x) const {
    std::vector<Variable<T>> as, hs, logits;
    Variable<T> h = Array<T>::zeros({H, 1});
    for (std::size_t t = 0; t < x.shape()[0]; ++t) {
      const TimeStep now(t);
      const auto a = matmul(Wx, select(x, static_cast<std::ptrdiff_t>(t))) + matmul(Wh, h) + bh;
      h = tanh(a);
      logits.push_back(matmul(Wy, variant == Variant::a ? a : h) + by);
      as.push_back(a);
      hs.push_back(h);
    }
    return {stack(as), stack(hs), stack(logits)};
  }

  /// The cross entropy summed over the steps, in nats.     x: (T, D, 1)   targets: (T,)
  Variable<T> loss(const Variable<T>& x, const Ids& targets) const {
    return softmax_cross_entropy(squeeze(forward(x).logits, -1), targets, Reduction::sum);
  }

  /// The page's three inputs, of which the last is not one-hot.     (3, D, 1)
  static Variable<T> inputs() { return Array<T>({3, D, 1}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1}); }
  /// Their target classes.     (3,)
  static Ids targets() { return {1, 2, 3}; }
};

/// T is that of the parameters.
template <class T>
StepClassifier(Parameters<T>) -> StepClassifier<T>;

}  // namespace xgrad
