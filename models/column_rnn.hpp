// ColumnRnn: a published teaching program, a tanh recurrent network on columns that runs forward and backward
// once. Start reading at `forward`.
//
//     s_t = tanh(U x_t + W s_{t-1} + ba),   y_t = softmax(V s_t + by) over the rows of the column
//     x: (2, 1, 7), time last   s0: (6, 1)   U: (6, 2)   W: (6, 6)   V: (2, 6)   ba: (6, 1)   by: (2, 1)
//     s: (6, 1, 7)   y: (2, 1, 7)
//
// The page has no loss. It sends random numbers ds back from the states, which is the gradient of
// sum_t <ds_t, s_t>, and rightly so, but drops that of s0 and leaves out the output layer; the cross entropy,
// which trains that too, is ours. Its softmax comes from a module that was not published.
#pragma once

#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

/// A tanh recurrent network on columns:
///   s_t = tanh(U x_t + W s_{t-1} + ba),  y_t = softmax(V s_t + by)
/// Inputs "x" and "s0", then parameters "W", "U", "V", "ba", "by": standard normal numbers, drawn in this
/// order, W before U.
template <class T>
struct ColumnRnn {
  using value_type = T;  ///< the scalar

  static constexpr std::size_t H = 6,  ///< rows of a state
      M = 2,                           ///< rows of an input and of an output
      steps = 7;                       ///< T, the number of steps

  Variable<T> x,  ///< (M, 1, T), the inputs
      s0,         ///< (H, 1), the initial state
      W,          ///< (H, H), for the last state
      U,          ///< (H, M), for the input
      V,          ///< (M, H), for the output
      ba,         ///< (H, 1), the bias of the state
      by;         ///< (M, 1), the bias of the output

  /// Declares the inputs and the parameters in the scope of `p`.
  explicit ColumnRnn(const Parameters<T>& p)
      : x(p.input("x", {M, 1, steps}, normal(1))),
        s0(p.input("s0", {H, 1}, normal(1))),
        W(p.weight("W", {H, H}, normal(1))),
        U(p.weight("U", {H, M}, normal(1))),
        V(p.weight("V", {M, H}, normal(1))),
        ba(p.weight("ba", {H, 1}, normal(1))),
        by(p.weight("by", {M, 1}, normal(1))) {}

  /// What the network computes at all steps.
  struct Outputs {
    Variable<T> s;  ///< (H, 1, T), the states
    Variable<T> z;  ///< (M, 1, T), the logits: y = softmax(z, 0)
  };

  /// All steps; time is the last axis.
  Outputs forward() const {
    std::vector<Variable<T>> states, logits;
    Variable<T> s = s0;
    for (std::size_t t = 0; t < steps; ++t) {
      const TimeStep now(t);
      s = tanh(matmul(U, select(x, static_cast<std::ptrdiff_t>(t), 2)) + matmul(W, s) + ba);
      logits.push_back(matmul(V, s) + by);
      states.push_back(s);
    }
    return {stack(states, 2), stack(logits, 2)};
  }

  /// sum_t <ds_t, s_t>, whose gradient the page computes.     ds: (H, 1, T)
  Variable<T> linear_functional(const Variable<T>& ds) const { return sum(ds * forward().s); }

  /// -sum_t log y_t[target_t] in nats.     targets: (T,)
  Variable<T> cross_entropy(const Ids& targets) const {
    return softmax_cross_entropy(transpose(squeeze(forward().z, 1)), targets, Reduction::sum);
  }

  /// Targets, which are ours: t mod 2.     (T,)
  static Ids targets() { return {0, 1, 0, 1, 0, 1, 0}; }
};

/// T is that of the parameters.
template <class T>
ColumnRnn(Parameters<T>) -> ColumnRnn<T>;

}  // namespace xgrad
