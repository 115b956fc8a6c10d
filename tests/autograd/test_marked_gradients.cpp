// A gradient that is a constant on the tape it came from: the second derivative would be missing, so what
// depends on it is refused there, and there alone.
#include <xgrad/autograd/gradients.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <utility>

#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Complex;
using xgrad::Gradients;
using xgrad::Ids;
using xgrad::Parameters;
using xgrad::RowSparse;
using xgrad::Tape;
using xgrad::Variable;
using xgrad::zeros;
using namespace xgrad::testing;

namespace {

constexpr const char* refused =
    "depends on a gradient of this tape, which is a constant on it, so the second derivative along it would "
    "be "
    "missing silently; for that call hvp (derivatives.hpp), or pass detach(g) in the place of the gradient "
    "if "
    "a constant is meant";

template <class T>
std::string message(Tape<T>& tape, const Variable<T>& y) {
  return message_of([&] { (void)tape.gradient(y, {.keep = true}); });
}

}  // namespace

TEST_CASE_TEMPLATE("A gradient as a constant on its own tape: what depends on it is refused", T, float,
                   double, Complex) {
  Tape<T> tape;
  const auto x = tape.leaf(ramp<T>({3}));
  const auto y = sum(x * x * x);
  const auto gradients = tape.gradient(y, {.keep = true});
  const auto g = Variable<T>(gradients[x]);
  CHECK(message(tape, sum(g * g) + y) == std::string("[gradient] the value of shape () ") + refused);
  for (const auto& z :
       {sum(g * x), sum(g * 2 - 1) * y, x * select(g, 1), sum(reshape(g, {3, 1})) + y,
        sum(xgrad::stack({x, g})), sum(exp(g)) + sum(x), sum(g), select(g, 1), sum(x * gradients[x].copy()),
        x * gradients[x].row(0), sum(x * gradients[x].reshaped({3, 1}))})
    CHECK(contains(message(tape, z), refused));
  // All else is as it was.
  CHECK(numbers(tape.gradient(y, {.keep = true})[x]) == std::vector<T>{3, 12, 27});
  CHECK(numbers(tape.gradient(sum(x * 5), {.keep = true})[x]) == std::vector<T>{5, 5, 5});
  CHECK(numbers(tape.gradient(sum(detach(g) * x), {.keep = true})[x]) == std::vector<T>{3, 12, 27});
  CHECK(numbers(tape.gradient(sum(detach(g * 2) * x), {.keep = true})[x]) == std::vector<T>{6, 24, 54});
}

TEST_CASE("A gradient as a constant: the example of the second derivative") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2}, {1, 2}));
  const auto y = sum(x * x * x);
  const auto gradients = tape.gradient(y, {.keep = true});
  const auto g = Variable<double>(gradients[x]);
  CHECK(contains(message(tape, sum(g * g) + y), refused));
  // What the sentence names does it: d(g g)/dx = 2 H g, with g = 3 x x and H = 6 x.
  const auto f = [](auto v) { return sum(v * v * v); };
  const auto product = xgrad::hvp(f, {x.value()}, {gradients[x]});
  CHECK(2 * product[0].data()[0] == doctest::Approx(2 * 6 * 3));
  CHECK(2 * product[0].data()[1] == doctest::Approx(2 * 12 * 12));
}

TEST_CASE("A gradient as a constant: before the sentence about keep comes the one about hvp") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  const auto y = sum(x * x);
  const auto g = Variable<double>(tape.gradient(y)[x]);
  CHECK(contains(message_of([&] { (void)tape.gradient(sum(g * x)); }), refused));
  CHECK(contains(message_of([&] { (void)tape.gradient(sum(g)); }), refused));
  CHECK(contains(message_of([&] { (void)tape.gradient(y); }), "pass {.keep = true}"));
  CHECK(contains(message_of([&] { (void)tape.gradient(sum(detach(g) * x)); }), "pass {.keep = true}"));
}

TEST_CASE("A gradient as a constant: other tapes take it, and so does a leaf") {
  const Parameters<double> p;
  const auto w = p.weight("w", {2}, xgrad::constant(3));
  std::optional<Gradients<double>> gradients;
  {
    Tape<double> tape;
    const auto y = sum(w * w);
    gradients = tape.gradient(y, {.keep = true});
    {
      Tape<double> inner;
      CHECK(numbers(inner.gradient(sum(w * (*gradients)[w]))[w]) == std::vector<double>{6, 6});
      // What it makes of constants alone is one on the outer tape, and still of its gradient.
      const auto square = Variable<double>((*gradients)[w]) * (*gradients)[w];
      const xgrad::Inference pause;
      const auto half = square / 2;
      CHECK(half.value().gradient_of() == (*gradients)[w].gradient_of());
    }
    const auto as_leaf = tape.leaf((*gradients)[w]);
    const auto again = tape.gradient(sum(as_leaf * w), {.keep = true});
    CHECK(numbers(again[as_leaf]) == std::vector<double>{3, 3});
    CHECK(numbers(again[w]) == std::vector<double>{6, 6});
    CHECK(contains(message(tape, sum(Variable<double>(as_leaf.value()) * w)), refused));
    const auto paused = [&] {
      const xgrad::Inference pause;
      return sum(Variable<double>((*gradients)[w]) * 2);
    }();
    CHECK(contains(message(tape, y + paused), refused));
  }
  Tape<double> next;
  CHECK(numbers(next.gradient(sum(w * (*gradients)[w]))[w]) == std::vector<double>{6, 6});
}

