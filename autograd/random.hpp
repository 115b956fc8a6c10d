// Random numbers, reproducible to the bit on every platform: Random draws the same sequence as NumPy's legacy
// generator, for initial weights; counter_random is a function of (key, counter) alone, and RandomKey hands
// such keys out, for draws that must not depend on the order or the thread in which they are made.
// Initializers, at the end, say how the elements of a new parameter are drawn.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <xgrad/autograd/shape.hpp>

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

  /// Where it stands in its sequence, as text.
  std::string state() const;
  /// Goes on from what state() returned. Throws Error, and stays where it is, for any other text.
  void restore(const std::string& state);

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

  /// The same of the blocks from `first` on, one after the other, as many as fill the words; a multiple of 4.
  void bits(std::uint64_t first, std::span<std::uint32_t> words) const;

  /// True if both name the same stream.
  friend bool operator==(const RandomKey&, const RandomKey&) = default;

 private:
  static std::uint32_t word(std::uint64_t bits) { return static_cast<std::uint32_t>(bits); }
  std::array<std::uint32_t, 2> key_;
};

/// Fills the elements of a new parameter, in row-major order. It is made of any function that does, which may
/// ask for the shape, too:
///     [](Random& random, std::span<double> numbers) { ... }
///     [](Random& random, std::span<double> numbers, const Shape& shape) { ... }
class Initializer {
 public:
  /// An empty one, which draws nothing: where an option is left empty, its default is drawn.
  Initializer() = default;
  /// @{ Calls `fill`; empty if that is an empty std::function.
  template <std::invocable<Random&, std::span<double>, const Shape&> F>
  requires(!std::same_as<F, Initializer>) Initializer(F fill)  // NOLINT(google-explicit-constructor)
      : fill_(std::move(fill)) {}
  template <std::invocable<Random&, std::span<double>> F>
  requires(!std::invocable<F, Random&, std::span<double>, const Shape&>)
      Initializer(F fill) {  // NOLINT(google-explicit-constructor)
    if (std::function<void(Random&, std::span<double>)> plain = std::move(fill))
      fill_ = [plain](Random& random, std::span<double> numbers, const Shape&) { plain(random, numbers); };
  }
  /// @}

  /// Whether there is a function.
  explicit operator bool() const { return static_cast<bool>(fill_); }
  /// Fills the elements of a parameter of this shape. Throws Error if it is empty, or the shape has not as
  /// many elements; and what the function throws.
  void operator()(Random& random, std::span<double> numbers, const Shape& shape) const;
  /// The same for the shape (n,), n the number of elements.
  void operator()(Random& random, std::span<double> numbers) const {
    (*this)(random, numbers, {numbers.size()});
  }

 private:
  std::function<void(Random&, std::span<double>, const Shape&)> fill_;
};

/// Uniform in [low, high). Throws Error unless low <= high and high - low is finite.
Initializer uniform(double low, double high);
/// Normal with mean 0 and the given standard deviation. Throws Error unless that is finite and >= 0.
Initializer normal(double deviation);
/// Normal with mean 0 and the given standard deviation, drawn again where it lies more than two deviations
/// from 0, as in TensorFlow, so that the result's own deviation is 0.88 times the given. Throws Error unless
/// that is finite and >= 0.
Initializer truncated_normal(double deviation);
/// Every element is `value`; draws nothing.
Initializer constant(double value);

// Those below know the shape. To them a parameter is a matrix W: (K, M) as in matmul(x, W), with K the size
// of the first axis and M the product of all others. Each output sums K inputs (the "fan-in"), and each input
// enters M outputs (the "fan-out"). Of a shape of rank 0 or 1 this cannot be said, and they throw Error when
// they are to fill one. A cell's matrix that holds those of several gates is drawn gate by gate: see
// `blocks`.

/// Uniform in +-gain sqrt(6 / (K + M)): Glorot & Bengio 2010, "Understanding the difficulty of training deep
/// feedforward neural networks", eq. 16. Throws Error unless gain is finite and >= 0.
Initializer glorot_uniform(double gain = 1);
/// Normal with deviation gain sqrt(2 / (K + M)), the same variance: Glorot & Bengio 2010, eq. 12. Throws
/// Error unless gain is finite and >= 0.
Initializer glorot_normal(double gain = 1);
/// Uniform in +-sqrt(6 / K), for what relu is applied to: the variance of He et al. 2015 (arXiv:1502.01852,
/// eq. 10).
Initializer he_uniform();
/// Normal with deviation sqrt(2 / K), for what relu is applied to: He et al. 2015 (arXiv:1502.01852, eq. 10).
Initializer he_normal();
/// A random matrix whose rows or columns, whichever are fewer, are orthonormal, times gain: Saxe et al. 2014
/// (arXiv:1312.6120). Every such matrix is as likely as any other (Haar measure): it is the Q, for an R with
/// a positive diagonal, of a matrix of normal draws (Mezzadri 2007, arXiv:math-ph/0609050). Throws Error if
/// gain is not finite.
Initializer orthogonal(double gain = 1);
/// `scale` on the diagonal and 0 elsewhere; draws nothing. For the recurrent matrix of a cell with relu: Le
/// et al. 2015 (arXiv:1504.00941). It fills shapes of rank 2, square or not. Throws Error if scale is not
/// finite.
Initializer identity(double scale = 1);

/// Each of the n equal parts of the last axis drawn by `initializer` by itself, the first one first. An
/// LSTM's recurrent weights (H, 4H) are four square matrices side by side: blocks(4, orthogonal()) makes each
/// orthogonal. Throws Error if n is 0 or `initializer` is empty and, when it is to fill a shape, if n does
/// not divide the last axis.
Initializer blocks(std::size_t n, const Initializer& initializer);

}  // namespace xgrad
