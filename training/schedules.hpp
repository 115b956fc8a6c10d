// Schedules of the learning rate: plain values that say the rate, which the training loop hands on.
//
//   const Cosine cosine{.rate = 1e-3, .steps = 10000, .warmup = 500};
//   adam.set_rate(cosine(step));
//
// StepDecay and Cosine remember nothing; Plateau has a state, for a Checkpoint.
// All options are checked, with an Error that names the option: by StepDecay and Cosine when they are asked,
// by Plateau when it is made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include <xgrad/training/state_dict.hpp>

namespace xgrad {

/// rate factor^floor(t / every), as torch.optim.lr_scheduler.StepLR.
struct StepDecay {
  double rate;          ///< to start from, positive
  std::size_t every;    ///< epochs (or steps) from one reduction to the next, at least 1
  double factor = 0.1;  ///< of each reduction, positive

  /// The rate in epoch (or step) t, from 0. Throws Error for an option out of its range.
  double operator()(std::size_t t) const;
};

/// Half a period of the cosine from `rate` down to `min_rate` (Loshchilov & Hutter 2017, arXiv:1608.03983),
/// as torch.optim.lr_scheduler.CosineAnnealingLR, after a linear warm-up:
///
///   rate (t + 1) / warmup                                                           t < warmup
///   min_rate + (rate - min_rate) (1 + cos(pi (t - warmup) / (steps - warmup))) / 2  warmup <= t < steps
///   min_rate                                                                        from then on
struct Cosine {
  double rate;             ///< the highest, after the warm-up; positive
  std::size_t steps;       ///< in all, the warm-up included
  std::size_t warmup = 0;  ///< steps of the warm-up, less than `steps`
  double min_rate = 0;     ///< the last, in [0, rate]

  /// The rate in step t, from 0. With the default min_rate of 0 no optimizer takes the rate of step `steps`.
  /// Throws Error for an option out of its range.
  double operator()(std::size_t t) const;
};

/// The rate is multiplied by `factor` when a loss has not improved for more than `patience` epochs, as
/// torch.optim.lr_scheduler.ReduceLROnPlateau. An improvement is a loss below (1 - threshold) times the best
/// so far; after a reduction, `cooldown` epochs do not count. A rate that would change by no more than `eps`
/// stays. A loss that is NaN does not improve.
class Plateau {
 public:
  /// Options of Plateau.
  struct Options {
    double rate;                ///< to start from, positive
    double factor = 0.1;        ///< of each reduction, in (0, 1)
    std::size_t patience = 10;  ///< epochs without an improvement that are waited for
    double threshold = 1e-4;    ///< by which part of the best a loss must be below it, in [0, 1)
    std::size_t cooldown = 0;   ///< epochs after a reduction that do not count
    double min_rate = 0;        ///< no rate becomes smaller; in [0, rate]
    double eps = 1e-8;          ///< a rate is left that would change by no more; at least 0
  };
  /// Throws Error for an option out of its range.
  explicit Plateau(const Options& options);

  /// The rate of the epoch after one that ended with this (validation) loss.
  double operator()(double loss);
  /// The rate of the next epoch, as said last.
  double rate() const { return rate_; }
  StateDict state() const;               ///< what it remembers
  void restore(const StateDict& state);  ///< Throws Error if it is another's state.

 private:
  Options options_;
  double rate_;
  double best_ = std::numeric_limits<double>::infinity();
  std::uint64_t bad_ = 0, cooling_ = 0;  // epochs without improvement; to wait still
};

}  // namespace xgrad
