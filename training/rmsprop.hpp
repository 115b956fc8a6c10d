// Rmsprop: gradients divided by a running mean of their size.
#pragma once

#include <xgrad/training/optimizer.hpp>

namespace xgrad {

/// Options of Rmsprop.
struct RmspropOptions {
  double alpha = 0.99;            ///< of the running means r and m, in [0, 1)
  double momentum = 0;            ///< mu, in [0, 1)
  bool centered = false;          ///< divide by the standard deviation
  double epsilon = 1e-8;          ///< added to the root, positive
  double weight_decay = 0;        ///< lambda, at least 0
  Sparse sparse = Sparse::exact;  ///< what a row-sparse gradient does to its other rows
  ByParameter by_parameter{};     ///< factors of rate and decay, such as decay_matrices_alone
};

/// For every parameter w with the gradient g, in place (Tieleman & Hinton 2012, "Neural networks for machine
/// learning", lecture 6.5; centered: Graves 2013, arXiv:1308.0850), as torch.optim.RMSprop:
///
///   d = g + lambda w
///   r <- alpha r + (1 - alpha) d^2,   m <- alpha m + (1 - alpha) d
///   u = d / (sqrt r + epsilon)         d / (sqrt(r - m^2) + epsilon)  centered
///   v <- mu v + u,   w <- w - rate v
template <class T>
class Rmsprop : public RatedOptimizer<T> {
 public:
  /// Throws Error unless the rate is a positive number, and for an option out of its range.
  Rmsprop(Parameters<T> parameters, double rate, const RmspropOptions& options = {});
};

/// T is that of the parameters.
template <class T>
Rmsprop(Parameters<T>, double) -> Rmsprop<T>;
/// T is that of the parameters.
template <class T>
Rmsprop(Parameters<T>, double, RmspropOptions) -> Rmsprop<T>;

}  // namespace xgrad
