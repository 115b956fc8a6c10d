// What the benchmark of unroll() within a budget of bytes times: loss and gradient of an LSTM over a long
// sequence, of which the tape saves a fraction of what it would save without a budget.
#pragma once

#include <cstddef>
#include <optional>

#include <xgrad/autograd/tape_stats.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/unroll.hpp>

namespace xgrad {

/// T = 10,000 steps of N = 4 sequences, D = H = 256, the gradient of a weighted sum of all outputs.
class LongSequence {
 public:
  static constexpr std::size_t T = 10000, N = 4, H = 256;

  /// Saves a part of the bytes that are saved without a budget beside inputs and outputs, or, for 0, all.
  explicit LongSequence(std::size_t part)
      : cell_(parameters_, H, H), xs_(numbers({T, N, H})), dys_(numbers({T, N, H})) {
    if (part > 0) memory_ = bytes_of_step() * T / part;
  }

  void operator()() {
    Tape<float> tape;
    const auto xs = tape.leaf(xs_);
    const auto ys = unroll(cell_, xs, cell_.zero(N), {.memory = memory_}).ys;
    gradients_ = tape.gradient(ys, {.seed = dys_});
  }

 private:
  static Array<float> numbers(const Shape& shape) {
    std::vector<double> values(shape.size());
    Random random(1);
    uniform(-1, 1)(random, values);
    return Array<double>(shape, values).cast<float>();
  }

  // What a step of a short sequence saves, the tape's own lists and closures among it, without its input.
  std::size_t bytes_of_step() const {
    constexpr std::size_t steps = 200;
    const auto xs = numbers({steps, N, H});
    Statistics<float> statistics;
    Tape<float> tape(statistics);
    const auto ys = unroll(cell_, tape.leaf(xs), cell_.zero(N)).ys;
    const TapeStats stats = statistics.of(tape);
    return (stats.total.saved_bytes + stats.bookkeeping_bytes) / steps - N * H * sizeof(float);
  }

  Parameters<float> parameters_{1};
  Lstm<float> cell_;
  Array<float> xs_, dys_;
  std::optional<std::size_t> memory_;
  Gradients<float> gradients_;
};

}  // namespace xgrad
