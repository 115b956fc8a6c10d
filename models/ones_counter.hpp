// OnesCounter: a published teaching program, a linear recurrent network of two numbers that learns to count
// the ones of a sequence. Start reading at `states`.
//
//     S_k = wx X_k + wRec S_{k-1},   S_0 = 0,   L = mean_i (t_i - S_{K,i})^2
//     X: (N, K) of zeros and ones   t: (N,), how many ones   wx, wRec: ()
//
// wx = wRec = 1 counts, with a loss of exactly 0. The page's text writes an activation function that its code
// does not have, and sets no weights: the initial ones are an argument. Its hand-written gradient of the
// weights is right.
#pragma once

#include <cmath>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/time_step.hpp>

namespace xgrad {

/// A linear recurrent network that counts ones: S_k = wx X_k + wRec S_{k-1}.
/// Parameters "wx" and "wRec", with the given initial values.
template <class T>
struct OnesCounter {
  using value_type = T;  ///< the scalar

  Variable<T> wx,  ///< (), for the input
      wRec;        ///< (), for the last state

  /// Declares the parameters in the scope of `p`.
  explicit OnesCounter(const Parameters<T>& p, double initial_wx = 0.5, double initial_wRec = 0.8)
      : wx(p.weight("wx", {}, constant(initial_wx))), wRec(p.weight("wRec", {}, constant(initial_wRec))) {}

  /// S_0 to S_K.     X: (N, K)   S0 and each: (N,)
  std::vector<Variable<T>> states(const Variable<T>& X, const Variable<T>& S0) const {
    std::vector<Variable<T>> S = {S0};
    for (std::size_t k = 0; k < X.shape()[1]; ++k) {
      const TimeStep now(k);
      S.push_back(wx * select(X, static_cast<std::ptrdiff_t>(k), 1) + wRec * S.back());
    }
    return S;
  }

  /// The mean squared error of the last state.     X: (N, K)   targets: (N,)
  Variable<T> loss(const Variable<T>& X, const Variable<T>& targets) const {
    return squared_error(states(X, Array<T>::zeros({X.shape()[0]})).back(), targets);
  }

  /// The data: uniform numbers of Random(1), rounded half to even, 506 ones in all.     (100, 10)
  static Variable<T> sequences() {
    std::vector<double> numbers(1000);
    Random random(1);
    for (double& x : numbers) x = std::nearbyint(random.uniform());
    return Array<double>({100, 10}, numbers).template cast<T>();
  }
  /// The number of ones in each.     (100,)
  static Variable<T> targets() { return sum(sequences(), -1); }
};

/// T is that of the parameters.
template <class T>
OnesCounter(Parameters<T>) -> OnesCounter<T>;
/// T is that of the parameters.
template <class T>
OnesCounter(Parameters<T>, double, double) -> OnesCounter<T>;

}  // namespace xgrad
