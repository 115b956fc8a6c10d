// Averages of the weights over the steps of training, which often predict better than the last weights do:
// ExponentialAverage forgets old ones, TriggeredAverage begins where the validation loss stops falling.
//
//   ExponentialAverage average(parameters, 0.999);
//   ...
//   adam.step(gradients);
//   average.update();
//   ...
//   {
//     const auto averaged = average.use();  // the parameters are the average until the brace
//     loss = evaluate(model, valid);
//   }
#pragma once

#include <cstdint>
#include <vector>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/state_dict.hpp>

namespace xgrad {

/// While it lives the parameters have other elements; then they have their own again. Do not train
/// meanwhile, nor save a checkpoint, which would have the other elements as the parameters'.
template <class T>
class Exchanged {
 public:
  /// Gives the parameters, in the order of their list, these elements; leaves those that there are none for.
  Exchanged(const Parameters<T>& parameters, const std::vector<Array<double>>& elements);
  ~Exchanged();
  Exchanged(const Exchanged&) = delete;
  Exchanged& operator=(const Exchanged&) = delete;

 private:
  std::vector<Variable<T>> list_;
  std::vector<Array<T>> own_;
};

/// What the averages share: the mean of the parameters below a scope, kept in double.
template <class T>
class WeightAverage {
 public:
  /// Until the result ends, the parameters are the average, if there is one yet.
  [[nodiscard]] Exchanged<T> use() const { return Exchanged<T>(parameters_, means_); }
  /// How many sets of weights are in the average.
  std::uint64_t updates() const { return updates_; }

 protected:
  /// Of nothing yet.
  explicit WeightAverage(Parameters<T> parameters) : parameters_(std::move(parameters)) {}
  /// mean <- mean + part (w - mean); a parameter that is new begins as it is.
  void move_towards_weights(double part);
  /// @{ The means and their number; `like` has what else there is in the state.
  void save(StateDict& state) const;
  void check(const char* op, const StateDict& state, StateDict like) const;
  void load(const StateDict& state);
  /// @}

  Parameters<T> parameters_;          ///< that are averaged
  std::vector<Array<double>> means_;  ///< in the order of the list
  std::uint64_t updates_ = 0;         ///< in the average

 private:
  std::vector<Variable<T>> averaged(const StateDict& state) const;
};

/// mean <- decay mean + (1 - decay) w, beginning with the first w (Polyak & Juditsky 1992, "Acceleration of
/// stochastic approximation by averaging"; as PyTorch's AveragedModel with an exponential average).
template <class T>
class ExponentialAverage : public WeightAverage<T> {
 public:
  /// Throws Error unless decay is in [0, 1).
  ExponentialAverage(Parameters<T> parameters, double decay);
  /// Takes the weights in; after each step.
  void update();
  StateDict state() const;               ///< what it remembers
  void restore(const StateDict& state);  ///< Throws Error if the state is of other parameters.

 private:
  double decay_;
};

/// The plain mean of the weights since the step at which the validation loss stopped falling: a loss that is
/// larger than the least of all but the last `patience` losses before it (Merity et al. 2018,
/// arXiv:1708.02182, NT-ASGD, where it is called n).
template <class T>
class TriggeredAverage : public WeightAverage<T> {
 public:
  /// Averages nothing until it is triggered.
  explicit TriggeredAverage(Parameters<T> parameters, std::size_t patience = 5)
      : WeightAverage<T>(std::move(parameters)), patience_(patience) {}
  /// The validation loss of an epoch; true if the average takes the weights from now on. NaN is larger than
  /// all others.
  bool observe(double loss);
  bool triggered() const { return triggered_; }  ///< Whether it averages now.
  /// Takes the weights in, if it is triggered; after each step.
  void update();
  StateDict state() const;               ///< what it remembers
  void restore(const StateDict& state);  ///< Throws Error if the state is of other parameters.

 private:
  std::size_t patience_;
  std::vector<double> losses_;
  bool triggered_ = false;
};

/// T is that of the parameters.
template <class T>
ExponentialAverage(Parameters<T>, double) -> ExponentialAverage<T>;
/// T is that of the parameters.
template <class T>
TriggeredAverage(Parameters<T>) -> TriggeredAverage<T>;
/// T is that of the parameters.
template <class T>
TriggeredAverage(Parameters<T>, std::size_t) -> TriggeredAverage<T>;

}  // namespace xgrad
