// Sgd: plain gradient descent.
#pragma once

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// w <- w - rate dL/dw for every parameter, in place (Robbins & Monro 1951). Row-sparse gradients touch only
/// the rows that were read.
template <class T>
class Sgd {
 public:
  /// Throws Error unless the rate is a positive number.
  Sgd(Parameters<T> parameters, double rate);

  double rate() const { return rate_; }
  void set_rate(double rate);

  /// One update. Throws Error, before any parameter has changed, if one has no gradient.
  void step(const Gradients<T>& gradients);

 private:
  Parameters<T> parameters_;
  double rate_ = 0;
};

template <class T>
Sgd(Parameters<T>, double) -> Sgd<T>;

extern template class Sgd<float>;
extern template class Sgd<double>;

}  // namespace xgrad
