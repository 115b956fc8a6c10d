// Rprop: both rules of signs against their definitions, number by number; the curve of the reference network
// whose training they came from is reproduced with the network itself.
#include <xgrad/training/rprop.hpp>

#include <limits>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::identical;

namespace {

double sign(double g) { return g > 0 ? 1 : g < 0 ? -1 : 0; }

// One number, as the definitions say it.
struct Weight {
  double w, step, before = 0;
  void plain(double g, double increase, double decrease, double least, double most) {
    step = std::clamp(step * (sign(g) == before ? increase : decrease), least, most);
    before = sign(g);
    w -= before * step;
  }
  void classical(double g, double increase, double decrease, double least, double most) {
    const double product = g * before;
    step = std::clamp(step * (product > 0 ? increase : product < 0 ? decrease : 1), least, most);
    before = product < 0 ? 0 : g;
    w -= sign(before) * step;
  }
};

// Gradients of which many are zeros or change their sign.
template <class T>
Array<T> gradient_of(int step, const Shape& shape) {
  auto g = checks::numbers<T>(shape, -1, 1, static_cast<std::uint32_t>(step));
  for (std::size_t i = 0; i < g.size(); ++i)
    if ((i + static_cast<std::size_t>(step)) % 3 == 0) g.mutable_data()[i] = 0;
  return g;
}

}  // namespace

TEST_CASE_TEMPLATE("rprop: every number has its own step, by either rule", T, float, double) {
  for (const bool classical : {false, true})
    for (const Shape& shape : {Shape{}, Shape{3, 7}, Shape{40}})
      for (const RpropOptions& options : {RpropOptions{.classical = classical}, RpropOptions{.initial = 0.1,
                                                                                .increase = 1.5,
                                                                                .decrease = 0.25,
                                                                                .min_step = 1e-4,
                                                                                .max_step = 0.2,
                                                                                .classical = classical}}) {
        const Parameters<T> p(1);
        const auto w = p.weight("w", shape);
        std::vector<Weight> numbers;
        for (const T value : w.value()) numbers.push_back({static_cast<double>(value), options.initial});
        Rprop rprop(p, options);
        for (int step = 0; step < 30; ++step) {
          const auto g = gradient_of<T>(step, shape);
          Tape<T> tape;
          rprop.step(tape.gradient(sum(w * Variable<T>(g))));
          for (std::size_t i = 0; i < numbers.size(); ++i) {
            const auto gi = static_cast<double>(g.data()[i]);
            if (classical)
              numbers[i].classical(gi, options.increase, options.decrease, options.min_step,
                                   options.max_step);
            else
              numbers[i].plain(gi, options.increase, options.decrease, options.min_step, options.max_step);
          }
        }
        CHECK(rprop.steps() == 30);
        for (std::size_t i = 0; i < numbers.size(); ++i)
          CHECK(std::abs(static_cast<double>(w.value().data()[i]) - numbers[i].w) <=
                100 * checks::epsilon<T> * (1 + std::abs(numbers[i].w)));
      }
}

TEST_CASE(
    "rprop: the first update halves the initial step, a repeated sign lengthens it, a change halves it") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, constant(1));
  Rprop rprop(p);
  double expected = 1;
  for (const auto& [slope, move] : {std::array{3.0, -5e-4}, {0.1, -6e-4}, {-7.0, 3e-4}}) {
    Tape<double> tape;
    rprop.step(tape.gradient(sum(w * slope)));
    CHECK(w.item() == doctest::Approx(expected += move).epsilon(1e-15));
  }
}

TEST_CASE("rprop: a step that grew to infinity moves nothing that has no gradient, and NaN is not hidden") {
  const Parameters<double> p;
  const auto w = p.weight("w", {1}, constant(1));
  Rprop rprop(p, {.increase = 1e200});
  for (int step = 0; step < 4; ++step) {
    Tape<double> tape;
    rprop.step(tape.gradient(sum(w * 0)));
  }
  CHECK(w.item() == 1);
  Tape<double> tape;
  rprop.step(tape.gradient(sum(w * std::nan(""))));
  CHECK(std::isnan(w.item()));
}

TEST_CASE("rprop: options out of their range are refused by name") {
  const Parameters<float> p;
  const auto refuse = [&](const RpropOptions& options, const char* part) {
    check_error([&] { Rprop<float>(p, options); }, {"[rprop] needs", part});
  };
  refuse({.initial = 0}, "a positive number for initial, got 0");
  refuse({.increase = 0.9}, "a number >= 1 for increase, got 0.9");
  refuse({.decrease = 1}, "a number in (0, 1) for decrease, got 1");
  refuse({.decrease = std::nan("")}, "for decrease, got nan");
  refuse({.min_step = -1}, "for min_step, got -1");
  refuse({.min_step = 2, .max_step = 1}, "a positive number >= min_step for max_step, got 1");
}
