// A long formula of one operand, forward and back: as one op, by pointwise(), and as an op for each function.
#pragma once

#include <cstddef>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

/// GELU by its approximation with tanh (Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2), of n numbers.
class LongFormula {
 public:
  LongFormula(std::size_t n, bool one_op) : x_(Array<float>::full({n}, 0.5F)), one_op_(one_op) {}

  void operator()() {
    const auto gelu = [](const auto& x) {
      return 0.5 * x * (1 + tanh(0.79788456 * (x + 0.044715 * x * square(x))));
    };
    Tape<float> tape;
    const auto x = tape.leaf(x_);
    const auto y = one_op_ ? pointwise(gelu, x) : gelu(x);
    dx_ = tape.gradient(y, {.seed = x_})[x];
  }

 private:
  Array<float> x_, dx_;
  bool one_op_;
};

}  // namespace xgrad
