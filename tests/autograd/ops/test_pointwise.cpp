// pointwise(): the same elements and gradients as its formula written in ops, and the shapes of its results.
// Values against NumPy, proofs over random shapes and messages follow from the registry.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::distance;
using checks::identical;
using checks::numbers;

namespace {

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
  for (const std::size_t n : {0, 1, 7, 100}) {
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

TEST_CASE("pointwise: any op that is elementwise, a constant operand, and one that is used twice") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2}, {3, 4}));
  const Variable<double> c = Array<double>({2}, {5, 6});
  const auto z = pointwise([](auto a, auto b, auto also_a) { return a * b * also_a; }, x, c, x);
  CHECK(identical(tape.gradient(sum(z), {.keep = true})[x], Array<double>({2}, {30, 48})));
  const auto y = pointwise([](auto a) { return softplus(erf(a)) + maximum(a, Variable<double>(3.5)); }, x);
  CHECK(y.value().data()[0] == softplus(erf(Variable<double>(3))).item() + 3.5);
}

TEST_CASE("pointwise: an operand that has no part in the formula widens its result") {
  const Variable<double> a = Array<double>({3}, {1, 2, 3}), b = Array<double>::zeros({2, 1});
  const auto y = pointwise([](auto u, auto) { return u; }, a, b);
  CHECK(to_string(y.shape()) == "(2, 3)");
  CHECK(y.value().data()[4] == 2);
  const Variable<double> c = Array<double>::zeros({4, 1});
  CHECK_THROWS_WITH(pointwise([](auto u, auto v, auto w) { return u * v * w; }, a, b, c),
                    "[pointwise] shape (4, 1) does not broadcast with (2, 3), that of the others");
}
