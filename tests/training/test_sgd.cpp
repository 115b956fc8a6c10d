// Sgd: the update of dense and row-sparse gradients, which agree to the bit and leave rows that were not read
// alone; what it refuses, it refuses before any parameter has changed.
#include <xgrad/training/sgd.hpp>

#include <limits>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::identical;
using checks::numbers;

TEST_CASE_TEMPLATE("sgd: every number moves against its gradient", T, float, double) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{3, 7}, Shape{40}, Shape{0, 2}}) {
    const Parameters<T> p(1);
    const auto w = p.weight("w", shape);
    const auto before = w.value().copy(), factor = numbers<T>(shape);
    Sgd sgd(p, 0.3);
    Tape<T> tape;
    sgd.step(tape.gradient(sum(w * Variable<T>(factor))));
    checks::check_elements(w.value(), shape, 4 * checks::epsilon<T>, [&](std::size_t i) {
      return before.data()[i] - static_cast<T>(0.3) * factor.data()[i];
    });
  }
}

TEST_CASE("sgd: the parameters below the scope are updated, and no others") {
  const Parameters<double> p;
  const auto a = (p / "x").weight("a", {2}, constant(1)), b = (p / "y").weight("b", {2}, constant(2));
  Sgd sgd(p / "x", 0.5);
  for (int step = 1; step <= 20; ++step) {
    Tape<double> tape;
    sgd.step(tape.gradient(sum(square(a) + square(b)) / 2));
  }
  CHECK(a.value().data()[0] == std::pow(0.5, 20));
  CHECK(b.value().data()[1] == 2);
  CHECK(p["x/a"].value().data()[1] == std::pow(0.5, 20));
}

TEST_CASE_TEMPLATE("sgd: row-sparse and dense gradients give the same bits", T, float, double) {
  const Ids first = {4, 1, 4, 17}, second = Ids({2, 2}, {1, 5, 4, 5});
  for (const Shape& shape : {Shape{20}, Shape{20, 3}, Shape{20, 17}, Shape{20, 2, 3}}) {
    const auto train = [&](bool sparse) {
      const Parameters<T> p(1);
      const auto W = p.weight("W", shape);
      Sgd sgd(p, 0.1);
      for (int step = 0; step < 3; ++step) {
        Tape<T> tape;
        const auto table = sparse ? W : 1 * W;  // behind an op the table's gradient is dense
        const auto gradients =
            tape.gradient(sum(square(take(table, first))) + sum(tanh(take(table, second))));
        CHECK(std::holds_alternative<RowSparse<T>>(*gradients.stored(W)) == sparse);
        sgd.step(gradients);
      }
      return W.value();
    };
    const auto sparse = train(true), start = Parameters<T>(1).weight("W", shape).value();
    CHECK(identical(sparse, train(false)));
    for (std::size_t row = 0; row < 20; ++row) {
      const bool read = row == 1 || row == 4 || row == 5 || row == 17;
      CHECK(identical(sparse.row(row), start.row(row)) != read);
    }
  }
}

TEST_CASE("sgd: a parameter without a gradient is named before anything changes") {
  const Parameters<double> p(1);
  const auto used = p.weight("used", {3}), table = p.weight("table", {4, 2}),
             forgotten = (p / "rnn").weight("b", {3});
  const auto before = used.value().copy(), rows = table.value().copy();
  Sgd sgd(p, 0.1);
  Tape<double> tape;
  const auto gradients = tape.gradient(sum(used) + sum(take(table, {1})));
  check_error([&] { sgd.step(gradients); }, {"[gradient]", "does not depend on the parameter 'rnn/b'"});
  CHECK(identical(used.value(), before));
  CHECK(identical(table.value(), rows));
}

TEST_CASE("sgd: gradients that count unreached parameters as zeros leave those alone") {
  const Parameters<double> p(1);
  const auto used = p.weight("used", {3}, constant(1)), idle = p.weight("idle", {3});
  const auto before = idle.value().copy();
  Sgd sgd(p, 0.5);
  Tape<double> tape;
  const auto gradients = tape.gradient(sum(used), {.unreached = zeros});
  CHECK_NOTHROW(sgd.step(gradients));  // what the error of the test above advises
  CHECK(used.value().data()[0] == 0.5);
  CHECK(identical(idle.value(), before));
}

TEST_CASE("sgd: a rate that is no positive number is refused") {
  constexpr double inf = std::numeric_limits<double>::infinity(),
                   nan = std::numeric_limits<double>::quiet_NaN();
  const Parameters<float> p;
  Sgd sgd(p, 0.25);
  for (const double rate : {0.0, -0.1, inf, -inf, nan}) {
    check_error([&] { Sgd<float>(p, rate); }, {"[sgd]", "positive number, got"});
    check_error([&] { sgd.set_rate(rate); }, {"[sgd]", "positive number, got"});
    CHECK(sgd.rate() == 0.25);
  }
  check_error([&] { sgd.set_rate(-0.1); }, {"got -0.1"});
  sgd.set_rate(0.5);
  CHECK(sgd.rate() == 0.5);
}

TEST_CASE_TEMPLATE("sgd: a new rate counts from the next step", T, float, double) {
  const Parameters<T> p;
  const auto w = p.weight("w", {9}, constant(0));
  Sgd sgd(p, 1);
  for (const double rate : {1.0, 0.25}) {
    sgd.set_rate(rate);
    Tape<T> tape;
    sgd.step(tape.gradient(-sum(w)));
  }
  checks::check_elements(w.value(), {9}, 0, [](std::size_t) { return 1.25; });
}
