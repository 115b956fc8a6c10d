// SigmoidOutputs: a published teaching program, a tanh recurrent network with sigmoid outputs that fits ten
// targets to ten inputs. Start reading at `forward`.
//
//     s_t = tanh(U x_t + W s_{t-1} + b),   s_0 = 0,   o_t = sigmoid(V s_t + c)
//     squared loss   E = 1/2 sum_{t,j} (target_tj - o_tj)^2
//     cross entropy  -sum_{t,j} target log o + (1 - target) log(1 - o)
//     x: (T, 3)   targets: (T, 2)   U: (5, 3)   W: (5, 5)   V: (2, 5)   b: (5,)   c: (2,)
//
// The page's first fragment has the biases b and c, its full listing has none. It shows the squared loss,
// while its hand-written gradient of V and c is that of the cross entropy; the gradient has two more
// mistakes.
#pragma once

#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

/// A tanh recurrent network with sigmoid outputs:
///   s_t = tanh(U x_t + W s_{t-1} + b),  s_0 = 0,  o_t = sigmoid(V s_t + c)
/// Parameters "U", "W", "V" and, with biases, "b" and "c", uniform in [0, 1), drawn in this order.
template <class T>
struct SigmoidOutputs {
  using value_type = T;  ///< the scalar
  /// Whether b and c are parameters, or zeros.
  enum class Biases { without, with };

  static constexpr std::size_t D = 3,  ///< the width of an input
      H = 5,                           ///< the width of a state
      M = 2;                           ///< the width of an output

  Variable<T> U,  ///< (H, D), for the input
      W,          ///< (H, H), for the last state
      V,          ///< (M, H), for the output
      b,          ///< (H,), the bias of the state
      c;          ///< (M,), the bias of the output

  /// Declares the parameters in the scope of `p`.
  explicit SigmoidOutputs(const Parameters<T>& p, Biases biases = Biases::without)
      : U(p.weight("U", {H, D}, uniform(0, 1))),
        W(p.weight("W", {H, H}, uniform(0, 1))),
        V(p.weight("V", {M, H}, uniform(0, 1))),
        b(bias(p, biases, "b", H)),
        c(bias(p, biases, "c", M)) {}

  /// What the network computes at all steps.
  struct Outputs {
    Variable<T> s;       ///< (T, H), the states
    Variable<T> logits;  ///< (T, M), what the sigmoid is applied to
  };

  /// All steps.     x: (T, D)
  Outputs forward(const Variable<T>& x) const {
    std::vector<Variable<T>> states, logits;
    Variable<T> s = Array<T>::zeros({H});
    for (std::size_t t = 0; t < x.shape()[0]; ++t) {
      const TimeStep now(t);
      s = tanh(matmul(U, select(x, static_cast<std::ptrdiff_t>(t))) + matmul(W, s) + b);
      logits.push_back(matmul(V, s) + c);
      states.push_back(s);
    }
    return {stack(states), stack(logits)};
  }

  /// Half the summed squared error of the outputs.     x: (T, D)   targets: (T, M)
  Variable<T> squared_loss(const Variable<T>& x, const Variable<T>& targets) const {
    return 0.5 * squared_error(sigmoid(forward(x).logits), targets, Reduction::sum);
  }

  /// The summed binary cross entropy in nats, for targets in [0, 1].     x: (T, D)   targets: (T, M)
  Variable<T> cross_entropy(const Variable<T>& x, const Variable<T>& targets) const {
    return binary_cross_entropy_with_logits(forward(x).logits, targets, Reduction::sum);
  }

 private:
  // Without biases, zeros that are no parameter.
  static Variable<T> bias(const Parameters<T>& p, Biases biases, const char* name, std::size_t n) {
    return biases == Biases::with ? p.weight(name, {n}, uniform(0, 1)) : Variable<T>(Array<T>::zeros({n}));
  }
};

/// T is that of the parameters.
template <class T>
SigmoidOutputs(Parameters<T>) -> SigmoidOutputs<T>;

}  // namespace xgrad
