// What every optimizer refuses when it is made: an option out of its range, by name (Rprop's and the rate are
// in test_rprop.cpp and test_sgd.cpp); and that in float each does what it does in double, for gradients of
// any size.
#include <xgrad/training/optimizer.hpp>

#include <cmath>
#include <limits>

#include "autograd/ops/checks.hpp"
#include "training/optimizers.hpp"

using namespace xgrad;
using checks::all_optimizers;
using checks::named;
using checks::NamedOptimizer;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity(),
                 not_a_number = std::numeric_limits<double>::quiet_NaN();

template <template <class> class O, class Options>
void refuse(const Options& options, const char* name, const char* part) {
  const Parameters<float> p;
  checks::check_error([&] { O<float>(p, 0.1, options); }, {name, "needs", part});
}

// Where a weight is that began at 0, after `steps` gradients of gradient(0), gradient(1) and so on.
template <class T, class G>
double after(const NamedOptimizer<T>& named, std::size_t steps, G gradient) {
  const Parameters<T> p;
  const auto w = p.weight("w", {1}, constant(0));
  const auto optimizer = named.make(p, 1e-3, Sparse::exact);
  for (std::size_t i = 0; i < steps; ++i) {
    Tape<T> tape;
    optimizer->step(tape.gradient(sum(w * static_cast<T>(gradient(i)))));
  }
  return static_cast<double>(w.value().data()[0]);
}

// Those that divide by a root of squares, which make the same steps whatever the gradients' unit.
template <class T>
std::vector<NamedOptimizer<T>> unitless() {
  const double epsilon = 8 * static_cast<double>(std::numeric_limits<T>::denorm_min());
  return {
      named<Adagrad, T>("adagrad", false, AdagradOptions{.epsilon = epsilon}),
      named<Rmsprop, T>("rmsprop", false, RmspropOptions{.epsilon = epsilon}),
      named<Rmsprop, T>("rmsprop, momentum", false, RmspropOptions{.momentum = 0.9, .epsilon = epsilon}),
      named<Rmsprop, T>("rmsprop, centered", false, RmspropOptions{.centered = true, .epsilon = epsilon}),
      named<Rmsprop, T>("rmsprop, centered, momentum", false,
                        RmspropOptions{.momentum = 0.9, .centered = true, .epsilon = epsilon}),
      named<Adam, T>("adam", false, AdamOptions{.epsilon = epsilon}),
      named<Adam, T>("adam, short means", false, AdamOptions{.beta1 = 0.3, .beta2 = 0, .epsilon = epsilon}),
      named<AdamW, T>("adamw", false, AdamWOptions{.epsilon = epsilon})};
}

}  // namespace

TEST_CASE("optimizers: options out of their range are refused by name") {
  const auto sgd = [](const SgdOptions& options, const char* part) { refuse<Sgd>(options, "[sgd]", part); };
  sgd({.momentum = 1}, "a number in [0, 1) for momentum, got 1");
  sgd({.momentum = not_a_number}, "for momentum, got nan");
  sgd({.dampening = 1.5}, "a number in [0, 1] for dampening, got 1.5");
  sgd({.weight_decay = -1e-9}, "a number >= 0 for weight_decay, got -1e-09");
  sgd({.weight_decay = inf}, "for weight_decay, got inf");
  sgd({.nesterov = true}, "a positive number with nesterov for momentum, got 0");
  sgd({.momentum = 0.5, .dampening = 0.5, .nesterov = true}, "0 with nesterov for dampening, got 0.5");

  const auto adam = [](const AdamOptions& options, const char* part) {
    refuse<Adam>(options, "[adam]", part);
    refuse<AdamW>(AdamWOptions{options.beta1, options.beta2, options.epsilon, options.weight_decay},
                  "[adamw]", part);
  };
  adam({.beta1 = 1}, "a number in [0, 1) for beta1, got 1");
  adam({.beta2 = -0.5}, "a number in [0, 1) for beta2, got -0.5");
  adam({.epsilon = 0}, "a positive number for epsilon, got 0");
  adam({.weight_decay = -1}, "a number >= 0 for weight_decay, got -1");

  const auto adagrad = [](const AdagradOptions& options, const char* part) {
    refuse<Adagrad>(options, "[adagrad]", part);
  };
  adagrad({.rate_decay = -1}, "a number >= 0 for rate_decay, got -1");
  adagrad({.initial = not_a_number}, "a number >= 0 for initial, got nan");
  adagrad({.epsilon = inf}, "a positive number for epsilon, got inf");
  adagrad({.weight_decay = -1}, "a number >= 0 for weight_decay, got -1");

  const auto rmsprop = [](const RmspropOptions& options, const char* part) {
    refuse<Rmsprop>(options, "[rmsprop]", part);
  };
  rmsprop({.alpha = 1}, "a number in [0, 1) for alpha, got 1");
  rmsprop({.momentum = -1}, "a number in [0, 1) for momentum, got -1");
  rmsprop({.epsilon = -1}, "a positive number for epsilon, got -1");
  rmsprop({.weight_decay = not_a_number}, "a number >= 0 for weight_decay, got nan");
}

