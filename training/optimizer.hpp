// Optimizer: what all optimizers share, and the type by which a training loop can take any of them. Each one
// has a file of its own (sgd, adagrad, rmsprop, adam, rprop), with the formula and its paper; how they keep
// their state and walk over the parameters stands in optimizer.cpp and update/.
//
//   Adam adam(parameters, 1e-3, {.beta2 = 0.99});
//   adam.step(tape.gradient(loss));
//
// It trains what is below the scope of `parameters` and not frozen, so that several may share a list:
//
//   Sgd slow(parameters / "embed", 0.1);
//   Adam fast(parameters / "cell", 1e-3);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/state_dict.hpp>

namespace xgrad {

/// What a row-sparse gradient does to the rows that are not in it.
enum class Sparse {
  /// Just what a gradient of zeros does (they decay, their momentum moves them on), but only when they are
  /// next read.
  exact,
  lazy,  ///< nothing: they, their moments and their weight decay stand still
};

/// What one parameter has of an optimizer's rate and weight decay.
struct ParameterFactors {
  double rate = 1;          ///< factor of the rate, at least 0
  double weight_decay = 1;  ///< factor of the weight decay, at least 0
};
/// The factors of each parameter, by its path below the optimizer's scope and its shape. It is asked once for
/// each parameter. A schedule moves all rates together.
///
///     const auto slow_embedding = [](std::string_view path, const Shape&) {
///       return ParameterFactors{.rate = path == "embed/W" ? 0.1 : 1};
///     };
///     Adam adam(parameters, 1e-3, {.by_parameter = slow_embedding});
using ByParameter = std::function<ParameterFactors(std::string_view path, const Shape& shape)>;

/// Weight decay for matrices and larger arrays alone: none for biases and gains, which have one axis.
///
///     AdamW adam(parameters, 1e-3, {.by_parameter = decay_matrices_alone});
inline ParameterFactors decay_matrices_alone(std::string_view, const Shape& shape) {
  return {.weight_decay = shape.rank() > 1 ? 1.0 : 0.0};
}

namespace detail {
template <class T>
class Rule;
template <class T>
class Updates;
/// The rule whose weight decay is `factor` times that of the options.
template <class T>
using MakeRule = std::function<std::unique_ptr<Rule<T>>(double factor)>;
}  // namespace detail

/// Updates the parameters below a scope in place, those that are declared later too, but for those that are
/// frozen. An optimizer that is moved from can only be destroyed or assigned to.
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
  /// counts as one of zeros if Sparse::exact, and leaves the parameter as it is if Sparse::lazy. A parameter
  /// counts its own updates: one that is declared or unfrozen later begins then, as in PyTorch.
  /// Throws Error, before any parameter has changed, if one that is not frozen has no gradient, for a factor
  /// of ByParameter out of its range, and if there is no parameter below the scope.
  void step(const Gradients<T>& gradients);
  /// How many updates there have been.
  std::uint64_t steps() const;

  /// What it remembers: the rate, its numbers of steps, and of each parameter what the rule keeps, rows that
  /// are still to be updated included. Changes nothing.
  StateDict state() const;
  /// Goes on from what state() returned of an optimizer of the same kind, over parameters of the same paths
  /// and shapes. Throws Error, naming all that differs, if it does not fit; nothing is then changed.
  /// The parameters' own elements are restored apart, and before; see Checkpoint.
  void restore(const StateDict& state);

 protected:
  /// For the optimizers that derive from this one, each with its rule.
  /// Throws Error unless the rate is a positive number.
  Optimizer(Parameters<T> parameters, double rate, Sparse sparse, detail::MakeRule<T> rule,
            ByParameter by_parameter = {});
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
