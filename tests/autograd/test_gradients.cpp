// Gradients: a value that outlives its tape; row-sparse where a table was only read; and for every gradient
// that does not exist the error that says why.
#include <xgrad/autograd/gradients.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <optional>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Gradients;
using xgrad::Ids;
using xgrad::Parameters;
using xgrad::RowSparse;
using xgrad::Shape;
using xgrad::Tape;
using xgrad::Variable;
using xgrad::zeros;
using namespace xgrad::testing;

namespace {

std::vector<std::int64_t> list(const Ids& ids) { return {ids.begin(), ids.end()}; }

}  // namespace

TEST_CASE("Gradients: are scaled by a factor that their scalar does not hold") {
  const Parameters<float> p;
  const auto w = p.weight("w", {1});
  for (const double factor : {-1e-41, 1e41, 1e-30, 0.0}) {
    Tape<float> tape;
    auto gradients = tape.gradient(sum(w * (std::abs(factor) > 1 ? 1e-30F : 1e30F)));
    const double before = static_cast<double>(gradients[w].item());
    gradients.scale(w, factor);
    CHECK(gradients[w].item() == doctest::Approx(before * factor).epsilon(2e-7));
  }
}

TEST_CASE("Gradients: outlive the tape") {
  Variable<double> w, x;
  std::optional<Gradients<double>> gradients;
  {
    const Parameters<double> p;  // dies as well: the gradients keep the parameter's identity
    w = p.weight("w", {2}, xgrad::constant(3));
    Tape<double> tape;
    x = tape.leaf(ramp<double>({2}));
    gradients = tape.gradient(sum(w * w * x));
  }
  CHECK(numbers((*gradients)[w]) == std::vector<double>{6, 12});
  CHECK(numbers((*gradients)[x]) == std::vector<double>{9, 9});
  const Gradients<double> copy = *gradients;
  gradients.reset();
  CHECK(numbers(copy[w]) == std::vector<double>{6, 12});
}

TEST_CASE_TEMPLATE("Gradients: of rows that were read are sparse and ascending and unique", T, float,
                   double) {
  const Parameters<T> p;
  const auto table = p.weight("E", {6, 2});
  Tape<T> tape;
  const auto rows = take(table, Ids({2, 2}, {4, 1, 4, 0}));
  const auto seed = ramp<T>({2, 2, 2});  // rows (1, 2) (3, 4) (5, 6) (7, 8)
  const auto gradients = tape.gradient(rows, {.seed = seed});
  const auto& sparse = std::get<RowSparse<T>>(*gradients.stored(table));
  CHECK(sparse.shape == Shape{6, 2});
  CHECK(list(sparse.rows) == std::vector<std::int64_t>{0, 1, 4});
  CHECK(sparse.values.shape() == Shape{3, 2});
  CHECK(numbers(sparse.values) == std::vector<T>{7, 8, 3, 4, 6, 8});
  CHECK(numbers(gradients[table]) == std::vector<T>{7, 8, 3, 4, 0, 0, 0, 0, 6, 8, 0, 0});
  CHECK(numbers(sparse.dense()) == numbers(gradients[table]));
}

TEST_CASE("Gradients: rows of several reads add up in the order of the sweep") {
  // In float, (1e8 + 1) - 1e8 is 0 but (1e8 - 1e8) + 1 is 1: the order of additions shows.
  const Parameters<float> p;
  const auto table = p.weight("E", {3, 1});
  Tape<float> tape;
  const auto first = take(table, {2}), second = take(table, {2, 0}), third = take(table, {2});
  const auto loss = sum(first) +
                    sum(second * Variable<float>(Array<float>({2}, {-1e8F, 7}).reshaped({2, 1}))) +
                    sum(third * 1e8F);
  const auto gradients = tape.gradient(loss);  // third, second, first
  const auto& sparse = std::get<RowSparse<float>>(*gradients.stored(table));
  CHECK(list(sparse.rows) == std::vector<std::int64_t>{0, 2});
  CHECK(numbers(sparse.values) == std::vector<float>{7, 1});
}

