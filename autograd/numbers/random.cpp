// The generators; see random.hpp. Compiled without contraction of a * b + c: fused arithmetic would differ
// from NumPy in the last bit.
#include <xgrad/autograd/random.hpp>

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

std::array<std::uint32_t, 4> counter_random(std::array<std::uint32_t, 2> key,
                                            std::array<std::uint32_t, 4> counter) {
  const auto product = [](std::uint32_t a, std::uint32_t b) { return static_cast<std::uint64_t>(a) * b; };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p = product(0xD2511F53U, counter[0]), q = product(0xCD9E8D57U, counter[2]);
    counter = {high(q) ^ counter[1] ^ key[0], low(q), high(p) ^ counter[3] ^ key[1], low(p)};
    key[0] += 0x9E3779B9U;  // the golden ratio and sqrt(3) - 1, as fractions of 2^32
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

RandomKey RandomKey::fold(std::uint64_t n) const {
  // Counters that bits() does not use.
  const auto words = counter_random(key_, {word(n), word(n >> 32), 1, 0});
  return RandomKey(words[0] | static_cast<std::uint64_t>(words[1]) << 32);
}

}  // namespace xgrad
