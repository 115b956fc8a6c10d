// Adagrad: rates that shrink with the gradients seen so far.
#pragma once

#include <xgrad/training/optimizer.hpp>

namespace xgrad {

/// Options of Adagrad.
struct AdagradOptions {
  double rate_decay = 0;          ///< at least 0; the rate of step t is rate / (1 + (t - 1) rate_decay)
  double initial = 0;             ///< of the sum r of squares, at least 0
  double epsilon = 1e-10;         ///< added to the root, positive
  double weight_decay = 0;        ///< lambda, at least 0
  Sparse sparse = Sparse::exact;  ///< what a row-sparse gradient does to its other rows
  ByParameter by_parameter{};     ///< factors of rate and decay, such as decay_matrices_alone
};

/// For every parameter w with the gradient g, in place (Duchi, Hazan & Singer 2011, "Adaptive subgradient
/// methods for online learning and stochastic optimization"), as torch.optim.Adagrad:
///
///   d = g + lambda w,   r <- r + d^2,   w <- w - rate d / (sqrt r + epsilon)
template <class T>
class Adagrad : public RatedOptimizer<T> {
 public:
  /// Throws Error unless the rate is a positive number, and for an option out of its range.
  Adagrad(Parameters<T> parameters, double rate, const AdagradOptions& options = {});
};

/// T is that of the parameters.
template <class T>
Adagrad(Parameters<T>, double) -> Adagrad<T>;
/// T is that of the parameters.
template <class T>
Adagrad(Parameters<T>, double, AdagradOptions) -> Adagrad<T>;

}  // namespace xgrad
