// pointwise(): the same numbers and gradients as its formula written in ops, over sizes on both sides of a
// block and on several threads; what it keeps on the tape; and symbols that are used where they must not be.
// Values against NumPy, proofs over random shapes and messages follow from the registry.
#include <xgrad/autograd/tape_stats.hpp>
#include <xgrad/autograd/threads.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::distance;
using checks::identical;
using checks::numbers;

namespace {

// A formula that serves symbols and variables alike.
const auto formula = [](const auto& i, const auto& g, const auto& o, const auto& c) {
  return sigmoid(o) * tanh(sigmoid(i) * tanh(g) + (1 - sigmoid(i)) * c) / 2 - c;
};

template <class T, class F>
std::vector<Array<T>> with_gradients(const std::vector<Array<T>>& values, F f) {
  Tape<T> tape;
  std::vector<Variable<T>> x;
  for (const auto& value : values) x.push_back(tape.leaf(value));
  const auto y = f(x[0], x[1], x[2], x[3]);
  const auto gradients = tape.gradient(sum(square(y)));
  std::vector<Array<T>> results{y.value()};
  for (const auto& leaf : x) results.push_back(gradients[leaf]);
  return results;
}

}  // namespace

TEST_CASE_TEMPLATE("pointwise: value and gradients are those of the ops", T, float, double) {
  const double tolerance = 16 * checks::epsilon<T>;
  for (const std::size_t n : {0, 1, 7, 100, 1023, 1024, 1025, 2047, 2048, 2049, 5000}) {
    CAPTURE(n);
    const std::vector<Array<T>> x{numbers<T>({3, n}), numbers<T>({n}), numbers<T>({3, 1}),
                                  numbers<T>({3, n})};
    const auto fused = with_gradients<T>(x, [](const auto&... v) { return pointwise(formula, v...); }),
               plain = with_gradients<T>(x, [](const auto&... v) { return formula(v...); });
    for (std::size_t i = 0; i < plain.size(); ++i) {
      REQUIRE(fused[i].shape() == plain[i].shape());
      if (plain[i].size() > 0) CHECK(distance(fused[i], plain[i]) <= tolerance);
    }
  }
}

TEST_CASE("pointwise: several threads compute the same numbers") {
  const Shape shape{300, 200};
  const std::vector<Array<float>> x{numbers<float>(shape), numbers<float>(shape), numbers<float>(shape),
                                    numbers<float>(shape)};
  const auto run = [&] {
    return with_gradients<float>(x, [](const auto&... v) { return pointwise(formula, v...); });
  };
  const std::size_t before = threads();
  set_threads(3);
  const auto several = run();
  set_threads(1);
  const auto one = run();
  set_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) CHECK(identical(one[i], several[i]));
}

TEST_CASE("pointwise: one value on the tape, which saves a slope for each operand") {
  constexpr std::size_t n = 1000;
  Statistics<float> statistics;
  Tape<float> tape(statistics);
  const auto x = tape.leaf(numbers<float>({n})), y = tape.leaf(numbers<float>({n}));
  const auto z = pointwise([](auto a, auto b) { return tanh(a) * sigmoid(b) + square(a); }, x, y);
  CHECK(tape.size() == 3);
  CHECK(statistics.of(tape).total.saved_bytes == 2 * n * sizeof(float));
}

TEST_CASE("pointwise: a tape that is kept can be swept again, with other seeds") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2}, {3, 4})), y = tape.leaf(Array<double>({2}, {5, 6}));
  const auto z = pointwise([](auto a, auto b) { return a * b; }, x, y);
  for (const double factor : {1.0, 2.0, -1.0}) {
    const auto g = tape.gradient(z, {.seed = Array<double>({2}, {factor, factor}), .keep = true});
    CHECK(identical(g[x], Array<double>({2}, {5 * factor, 6 * factor})));
    CHECK(identical(g[y], Array<double>({2}, {3 * factor, 4 * factor})));
  }
  const Array<double> seed({2}, {1, 1});
  const auto first = tape.gradient(z, {.seed = seed, .keep = true}),
             again = tape.gradient(z, {.seed = seed, .keep = true});  // the very same numbers
  CHECK(identical(again[x], first[x]));
  CHECK(identical(again[y], first[y]));
}

TEST_CASE("pointwise: a constant operand, and one that is used twice") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2}, {3, 4}));
  const Variable<double> c = Array<double>({2}, {5, 6});
  const auto z = pointwise([](auto a, auto b, auto also_a) { return a * b * also_a; }, x, c, x);
  CHECK(identical(tape.gradient(sum(z))[x], Array<double>({2}, {30, 48})));
}

TEST_CASE("pointwise: a symbol of another call is refused") {
  const Variable<double> x = Array<double>({2}, {1, 2});
  CHECK_THROWS_WITH(pointwise(
                        [&](auto a) {
                          pointwise([&](auto b) { return a * b; }, x);
                          return a;
                        },
                        x),
                    "[pointwise] the formula uses a symbol of another call of pointwise()");
  CHECK_THROWS_WITH(pointwise(
                        [&](auto a) {
                          pointwise([&](auto) { return a; }, x);
                          return a;
                        },
                        x),
                    "[pointwise] the formula uses a symbol of another call of pointwise()");
}
