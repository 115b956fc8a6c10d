// Adam, and AdamW, whose weight decay is apart from the moments.
#pragma once

#include <xgrad/training/optimizer.hpp>

namespace xgrad {

/// Options of Adam.
struct AdamOptions {
  double beta1 = 0.9;             ///< of the running mean m of gradients, in [0, 1)
  double beta2 = 0.999;           ///< of the running mean v of their squares, in [0, 1)
  double epsilon = 1e-8;          ///< added to the root, positive
  double weight_decay = 0;        ///< lambda, at least 0
  Sparse sparse = Sparse::exact;  ///< what a row-sparse gradient does to its other rows
  ByParameter by_parameter{};     ///< factors of rate and decay, such as decay_matrices_alone
};

/// For every parameter w with the gradient g in step t, in place (Kingma & Ba 2015, arXiv:1412.6980), as
/// torch.optim.Adam:
///
///   d = g + lambda w
///   m <- beta1 m + (1 - beta1) d,   v <- beta2 v + (1 - beta2) d^2
///   w <- w - rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
///
/// With Sparse::exact and the default betas, a row is brought up to date in a few hundred steps at most,
/// however many it missed, except with weight decay, which here enters the moments: then each missed step is
/// computed. AdamW has no such exception.
template <class T>
class Adam : public RatedOptimizer<T> {
 public:
  /// Throws Error unless the rate is a positive number, and for an option out of its range.
  Adam(Parameters<T> parameters, double rate, const AdamOptions& options = {});
};

/// Options of AdamW: those of Adam, with the decay that torch.optim.AdamW has by default.
struct AdamWOptions {
  double beta1 = 0.9;             ///< of the running mean m of gradients, in [0, 1)
  double beta2 = 0.999;           ///< of the running mean v of their squares, in [0, 1)
  double epsilon = 1e-8;          ///< added to the root, positive
  double weight_decay = 0.01;     ///< lambda, at least 0: w loses rate lambda w in each step
  Sparse sparse = Sparse::exact;  ///< what a row-sparse gradient does to its other rows
  ByParameter by_parameter{};     ///< factors of rate and decay, such as decay_matrices_alone
};

/// Adam with d = g and, before each update, w <- w - rate lambda w (Loshchilov & Hutter 2019,
/// arXiv:1711.05101), as torch.optim.AdamW.
template <class T>
class AdamW : public RatedOptimizer<T> {
 public:
  /// Throws Error unless the rate is a positive number, and for an option out of its range.
  AdamW(Parameters<T> parameters, double rate, const AdamWOptions& options = {});
};

/// T is that of the parameters.
template <class T>
Adam(Parameters<T>, double) -> Adam<T>;
/// T is that of the parameters.
template <class T>
Adam(Parameters<T>, double, AdamOptions) -> Adam<T>;
/// T is that of the parameters.
template <class T>
AdamW(Parameters<T>, double) -> AdamW<T>;
/// T is that of the parameters.
template <class T>
AdamW(Parameters<T>, double, AdamWOptions) -> AdamW<T>;

}  // namespace xgrad