TEST_CASE("A gradient as a constant: what shares its elements is innocent") {
  // The gradients of a and b are the seed itself.
  Tape<double> tape;
  const auto seed = ramp<double>({2}, 5);
  const auto a = tape.leaf(ramp<double>({2})), b = tape.leaf(ramp<double>({2}));
  const auto gradients = tape.gradient(a + b, {.seed = seed, .keep = true});
  REQUIRE(gradients[a].shares_block_with(seed));
  CHECK(numbers(tape.gradient(sum(a * seed), {.keep = true})[a]) == std::vector<double>{5, 6});
  CHECK(contains(message(tape, sum(a * gradients[b])), refused));
  CHECK(numbers(tape.gradient(sum(detach(Variable<double>(gradients[a])) * a), {.keep = true})[a]) ==
        std::vector<double>{5, 6});
}

TEST_CASE("A gradient as a constant: numbers made of it, or written over it, are plain ones") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  auto gradients = tape.gradient(sum(x * x), {.keep = true});
  Array<double> over = gradients[x];
  CHECK(over.gradient_of() != 0);
  over.mutable_data()[0] = 1;
  over.written();
  CHECK(over.gradient_of() == 0);
  Array<double> alone = std::exchange(gradients, {})[x];  // unique from here on
  CHECK(alone.gradient_of() != 0);
  const Array<double> sum_of = alone + 1, made = std::as_const(alone).xt() * 2;
  alone.overwrite(over);
  for (const auto& plain : {over, alone, sum_of, made})
    CHECK_NOTHROW((void)tape.gradient(sum(x * plain), {.keep = true}));
}

TEST_CASE("A gradient as a constant: rows, iteration and arithmetic of Gradients keep the mark") {
  const Parameters<double> p;
  const auto E = p.weight("E", {3, 2}), w = p.weight("w", {2});
  Tape<double> tape;
  const auto loss = sum(take(E, {2, 0}) * w);
  const auto gradients = tape.gradient(loss, {.of = {loss}, .keep = true});
  const auto dense = gradients[E];
  CHECK(contains(message(tape, sum(E * dense)), refused));
  for (const auto& [path, gradient] : gradients) {
    const auto* const rows = std::get_if<RowSparse<double>>(&gradient);
    const auto array = rows != nullptr ? rows->values : std::get<Array<double>>(gradient);
    CHECK(contains(message(tape, sum(w * array)), refused));
  }
  auto scaled = gradients;
  scaled.scale(w, 0.5);
  for (const auto& changed : {scaled, gradients * 2, gradients / 2, -gradients, gradients + gradients,
                              gradients + Gradients<double>(), Gradients<double>() - gradients}) {
    CHECK(contains(message(tape, sum(w * changed[w])), refused));
    CHECK(contains(message(tape, sum(E * changed[E])), refused));
  }
  CHECK(contains(message(tape, loss * Variable<double>(gradients[loss])), refused));
  CHECK_NOTHROW((void)tape.gradient(loss, {.keep = true}));
}

TEST_CASE("A gradient as a constant: of a sum over tapes it is one of the last") {
  const Parameters<double> p;
  const auto w = p.weight("w", {2});
  Gradients<double> total;
  {
    Tape<double> before;
    total += before.gradient(sum(w));
  }
  Tape<double> tape;
  const auto y = sum(w * w);
  total += tape.gradient(y, {.keep = true});
  CHECK(contains(message(tape, sum(w * total[w])), refused));
}

TEST_CASE("A gradient as a constant: zeros where nothing was reached are plain") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2})), idle = tape.leaf(ramp<double>({2}));
  const auto gradients = tape.gradient(sum(x), {.keep = true, .unreached = zeros});
  CHECK(numbers(tape.gradient(sum(x * gradients[idle]))[x]) == std::vector<double>{0, 0});
}

TEST_CASE("A gradient as a constant: an op that was refused leaves no trace, and a watcher changes nothing") {
  struct Copies : xgrad::Watcher<double> {
    Array<double> value(const xgrad::Op&, std::uint32_t, const Array<double>& y,
                        std::span<const xgrad::WatchedInput<double>>) override {
      return y + 0;
    }
  } watcher;
  const Parameters<double> p;
  const auto untaped = 2 * p.weight("w", {2});
  Tape<double> tape(watcher);
  const auto x = tape.leaf(ramp<double>({2}));
  const auto y = sum(x * x);
  const auto g = Variable<double>(tape.gradient(y, {.keep = true})[x]);
  CHECK_THROWS_AS((void)xgrad::stack({x, g, untaped}), xgrad::Error);
  CHECK_NOTHROW((void)tape.gradient(y, {.keep = true}));
  CHECK(contains(message(tape, sum(g * g) + y), refused));
}

TEST_CASE("A gradient as a constant: a seed passes it on to no other tape's gradients") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  const auto g = tape.gradient(sum(x * x), {.keep = true})[x];
  {
    Tape<double> other;
    const auto z = other.leaf(ramp<double>({2}));
    const auto of_other = other.gradient(z + 0, {.seed = g});
    CHECK(of_other[z].gradient_of() != g.gradient_of());
  }
  // The sweep of this tape along it is a gradient once more, not what depends on one.
  CHECK_NOTHROW((void)tape.gradient(x * 3, {.seed = g}));
}
