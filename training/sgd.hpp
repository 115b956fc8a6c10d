// Sgd: gradient descent, plain, with momentum, with Nesterov's, and with weight decay.
#pragma once

#include <xgrad/training/optimizer.hpp>

namespace xgrad {

/// Options of Sgd.
struct SgdOptions {
  double momentum = 0;            ///< mu, in [0, 1)
  double dampening = 0;           ///< tau, in [0, 1]
  double weight_decay = 0;        ///< lambda, at least 0
  bool nesterov = false;          ///< needs momentum, and no dampening
  Sparse sparse = Sparse::exact;  ///< what a row-sparse gradient does to its other rows
  ByParameter by_parameter{};     ///< factors of rate and decay, such as decay_matrices_alone
};

/// For every parameter w with the gradient g, in place (Robbins & Monro 1951; Polyak 1964; Nesterov 1983 in
/// the form of Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning"),
/// as torch.optim.SGD:
///
///   d = g + lambda w
///   v <- mu v + (1 - tau) d        v <- d in the first step
///   w <- w - rate v                w <- w - rate (d + mu v)  with nesterov
///
/// Plain descent with a row-sparse gradient touches only the rows that were read, in either mode of `sparse`.
template <class T>
class Sgd : public RatedOptimizer<T> {
 public:
  /// Throws Error unless the rate is a positive number, and for an option out of its range.
  Sgd(Parameters<T> parameters, double rate, const SgdOptions& options = {});
};

/// T is that of the parameters.
template <class T>
Sgd(Parameters<T>, double) -> Sgd<T>;
/// T is that of the parameters.
template <class T>
Sgd(Parameters<T>, double, SgdOptions) -> Sgd<T>;

}  // namespace xgrad
