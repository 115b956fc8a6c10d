// Averages of weights against their formulas, the moment of the trigger against the rule of Merity et al.,
// and the exchange of elements that ends with its scope.
#include <xgrad/training/averages.hpp>

#include <cmath>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;

namespace {

struct Weight {
  Parameters<float> p;
  Variable<float> w = p.weight("w", {2}, constant(1));
  void set(double x) const { p.assign("w", Array<float>::full({2}, static_cast<float>(x))); }
  double at() const { return static_cast<double>(w.value().data()[0]); }
};

}  // namespace

TEST_CASE("averages: an exponential average is that of its formula, and begins with the first weights") {
  const Weight weight;
  ExponentialAverage average(weight.p, 0.9);
  {
    const auto unchanged = average.use();  // nothing yet
    CHECK(weight.at() == 1);
  }
  double expected = 0;
  for (int k = 0; k < 20; ++k) {
    weight.set(std::sin(k));
    const double w = weight.at();
    expected = k == 0 ? w : 0.9 * expected + 0.1 * w;
    average.update();
  }
  CHECK(average.updates() == 20);
  const double own = weight.at();
  {
    const auto averaged = average.use();
    CHECK(std::abs(weight.at() - expected) < 1e-7);
    check_error([] { ExponentialAverage(Parameters<float>(), 1); },
                {"[exponential average] needs", "decay, got 1"});
  }
  CHECK(weight.at() == own);

  const auto late = weight.p.weight("late", {1}, constant(3));
  average.update();
  const auto averaged = average.use();
  CHECK(late.item() == 3);
}

TEST_CASE("averages: small changes are not lost in float weights") {
  const Weight weight;
  ExponentialAverage average(weight.p, 0.9999);
  average.update();
  weight.set(1 + 1e-4);
  for (int k = 0; k < 100000; ++k) average.update();
  const auto averaged = average.use();
  CHECK(std::abs(weight.at() - (1 + 1e-4)) < 2e-7);
}

TEST_CASE("averages: a triggered average begins when the loss has stopped falling") {
  const Weight weight;
  TriggeredAverage average(weight.p, 2);
  CHECK(!average.observe(5));
  CHECK(!average.observe(4));
  CHECK(!average.observe(4.5));  // the least but for the last two is 5
  average.update();
  CHECK(average.updates() == 0);
  CHECK(!average.observe(3.9));
  CHECK(!average.observe(3.95));  // 4, 4.5 stand before the last two
  CHECK(!average.observe(4));
  CHECK(average.observe(4.1));
  CHECK(average.triggered());
  double sum = 0;
  for (int k = 0; k < 7; ++k) {
    weight.set(k * k);
    sum += weight.at();
    average.update();
  }
  const auto averaged = average.use();
  CHECK(std::abs(weight.at() - sum / 7) < 1e-6);
  CHECK(average.observe(0));  // it stays so
}

TEST_CASE("averages: NaN triggers, and their states go on where they were") {
  const Weight weight;
  TriggeredAverage average(weight.p, 1);
  ExponentialAverage smooth(weight.p, 0.5);
  CHECK(!average.observe(1));
  CHECK(!average.observe(2));
  const StateDict waiting = average.state();
  CHECK(average.observe(NAN));
  average.update();
  smooth.update();
  weight.set(3);
  const StateDict running = average.state(), half = smooth.state();
  average.update();
  smooth.update();

  TriggeredAverage bad_start(weight.p, 1);
  CHECK(!bad_start.observe(NAN));
  CHECK(!bad_start.observe(2));
  CHECK(!bad_start.observe(1));  // NaN is the larger one
  TriggeredAverage other(weight.p, 1);
  other.restore(waiting);
  CHECK(!other.triggered());
  CHECK(other.observe(1.5));
  other.restore(running);
  CHECK(other.triggered());
  CHECK(other.updates() == 1);
  other.update();
  {
    const auto averaged = other.use();
    CHECK(weight.at() == 2);
  }
  ExponentialAverage another(weight.p, 0.5);
  another.restore(half);
  another.update();
  {
    const auto averaged = another.use();
    CHECK(weight.at() == 2);
  }
  (void)weight.p.weight("late", {1}, constant(7));  // the state of an average that has not seen it
  another.restore(half);
  other.restore(other.state());
  another.update();
  {
    const auto averaged = another.use();
    CHECK(weight.at() == 2);
    CHECK(weight.p["late"].item() == 7);
  }

  const Parameters<float> q;
  (void)q.weight("v", {2});
  check_error([&] { ExponentialAverage(q, 0.5).restore(half); },
              {"missing: 'mean/v'", "unexpected: 'mean/w'"});
  check_error([&] { ExponentialAverage(weight.p, 0.5).restore(StateDict()); }, {"missing: 'updates'"});
  check_error([&] { another.restore(running); }, {"[exponential average]", "unexpected: 'losses'"});
  check_error([&] { other.restore(half); }, {"there is no 'losses'"});
}