TEST_CASE("optimizers: one gradient of 6e20 stops none of them in float") {
  const auto in_float = all_optimizers<float>();
  const auto in_double = all_optimizers<double>();
  const auto gradient = [](std::size_t i) { return i == 0 ? 6e20 : 1; };
  for (std::size_t k = 0; k < in_float.size(); ++k) {
    CAPTURE(in_float[k].name);
    for (const std::size_t steps : {1U, 2U, 1001U})
      CHECK(after(in_float[k], steps, gradient) ==
            doctest::Approx(after(in_double[k], steps, gradient)).epsilon(1e-4));
  }
}

TEST_CASE_TEMPLATE("optimizers: steps of a root of squares have no unit, for all gradients in range", T,
                   float, double) {
  const bool single = std::same_as<T, float>;
  const auto wave = [](std::size_t i) { return 0.3 + std::sin(static_cast<double>(i)); };
  for (const auto& optimizer : unitless<T>())
    for (const double unit : single ? std::vector{1e-37, 1e-30, 1e-19, 1e-10, 1e10, 1e19, 1e25, 1e38}
                                    : std::vector{1e-307, 1e-200, 1e-155, 1e-90, 1e90, 1e155, 1e200, 1e307}) {
      CAPTURE(optimizer.name);
      CAPTURE(unit);
      if (single && unit > 1e36 && optimizer.name == "adagrad") continue;  // the root of its sum is no float
      CHECK(after(optimizer, 300, [&](std::size_t i) { return unit * wave(i); }) ==
            doctest::Approx(after(optimizer, 300, wave)).epsilon(single ? 1e-4 : 1e-12));
    }
}

TEST_CASE_TEMPLATE("optimizers: the variance of centered rmsprop does not cancel", T, float, double) {
  const auto centered = named<Rmsprop, T>("", false, RmspropOptions{.centered = true});
  // Of a constant gradient: (1 - a^t) - (1 - a^t)^2.
  long double expected = 0;
  for (int t = 1; t <= 3000; ++t) {
    const long double kept = std::pow(0.99L, t);
    expected -= 1e-3L / (std::sqrt(kept * (1 - kept)) + 1e-8L);
  }
  const double tolerance = std::same_as<T, float> ? 1e-4 : 1e-9;
  CHECK(after(centered, 3000, [](std::size_t) { return 1; }) ==
        doctest::Approx(static_cast<double>(expected)).epsilon(tolerance));

  // Of gradients near 1000, which are floats: as of their distances from it, once the mean is there.
  const auto near = [](std::size_t i) { return 1000 + static_cast<double>(i * i % 17) / 16; };
  long double mean = 0, variance = 0, w = 0;
  for (std::size_t i = 0; i < 5000; ++i) {
    const long double e = near(i) - mean;
    mean += 0.01L * e;
    variance = 0.99L * (variance + 0.01L * e * e);
    w -= 1e-3L * near(i) / (std::sqrt(variance) + 1e-8L);
  }
  CHECK(after(centered, 5000, near) == doctest::Approx(static_cast<double>(w)).epsilon(tolerance));
}