TEST_CASE_TEMPLATE("Gradients: sparse and dense uses of a table mix", T, float, double) {
  for (const bool dense_first : {false, true}) {
    CAPTURE(dense_first);
    const Parameters<T> p;
    const auto table = p.weight("E", {3, 2}, xgrad::constant(2));
    Tape<T> tape;
    const auto read = [&] { return sum(take(table, {1, 1, 2})); };
    const auto tied = [&] { return sum(table * table); };
    const auto a = dense_first ? tied() : read(), b = dense_first ? read() : tied();
    const auto gradients = tape.gradient(a + b);
    CHECK(std::holds_alternative<Array<T>>(*gradients.stored(table)));
    CHECK(numbers(gradients[table]) == std::vector<T>{4, 4, 6, 6, 5, 5});
  }
}

TEST_CASE_TEMPLATE("Gradients: rows read from an intermediate go through it", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf(ramp<T>({3, 2}));
  const auto doubled = x * 2;
  const auto gradients = tape.gradient(sum(take(doubled, {2, 0, 2})), {.of = {doubled}});
  CHECK(numbers(gradients[doubled]) == std::vector<T>{1, 1, 0, 0, 2, 2});
  CHECK(numbers(gradients[x]) == std::vector<T>{2, 2, 0, 0, 4, 4});
}

TEST_CASE("Gradients: tables of odd shapes") {
  Tape<double> tape;
  const auto flat = tape.leaf(ramp<double>({3})), cube = tape.leaf(ramp<double>({2, 2, 2})),
             narrow = tape.leaf(Array<double>::zeros({3, 0}));
  const auto loss = sum(take(flat, {2, 2})) + sum(take(cube, Ids({}, {1}))) + sum(take(narrow, {1}));
  const auto gradients = tape.gradient(loss, {.keep = true});
  CHECK(numbers(gradients[flat]) == std::vector<double>{0, 0, 2});
  CHECK(numbers(gradients[cube]) == std::vector<double>{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(gradients[narrow].shape() == Shape{3, 0});
  CHECK(numbers(tape.gradient(sum(take(flat, Ids())))[flat]) == std::vector<double>{0, 0, 0});
}

TEST_CASE("Gradients: every missing one says why") {
  const Parameters<double> p;
  const auto used = p.weight("used", {2}), unused = (p / "rnn").weight("Wh", {3});
  Variable<double> elsewhere;
  {
    Tape<double> other;
    elsewhere = other.leaf(ramp<double>({4}));
  }
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2})), idle = tape.leaf(ramp<double>({5}));
  const auto h = x * used;
  const auto loss = sum(h * h);
  const auto late = tape.leaf(ramp<double>({6}));
  const auto gradients = tape.gradient(loss);
  const auto message = [&](const Variable<double>& of) {
    const std::string text = message_of([&] { (void)gradients[of]; });
    CHECK(message_of([&] { (void)gradients.stored(of); }) == text);
    return text;
  };
  CHECK(message(unused) ==
        "[gradient] the differentiated value does not depend on the parameter 'rnn/Wh': nothing would train "
        "it; use it "
        "in the forward pass, or pass {.unreached = zeros}");
  CHECK(message(idle) ==
        "[gradient] the differentiated value does not depend on the leaf of shape (5,); pass {.unreached = "
        "zeros} if "
        "that is meant");
  CHECK(contains(message(late), "does not depend on the leaf of shape (6,)"));
  CHECK(message(h) ==
        "[gradient] no gradient was kept for the intermediate variable of shape (2,) (or the value does not "
        "depend on "
        "it); pass {.of = {x}} to tape.gradient");
  CHECK(message(Variable<double>(ramp<double>({2, 2}))) ==
        "[gradient] a constant of shape (2, 2) has no gradient; make it a leaf with tape.leaf(array)");
  CHECK(message(elsewhere) ==
        "[gradient] the variable of shape (4,) was carried over from an earlier tape: it is a constant on "
        "this one, where the "
        "gradient stops; to have its gradient let it begin the window as a leaf, tape.leaf(x.value())");
  CHECK(gradients.reached(x));
  CHECK(gradients.reached(used));
  CHECK_FALSE(gradients.reached(unused));
  CHECK_FALSE(gradients.reached(idle));
}

