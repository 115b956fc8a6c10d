// Dropout: which numbers are dropped is a function of the key and the place alone. Values and gradients
// follow from the registry, the generator is tested in test_random.cpp.
#include <thread>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;

namespace {

const RandomKey key(7);

Variable<float> ones(const Shape& shape) { return Array<float>::full(shape, 1); }

double share_kept(double rate, RandomKey k) {
  const auto y = dropout(ones({200, 500}), rate, k).value();
  return static_cast<double>(std::count_if(y.begin(), y.end(), [](float yi) { return yi != 0; })) / 1e5;
}

}  // namespace

TEST_CASE("dropout: keeps the right share, scaled so that the mean stays") {
  for (const double rate : {0.1, 0.5, 0.9}) {
    CHECK(std::abs(share_kept(rate, key) - (1 - rate)) <
          5e-3);  // three standard deviations are at most 4.8e-3
    const auto y = dropout(ones({1000}), rate, key).value();
    CHECK(std::all_of(y.begin(), y.end(),
                      [&](float yi) { return yi == 0 || yi == static_cast<float>(1 / (1 - rate)); }));
  }
  CHECK(identical(dropout(ones({9}), 0, key).value(), ones({9}).value()));
}

TEST_CASE(
    "dropout: the same key drops the same, in any shape and on any thread, another key something else") {
  const auto y = dropout(ones({6, 50}), 0.5, key).value();
  CHECK(identical(dropout(ones({6, 50}), 0.5, key).value(), y));
  CHECK(identical(dropout(ones({300}), 0.5, key).value(), y.reshaped({300})));
  CHECK(identical(dropout(ones({2, 50}), 0.5, key).value(), y.rows(0, 2)));
  Array<float> elsewhere;
  std::thread([&] { elsewhere = dropout(ones({6, 50}), 0.5, key).value(); }).join();
  CHECK(identical(elsewhere, y));
  CHECK_FALSE(identical(dropout(ones({6, 50}), 0.5, key.fold(0)).value(), y));
  CHECK_FALSE(identical(dropout(ones({6, 50}), 0.5, key.fold(0)).value(),
                        dropout(ones({6, 50}), 0.5, key.fold(1)).value()));
}

TEST_CASE("dropout: what is dropped cannot leak, not even NaN") {
  Array<float> x = Array<float>::full({64}, std::numeric_limits<float>::quiet_NaN());
  Tape<float> tape;
  const auto leaf = tape.leaf(x);
  const auto y = dropout(leaf, 0.5, key);
  const auto dx = tape.gradient(y, {.seed = x})[leaf];
  const auto mask = dropout(ones({64}), 0.5, key).value();
  for (std::size_t i = 0; i < 64; ++i) {
    CHECK(std::isnan(y.value().data()[i]) == (mask.data()[i] != 0));
    CHECK(std::isnan(dx.data()[i]) == (mask.data()[i] != 0));
  }
}
