// Perplexity: e to the mean cross entropy per token, from the exact sum over all tokens, so that windows of
// different sizes count by their tokens.
#pragma once

#include <cmath>
#include <cstddef>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

/// e to the mean cross entropy of all tokens added so far.
class Perplexity {
 public:
  /// Adds `count` tokens whose losses, in nats, sum to `total`.
  void add(double total, std::size_t count) {
    total_ += total;
    count_ += count;
  }
  /// The perplexity so far. Throws Error if no token was added.
  double value() const {
    if (count_ == 0) throw Error("perplexity", "of no tokens");
    return std::exp(total_ / static_cast<double>(count_));
  }

 private:
  double total_ = 0;
  std::size_t count_ = 0;
};

}  // namespace xgrad
