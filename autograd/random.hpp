// Random numbers, reproducible to the bit on every platform: Random draws the same sequence as NumPy's legacy
// generator, for initial weights; counter_random is a function of (key, counter) alone, and RandomKey hands
// such keys out, for draws that must not depend on the order or the thread in which they are made.
// Initializers, at the end, describe a distribution to draw from.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace xgrad {

/// numpy.random.RandomState(seed): the Mersenne twister MT19937 (Matsumoto & Nishimura 1998).
class Random {
 public:
  /// Draws the sequence of RandomState(seed) from its beginning.
  explicit Random(std::uint32_t seed);
  /// @{ Draws what `other` would draw from here on, independently of it.
  Random(const Random& other);
  Random& operator=(Random other) noexcept;
  /// @}
  ~Random();

  /// Uniform in [0, 1), with 53 random bits: NumPy's `random_sample`.
  double uniform();
  /// Standard normal by the polar method (Marsaglia & Bray 1964): NumPy's `randn`.
  double normal();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): four random words per
/// counter.
std::array<std::uint32_t, 4> counter_random(std::array<std::uint32_t, 2> key,
                                            std::array<std::uint32_t, 4> counter);

/// Names a stream of random bits. A value: the same key gives the same bits, whenever and on whatever thread
/// they are drawn, so nothing has to be saved to draw them again. Every use needs a key of its own, which
/// `fold` makes: of a run's key for each window, of that for each layer, of that for each time step.
class RandomKey {
 public:
  /// A key to begin with, such as that of a run.
  explicit RandomKey(std::uint64_t seed) : key_{word(seed), word(seed >> 32)} {}
  /// The seed that gives this very key, to write it down.
  std::uint64_t seed() const { return key_[0] | std::uint64_t{key_[1]} << 32; }

  /// The key of use n under this one.
  RandomKey fold(std::uint64_t n) const;
  /// 128 bits of the stream, number `block` of them.
  std::array<std::uint32_t, 4> bits(std::uint64_t block) const {
    return counter_random(key_, {word(block), word(block >> 32), 0, 0});
  }

  /// True if both name the same stream.
  friend bool operator==(const RandomKey&, const RandomKey&) = default;

 private:
  static std::uint32_t word(std::uint64_t bits) { return static_cast<std::uint32_t>(bits); }
  std::array<std::uint32_t, 2> key_;
};

/// Fills the elements of a new parameter, in row-major order.
using Initializer = std::function<void(Random&, std::span<double>)>;

/// Uniform in [low, high). Throws Error unless low <= high.
Initializer uniform(double low, double high);
/// Normal with mean 0 and the given standard deviation. Throws Error if it is negative.
Initializer normal(double deviation);
/// Every element is `value`; draws nothing.
Initializer constant(double value);

}  // namespace xgrad
