// The generators, bit for bit: Random against numbers drawn by NumPy, counter_random against the known
// answers of its authors; and the initializers.
#include <xgrad/autograd/random.hpp>

#include <doctest/doctest.h>

#include <set>

#include <cstdlib>
#include <fstream>
#include <limits>

#include <nlohmann/json.hpp>

#include "errors.hpp"

using xgrad::Random;
using xgrad::RandomKey;
using namespace xgrad::testing;

namespace {

std::vector<double> draw(const xgrad::Initializer& initializer, std::size_t n, std::uint32_t seed = 1) {
  Random random(seed);
  std::vector<double> result(n, -7);
  initializer(random, result);
  return result;
}

}  // namespace

TEST_CASE("Random: draws what NumPy draws to the bit") {
  std::ifstream file(XGRAD_TEST_DATA "/golden/rng.json");
  REQUIRE(file.good());
  const auto golden = nlohmann::json::parse(file);
  for (const std::uint32_t seed : {0U, 1U}) {
    const auto& numbers = golden["meta"]["hex"]["seed" + std::to_string(seed)];
    const auto expected = [&](const char* kind, std::size_t i) {
      return std::strtod(numbers[kind][i].get<std::string>().c_str(), nullptr);
    };
    REQUIRE(numbers["double"].size() == 10);
    REQUIRE(numbers["gauss"].size() == 10);
    Random uniform(seed), normal(seed);
    for (std::size_t i = 0; i < 10; ++i) {
      CAPTURE(i);
      CHECK(uniform.uniform() == expected("double", i));
      CHECK(normal.normal() == expected("gauss", i));
    }
  }
}

TEST_CASE("Random: the counter generator gives the known answers of Philox4x32-10") {
  using Words = std::array<std::uint32_t, 4>;
  constexpr std::uint32_t ones = ~std::uint32_t{0};
  CHECK(xgrad::counter_random({0, 0}, {0, 0, 0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(xgrad::counter_random({ones, ones}, {ones, ones, ones, ones}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(xgrad::counter_random({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("Random: initializers draw in order") {
  Random random(1);
  for (const double x : draw(xgrad::uniform(-2, 6), 5)) CHECK(x == -2 + 8 * random.uniform());
  Random again(1);
  for (const double x : draw(xgrad::normal(0.1), 5)) CHECK(x == 0.1 * again.normal());
  CHECK(draw(xgrad::constant(3), 4) == std::vector<double>(4, 3));
  CHECK(draw(xgrad::uniform(2, 2), 3) == std::vector<double>(3, 2));
  CHECK(draw(xgrad::normal(0), 3) == std::vector<double>(3, 0));

  Random untouched(1), used(1);
  std::vector<double> none(5);
  xgrad::constant(1)(used, none);
  CHECK(used.uniform() == untouched.uniform());
}

TEST_CASE("Random: initializers refuse what is no distribution") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                   inf = std::numeric_limits<double>::infinity();
  CHECK(message_of([] { xgrad::uniform(1, -1); }) ==
        "[uniform] needs low <= high and a finite high - low, got 1 and -1");
  CHECK(contains(message_of([] { xgrad::uniform(nan, 1); }), "[uniform] needs low <= high"));
  CHECK(contains(message_of([] { xgrad::uniform(0, inf); }), "got 0 and inf"));
  CHECK(contains(message_of([] { xgrad::uniform(-1e308, 1e308); }), "got -1e+308 and 1e+308"));
  CHECK(contains(message_of([] { xgrad::normal(inf); }), "got inf"));
  CHECK(message_of([] { xgrad::normal(-0.5); }) == "[normal] needs a finite deviation >= 0, got -0.5");
  CHECK(contains(message_of([] { xgrad::normal(nan); }), "[normal] needs a finite deviation >= 0"));
}

TEST_CASE("random: a key is a value, and its folds are streams of their own") {
  const RandomKey key(0x123456789ULL);
  CHECK(key == RandomKey(0x123456789ULL));
  CHECK(key.bits(5) == RandomKey(0x123456789ULL).bits(5));
  CHECK(key.bits(1ULL << 40) == xgrad::counter_random({0x23456789U, 1}, {0, 1U << 8, 0, 0}));
  std::set<std::array<std::uint32_t, 4>> seen;
  for (std::uint64_t n = 0; n < 1000; ++n) {
    seen.insert(key.bits(n));
    seen.insert(key.fold(n).bits(0));
    seen.insert(key.fold(n).fold(n).bits(0));
  }
  CHECK(seen.size() == 3000);
  CHECK_FALSE(key.fold(1) == key.fold(1ULL << 32));
}

TEST_CASE("Random: goes on from a state, the second number of a pair included") {
  for (const int draws : {0, 1, 2, 700}) {
    Random one(3), other(4);
    for (int k = 0; k < draws; ++k) (void)one.normal();
    other.restore(one.state());
    CHECK(other.state() == one.state());
    for (int k = 0; k < 5; ++k) CHECK(one.normal() == other.normal());
    CHECK(one.uniform() == other.uniform());
  }
  Random random(3);
  const std::string state = random.state(), refusal = "[random] the text is no state of a generator";
  std::string zeros, long_words;
  for (int word = 0; word < 624; ++word) zeros += "0 ", long_words += "99999999999 ";
  for (const std::string& text :
       {std::string(), std::string("x"), state.substr(0, 100), state + " x", state + " 1 2", state + " ",
        state + " -5", state + " 99999999999999999999999", zeros + "624", long_words + "624"})
    CHECK(contains(message_of([&] { random.restore(text); }), refusal));
  CHECK(random.state() == state);
}
