// The optimizer, the schedule of its rate, and the average of the weights, each chosen by name when the
// program starts.
#pragma once

#include <memory>
#include <optional>

#include <xgrad/training/averages.hpp>
#include <xgrad/training/optimizer.hpp>
#include <xgrad/training/schedules.hpp>

#include "settings.hpp"

namespace xgrad {

/// The optimizer of the settings.
template <class T>
std::unique_ptr<RatedOptimizer<T>> make_optimizer(const Parameters<T>& parameters,
                                                  const TrainSettings& settings);

/// The rate of each step, by --schedule and --warmup.
class Schedule {
 public:
  /// `epoch_steps`: steps in an epoch.
  Schedule(const TrainSettings& settings, std::size_t epoch_steps);
  /// The rate of a step, counted from 0, in an epoch counted from 1. Never 0: a decay ends at the smallest
  /// rate that a float can be.
  double operator()(std::size_t epoch, std::size_t step) const;
  /// The held-out loss after an epoch.
  void observe(double loss) { plateau_(loss); }
  StateDict state() const { return plateau_.state(); }               ///< what it remembers
  void restore(const StateDict& state) { plateau_.restore(state); }  ///< goes on from a state

 private:
  TrainSettings settings_;
  std::size_t steps_;
  Plateau plateau_;
};

/// The average of the weights, by --average.
template <class T>
class Averaging {
 public:
  Averaging(const Parameters<T>& parameters, const TrainSettings& settings);
  /// Takes the weights in; after each step.
  void update();
  /// The held-out loss after an epoch.
  void observe(double loss);
  /// Until the result ends, the parameters are the average, if there is one.
  [[nodiscard]] std::unique_ptr<Exchanged<T>> use() const;
  StateDict state() const;               ///< what it remembers
  void restore(const StateDict& state);  ///< goes on from a state

 private:
  std::optional<ExponentialAverage<T>> exponential_;
  std::optional<TriggeredAverage<T>> triggered_;
};

}  // namespace xgrad