TEST_CASE("Gradients: unreached ones are zeros where that is asked for") {
  const Parameters<double> p;
  const auto w = p.weight("w", {2, 2}), on_tape = p.weight("on_tape", {3});
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2})), idle = tape.leaf(ramp<double>({5}));
  const auto h = x * 3, aside = sum(on_tape) + sum(h);
  const auto loss = sum(h * h);
  const auto gradients = tape.gradient(loss, {.of = {aside}, .unreached = zeros});
  CHECK(numbers(gradients[w]) == std::vector<double>(4, 0));
  CHECK(gradients[w].shape() == Shape{2, 2});
  CHECK(numbers(gradients[on_tape]) == std::vector<double>(3, 0));
  CHECK(numbers(gradients[idle]) == std::vector<double>(5, 0));
  CHECK(gradients[aside].item() == 0);
  CHECK(numbers(gradients[x]) == std::vector<double>{18, 36});
  CHECK_FALSE(gradients.reached(w));
  CHECK(contains(message_of([&] { (void)gradients[Variable<double>(2)]; }), "a constant of shape ()"));
  // h is reached; its gradient is not zero, it was not kept.
  CHECK(contains(message_of([&] { (void)gradients[h]; }), "no gradient was kept"));
}

TEST_CASE("Gradients: an optimizer sees unreached ones as zeros where that was asked for") {
  const Parameters<double> p;
  const auto w = p.weight("w", {2}), idle = p.weight("idle", {3});
  Tape<double> tape;
  const auto gradients = tape.gradient(sum(w), {.unreached = zeros});
  CHECK(gradients.stored(idle) == nullptr);
  CHECK(gradients.stored(w) != nullptr);
}

// Integers, so that every order of the additions gives the same.
TEST_CASE_TEMPLATE("GradientSum: outer products are multiplied together and add to what is there", T, float,
                   double) {
  const auto x = Array<T>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), dy = Array<T>({4, 1}, {1, -1, 2, 3});
  const std::vector<T> expected{1 - 3 + 10 + 21, 2 - 4 + 12 + 24};
  for (const bool consecutive : {true, false}) {
    for (const bool deferred : {true, false}) {
      CAPTURE(consecutive);
      CAPTURE(deferred);
      const auto off =
          deferred ? std::vector<xgrad::FastPath>{} : std::vector{&xgrad::FastPaths::deferred_weights};
      const xgrad::SwitchedOff switched(off);
      xgrad::GradientSum<T> sum;
      CHECK(sum.empty());
      for (std::size_t t = 4; t-- > 0;) {  // back in time, as a sweep goes
        const auto row = [&](const Array<T>& a) {
          return consecutive ? a.rows(t, t + 1) : a.rows(t, t + 1).copy();
        };
        sum.add(xgrad::OuterProduct<T>{row(x), row(dy)});
        CHECK(!sum.empty());
        CHECK((sum.dense() == nullptr) == deferred);
      }
      sum.add(Array<T>::full({2, 1}, 100));
      const auto total = sum.take_dense({2, 1});
      CHECK(total.data()[0] == expected[0] + 100);
      CHECK(total.data()[1] == expected[1] + 100);
    }
  }
}

TEST_CASE("GradientSum: outer products do not wait for ever, and those of many rows not at all") {
  xgrad::GradientSum<double> sum;
  sum.add(xgrad::OuterProduct<double>{Array<double>::full({65, 1}, 1), Array<double>::full({65, 1}, 1)});
  REQUIRE(sum.dense() != nullptr);
  CHECK(sum.dense()->item() == 65);
  std::size_t waiting = 0;
  const auto wide = Array<double>::full({1, std::size_t{1} << 20}, 1);  // 8 MiB
  xgrad::GradientSum<double> large;
  while (large.dense() == nullptr) {
    large.add(xgrad::OuterProduct<double>{Array<double>::full({1, 1}, 1), wide});
    ++waiting;
  }
  CHECK(waiting == 4);
  CHECK(large.dense()->data()[5] == 4);
}
