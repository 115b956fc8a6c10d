// Perplexity: e to the exact mean over tokens, however they were grouped.
#include <xgrad/training/perplexity.hpp>

#include "autograd/ops/checks.hpp"

using xgrad::Perplexity;

TEST_CASE("perplexity: e to the mean loss per token") {
  Perplexity perplexity;
  perplexity.add(3 * std::log(7.0), 3);
  CHECK(perplexity.value() == doctest::Approx(7.0).epsilon(1e-15));
  perplexity.add(0, 3);
  CHECK(perplexity.value() == doctest::Approx(std::sqrt(7.0)).epsilon(1e-15));
}

TEST_CASE("perplexity: windows count by their tokens") {
  Perplexity perplexity;
  perplexity.add(1, 1);  // the mean of means would be 1.75
  perplexity.add(25, 10);
  CHECK(perplexity.value() == std::exp(26.0 / 11.0));
}

TEST_CASE("perplexity: the sum is exact however the tokens are grouped") {
  const std::vector<double> losses = {0.5, 1.25, 2, 4.75, 0.125, 8};
  Perplexity together, single;
  double total = 0;
  for (const double loss : losses) total += loss, single.add(loss, 1);
  together.add(total, losses.size());
  CHECK(single.value() == together.value());
  CHECK(single.value() == std::exp(16.625 / 6));
  together.add(0, 0);
  CHECK(single.value() == together.value());
}

TEST_CASE("perplexity: of no tokens is an error") {
  Perplexity perplexity;
  checks::check_error([&] { static_cast<void>(perplexity.value()); }, {"[perplexity]", "no tokens"});
  perplexity.add(0, 0);
  checks::check_error([&] { static_cast<void>(perplexity.value()); }, {"[perplexity]", "no tokens"});
}

TEST_CASE("perplexity: the sum of 10^6 losses loses no digits") {
  Perplexity perplexity;
  long double total = 0;
  for (int i = 0; i < 1000000; ++i) {
    const double loss = std::abs(std::sin(static_cast<double>(i))) * 9;
    perplexity.add(loss, 1);
    total += loss;
  }
  CHECK(perplexity.value() == doctest::Approx(static_cast<double>(std::exp(total / 1e6L))).epsilon(1e-12));
}
