// Shares: where the time of a training step goes, by the clock of its tape. Start with `shares_of`.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include <xgrad/autograd/tape_stats.hpp>

#include "word_model.hpp"

namespace xgrad {

/// In per cent of a step.
struct Shares {
  double products = 0;     ///< forward and back, with the biases
  double loss = 0;         ///< softmax and cross entropy
  double elementwise = 0;  ///< functions, arithmetic, normalization
  double update = 0;       ///< the optimizer's step
  double rest = 0;         ///< the tape, rows and slices, the embedding
};

/// Of some hundred milliseconds of steps.
template <class Step>
Shares shares_of(Step& step) {
  using Clock = std::chrono::steady_clock;
  const std::set<std::string> products{"matmul", "affine", "parameter"},
      elementwise{"tanh", "sigmoid", "add", "multiply", "subtract", "scale_shift", "layer_norm"};
  Shares shares;
  double all = 0;
  for (const auto start = Clock::now(); Clock::now() - start < std::chrono::milliseconds(500);) {
    const StepTimes times = step.timed_step();
    all += times.stats.total.forward_seconds + times.stats.total.backward_seconds + times.update;
    shares.update += times.update;
    for (const TapeStats::Row& row : times.stats.by_op) {
      double* const share = products.contains(row.name)           ? &shares.products
                            : row.name == "softmax_cross_entropy" ? &shares.loss
                            : elementwise.contains(row.name)      ? &shares.elementwise
                                                                  : nullptr;
      if (share != nullptr) *share += row.forward_seconds + row.backward_seconds;
    }
  }
  shares.rest = all - shares.products - shares.loss - shares.elementwise - shares.update;
  for (double* share : {&shares.products, &shares.loss, &shares.elementwise, &shares.update, &shares.rest})
    *share *= 100 / all;
  return shares;
}

}  // namespace xgrad
