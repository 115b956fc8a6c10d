// Schedules against the rates that PyTorch 1.13's schedulers give (torch.optim.lr_scheduler), which stand
// here as numbers.
#include <xgrad/training/schedules.hpp>

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;

namespace {

template <class Schedule>
void check_rates(const Schedule& schedule, const std::vector<double>& expected) {
  for (std::size_t t = 0; t < expected.size(); ++t) {
    CAPTURE(t);
    CHECK(std::abs(schedule(t) - expected[t]) <= 1e-14);
  }
}

// Validation losses of epochs, and the rate after each.
void check_plateau(const Plateau::Options& options, const std::vector<double>& expected) {
  const std::vector<double> losses = {5,   4,   4,   4,   3.9, 3.9, 3.95, 3.9, 3.8999, 3.89,
                                      3.9, 3.9, 3.9, 3.9, 3.9, 3.9, 3.9,  3.9, 3.9,    1,
                                      1,   1,   1,   1,   1,   1,   1,    1,   1,      1};
  REQUIRE(losses.size() == expected.size());
  Plateau plateau(options);
  CHECK(plateau.rate() == options.rate);
  for (std::size_t t = 0; t < losses.size(); ++t) {
    CAPTURE(t);
    CHECK(std::abs(plateau(losses[t]) - expected[t]) <= 1e-14);
    CHECK(plateau.rate() == doctest::Approx(expected[t]));
  }
}

}  // namespace

TEST_CASE("schedules: step decay") {
  check_rates(StepDecay{.rate = 0.5, .every = 3, .factor = 0.3},
              {0.5, 0.5, 0.5, 0.15, 0.15, 0.15, 0.045, 0.045, 0.045, 0.0135});
}

TEST_CASE("schedules: cosine, with a warm-up or without, then the lowest rate") {
  const std::vector<double> wave = {0.5,
                                    0.48287289481503953,
                                    0.4340990257669732,
                                    0.36110377228214524,
                                    0.275,
                                    0.18889622771785486,
                                    0.11590097423302685,
                                    0.0671271051849605,
                                    0.05,
                                    0.05,
                                    0.05};
  check_rates(Cosine{.rate = 0.5, .steps = 8, .min_rate = 0.05}, wave);
  std::vector<double> warmed = {0.125, 0.25, 0.375, 0.5};
  warmed.insert(warmed.end(), wave.begin(), wave.end());
  check_rates(Cosine{.rate = 0.5, .steps = 12, .warmup = 4, .min_rate = 0.05}, warmed);
}

TEST_CASE("schedules: plateau") {
  check_plateau({.rate = 0.5, .factor = 0.5, .patience = 2},
                {0.5,      0.5,       0.5,       0.5,       0.5,        0.5,       0.5,      0.25,
                 0.25,     0.25,      0.25,      0.25,      0.125,      0.125,     0.125,    0.0625,
                 0.0625,   0.0625,    0.03125,   0.03125,   0.03125,    0.03125,   0.015625, 0.015625,
                 0.015625, 0.0078125, 0.0078125, 0.0078125, 0.00390625, 0.00390625});
  std::vector<double> cooled = {0.5,   0.5,   0.5,   0.15,   0.15,   0.15,   0.15,  0.045,
                                0.045, 0.045, 0.045, 0.0135, 0.0135, 0.0135, 0.0135};
  cooled.resize(30, 0.01);
  check_plateau(
      {.rate = 0.5, .factor = 0.3, .patience = 1, .threshold = 0.01, .cooldown = 2, .min_rate = 0.01},
      cooled);
}

TEST_CASE("schedules: a loss that is NaN is no improvement") {
  Plateau plateau({.rate = 1, .factor = 0.5, .patience = 1});
  CHECK(plateau(3) == 1);
  CHECK(plateau(std::nan("")) == 1);
  CHECK(plateau(std::nan("")) == 0.5);
}

TEST_CASE("schedules: a plateau leaves a rate that would change by eps or less") {
  const auto rate = [](const Plateau::Options& options) {
    Plateau plateau(options);
    for (int epoch = 0; epoch < 5; ++epoch) plateau(1);
    return plateau.rate();
  };
  CHECK(rate({.rate = 1e-6, .patience = 0}) == doctest::Approx(1e-8).epsilon(1e-14));  // as PyTorch's
  CHECK(rate({.rate = 1e-6, .patience = 0, .eps = 0}) == doctest::Approx(1e-10).epsilon(1e-14));
  CHECK(rate({.rate = 0.5, .factor = 0.5, .patience = 0, .eps = 0.25}) == 0.5);
  CHECK(rate({.rate = 0.5, .factor = 0.5, .patience = 0, .eps = 0.1}) == 0.125);
}

TEST_CASE("schedules: options out of their range are refused by name") {
  check_error([] { StepDecay{.rate = 0, .every = 1}(0); },
              {"[step decay] needs a positive number for rate, got 0"});
  check_error([] { StepDecay{.rate = 1, .every = 0}(0); }, {"needs at least 1 for every, got 0"});
  check_error([] { StepDecay{.rate = 1, .every = 1, .factor = -1}(0); }, {"for factor, got -1"});
  check_error([] { Cosine{.rate = -1, .steps = 1}(0); }, {"[cosine]", "for rate, got -1"});
  check_error([] { Cosine{.rate = 1, .steps = 3, .warmup = 3}(0); },
              {"more than the warm-up for steps, got 3"});
  check_error([] { Cosine{.rate = 1, .steps = 3, .min_rate = 2}(0); },
              {"a number in [0, rate] for min_rate, got 2"});
  check_error([] { Plateau({.rate = std::nan("")}); }, {"[plateau]", "for rate, got nan"});
  check_error([] { Plateau({.rate = 1, .factor = 1}); }, {"a number in (0, 1) for factor, got 1"});
  check_error([] { Plateau({.rate = 1, .threshold = 1}); }, {"for threshold, got 1"});
  check_error([] { Plateau({.rate = 1, .min_rate = 2}); }, {"for min_rate, got 2"});
  check_error([] { Plateau({.rate = 1, .eps = -1}); }, {"a number >= 0 for eps, got -1"});
}
