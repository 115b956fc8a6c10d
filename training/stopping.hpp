// When to stop, and with which weights: Best keeps the parameters of the least loss so far, EarlyStopping
// says when the loss has not improved for long. (Plateau, which reduces the rate then, is a schedule;
// schedules.hpp.)
//
//   Best best(parameters);
//   EarlyStopping stop({.patience = 5});
//   for (...) {
//     ...
//     best(loss);
//     if (stop(loss)) break;
//   }
//   best.restore_parameters();
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/training/state_dict.hpp>

namespace xgrad {

/// Keeps a copy of the parameters below a scope as they were at the least loss.
template <class T>
class Best {
 public:
  /// Nothing yet.
  explicit Best(Parameters<T> parameters) : parameters_(std::move(parameters)) {}
  /// A (validation) loss at the present parameters: keeps them, and returns true, if it is less than all
  /// before. NaN never is.
  bool operator()(double loss);
  /// The least loss; infinity before the first.
  double loss() const { return loss_; }
  /// Gives the parameters the elements that were kept. Throws Error if none were.
  void restore_parameters() const;
  StateDict state() const;               ///< what it remembers
  void restore(const StateDict& state);  ///< Throws Error if the state is of other parameters.

 private:
  Parameters<T> parameters_;
  double loss_ = std::numeric_limits<double>::infinity();
  std::vector<Array<T>> kept_;  // in the order of the list
};

/// Says when a loss has not improved for more than `patience` epochs.
class EarlyStopping {
 public:
  /// Options of EarlyStopping.
  struct Options {
    std::size_t patience = 10;  ///< epochs without an improvement that are waited for
    double threshold = 0;       ///< by which part of the best a loss must be below it, in [0, 1)
  };
  /// Throws Error for an option out of its range.
  explicit EarlyStopping(const Options& options);

  /// The (validation) loss of an epoch; true to stop. NaN does not improve.
  bool operator()(double loss);
  StateDict state() const;               ///< what it remembers
  void restore(const StateDict& state);  ///< Throws Error if it is another's state.

 private:
  Options options_;
  double best_ = std::numeric_limits<double>::infinity();
  std::uint64_t bad_ = 0;  // epochs since
};

/// T is that of the parameters.
template <class T>
Best(Parameters<T>) -> Best<T>;

}  // namespace xgrad
