// The generators; see random.hpp. Compiled without contraction of a * b + c: fused arithmetic would differ
// from NumPy in the last bit.
#include <xgrad/autograd/random.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <locale>
#include <optional>
#include <random>
#include <sstream>
#include <utility>

#include <xgrad/autograd/error.hpp>

namespace xgrad {

struct Random::State {
  std::mt19937 engine;
  std::optional<double> spare{};  // the polar method draws pairs
};

Random::Random(std::uint32_t seed) : state_(new State{std::mt19937(seed)}) {}
Random::Random(const Random& other) : state_(new State(*other.state_)) {}
Random& Random::operator=(Random other) noexcept {
  state_.swap(other.state_);
  return *this;
}
Random::~Random() = default;

double Random::uniform() {
  std::mt19937& engine = state_->engine;
  const auto high = static_cast<double>(engine() >> 5);  // 27 bits
  const auto low = static_cast<double>(engine() >> 6);   // 26 bits
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

double Random::normal() {
  if (const auto spare = std::exchange(state_->spare, std::nullopt)) return *spare;
  double x1, x2, r;
  do {
    x1 = 2.0 * uniform() - 1.0;
    x2 = 2.0 * uniform() - 1.0;
    r = x1 * x1 + x2 * x2;
  } while (r >= 1.0 || r == 0.0);
  const double f = std::sqrt(-2.0 * std::log(r) / r);
  state_->spare = f * x1;
  return f * x2;
}

std::string Random::state() const {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << state_->engine;
  if (state_->spare) text << ' ' << std::bit_cast<std::uint64_t>(*state_->spare);
  return text.str();
}

void Random::restore(const std::string& state) {
  std::istringstream text(state);
  text.imbue(std::locale::classic());
  Random read(0);
  std::uint64_t spare = 0;
  text >> read.state_->engine;
  if (text >> spare) read.state_->spare = std::bit_cast<double>(spare);
  // The engine takes any words: zeros, of which it makes zeros for ever, and some of more than 32 bits.
  std::mt19937 engine = read.state_->engine;
  std::mt19937::result_type bits = 0;
  for (std::size_t i = 0; i < 2 * std::mt19937::state_size; ++i) bits |= engine();
  if (read.state() != state || bits == 0 || bits > std::mt19937::max())
    throw Error("random", "the text is no state of a generator: expected what state() returned");
  state_ = std::move(read.state_);
}

namespace {

// n counters and what ten rounds make of them, word by word.
template <std::size_t n>
struct Philox {
  std::uint32_t a[n], b[n], c[n], d[n];

  // All at once: one by itself waits for its products.
  void run(std::array<std::uint32_t, 2> key) {
    for (int round = 0; round < 10; ++round) {
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t p = std::uint64_t{a[i]} * 0xD2511F53U, q = std::uint64_t{c[i]} * 0xCD9E8D57U;
        a[i] = static_cast<std::uint32_t>(q >> 32) ^ b[i] ^ key[0];
        b[i] = static_cast<std::uint32_t>(q);
        c[i] = static_cast<std::uint32_t>(p >> 32) ^ d[i] ^ key[1];
        d[i] = static_cast<std::uint32_t>(p);
      }
      key[0] += 0x9E3779B9U;  // the golden ratio and sqrt(3) - 1, as fractions of 2^32
      key[1] += 0xBB67AE85U;
    }
  }
};

}  // namespace

std::array<std::uint32_t, 4> counter_random(std::array<std::uint32_t, 2> key,
                                            std::array<std::uint32_t, 4> counter) {
  Philox<1> one{{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}};
  one.run(key);
  return {one.a[0], one.b[0], one.c[0], one.d[0]};
}

void RandomKey::bits(std::uint64_t first, std::span<std::uint32_t> words) const {
  constexpr std::size_t n = 32;  // for 16 GCC 12 unrolls what it should vectorize: twice the time
  Philox<n> some;
  for (std::size_t at = 0; at < words.size(); at += 4 * n, first += n) {
    for (std::size_t i = 0; i < n; ++i) {
      some.a[i] = word(first + i);
      some.b[i] = word((first + i) >> 32);
      some.c[i] = some.d[i] = 0;
    }
    some.run(key_);
    std::uint32_t* out = words.data() + at;
    for (std::size_t i = 0; i < std::min(n, (words.size() - at) / 4); ++i) {
      *out++ = some.a[i];
      *out++ = some.b[i];
      *out++ = some.c[i];
      *out++ = some.d[i];
    }
  }
}

RandomKey RandomKey::fold(std::uint64_t n) const {
  // Counters that bits() does not use.
  const auto words = counter_random(key_, {word(n), word(n >> 32), 1, 0});
  return RandomKey(words[0] | static_cast<std::uint64_t>(words[1]) << 32);
}

}  // namespace xgrad
