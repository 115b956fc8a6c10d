// Random numbers, reproducible to the bit on every platform: Random draws the same sequence as NumPy's legacy
// generator, for initial weights; counter_random is a function of (key, counter) alone, for draws that must
// not depend on the order or the thread in which they are made. Initializers, at the end, describe a
// distribution to draw from.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>

namespace xgrad {

/// numpy.random.RandomState(seed): the Mersenne twister MT19937 (Matsumoto & Nishimura 1998).
class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}

  /// Uniform in [0, 1), with 53 random bits: NumPy's `random_sample`.
  double uniform();
  /// Standard normal by the polar method (Marsaglia & Bray 1964): NumPy's `randn`.
  double normal();

 private:
  std::mt19937 engine_;
  std::optional<double> spare_;  // the polar method draws pairs
};

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four random words per
/// counter.
std::array<std::uint32_t, 4> counter_random(std::array<std::uint32_t, 2> key,
                                            std::array<std::uint32_t, 4> counter);

/// Fills the numbers of a new parameter, in row-major order.
using Initializer = std::function<void(Random&, std::span<double>)>;

/// Uniform in [low, high). Throws Error unless low <= high.
Initializer uniform(double low, double high);
/// Normal with mean 0 and the given standard deviation. Throws Error if it is negative.
Initializer normal(double deviation);
/// Every number the same; draws nothing.
Initializer constant(double value);

}  // namespace xgrad
