// Optimizer: what all optimizers share, and the type by which a training loop can take any of them. Each one
// has a file of its own (sgd, adagrad, rmsprop, adam, rprop), with the formula and its paper; how they keep
// their state and walk over the parameters stands in optimizer.cpp and update/.
//
//   Adam adam(parameters, 1e-3, {.beta2 = 0.99});
//   adam.step(tape.gradient(loss));
#pragma once

#include <cstdint>
#include <memory>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/parameters.hpp>

namespace xgrad {

/// What a row-sparse gradient does to the rows that are not in it.
enum class Sparse {
  /// Just what a gradient of zeros does (they decay, their momentum moves them on), but only when they are
  /// next read.
  exact,
  lazy,  ///< nothing: they, their moments and their weight decay stand still
};

namespace detail {
template <class T>
class Rule;
template <class T>
class Updates;
}  // namespace detail

/// Updates all parameters of a list in place, those that are declared later too. An optimizer that is moved
/// from can only be destroyed or assigned to.
template <class T>
class Optimizer {
 public:
  /// Takes over the parameters, the state and the updates that are still deferred.
  Optimizer(Optimizer&&) noexcept;
  /// The same; the updates that this optimizer has deferred itself are made.
  Optimizer& operator=(Optimizer&&) noexcept;
  /// Makes all updates that are still deferred (see Sparse::exact).
  virtual ~Optimizer();

  /// One update. A gradient that is zero because the loss does not reach the parameter (`.unreached = zeros`)
  /// counts as one of zeros if Sparse::exact, and leaves the parameter as it is if Sparse::lazy.
  /// Throws Error, before any parameter has changed, if one has no gradient.
  void step(const Gradients<T>& gradients);
  /// How many updates there have been.
  std::uint64_t steps() const;

 protected:
  /// For the optimizers that derive from this one, each with its rule.
  /// Throws Error unless the rate is a positive number.
  Optimizer(Parameters<T> parameters, double rate, Sparse sparse, std::unique_ptr<detail::Rule<T>> rule);
  /// The rate of the next step.
  double current_rate() const;
  /// The rate from the next step on. Throws Error unless it is a positive number.
  void set_current_rate(double rate);

 private:
  std::unique_ptr<detail::Updates<T>> updates_;
};

/// An optimizer whose steps are as long as a rate says.
template <class T>
class RatedOptimizer : public Optimizer<T> {
 public:
  /// The rate of the next step.
  double rate() const { return this->current_rate(); }
  /// The rate from the next step on. Throws Error unless it is a positive number.
  void set_rate(double rate) { this->set_current_rate(rate); }

 protected:
  using Optimizer<T>::Optimizer;
};

}  // namespace xgrad
