// Layer normalization: what it does to a row. Values against PyTorch, gradients and messages follow from the
// registry.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::distance;
using checks::numbers;

TEST_CASE_TEMPLATE("layer_norm: rows have mean 0 and variance 1, whatever their offset and scale", T, float,
                   double) {
  const Variable<T> one(Array<T>::full({50}, T(1))), zero(Array<T>::zeros({50}));
  const Variable<T> x = numbers<T>({4, 50});
  const auto y = layer_norm(x, one, zero, 0);
  for (std::size_t r = 0; r < 4; ++r) {
    CHECK(std::abs(mean(select(y, static_cast<std::ptrdiff_t>(r))).item()) < 1e-6);
    CHECK(variance(select(y, static_cast<std::ptrdiff_t>(r))).item() == doctest::Approx(1).epsilon(1e-5));
  }
  CHECK(distance(layer_norm(8 * x + 3, one, zero, 0).value(), y.value()) < 100 * checks::epsilon<T>);
}

TEST_CASE_TEMPLATE("layer_norm: large offsets cancel, and squares neither overflow nor vanish", T, float,
                   double) {
  const auto of = [](std::vector<T> row) {
    const std::size_t H = row.size();
    return layer_norm(Variable<T>(Array<T>({1, H}, row)), Variable<T>(Array<T>::full({H}, 1)),
                      Variable<T>(Array<T>::zeros({H})))
        .value();
  };
  for (const T y : of(std::vector<T>(7, T(30000.1)))) CHECK(y == 0);
  const T huge = std::same_as<T, float> ? T(1e20) : T(1e200), tiny = 1 / huge;
  const Array<T> expected({1, 4}, {1, -1, 1, -1});
  CHECK(checks::distance(of({huge, -huge, huge, -huge}), expected) < 4 * checks::epsilon<T>);
  const auto without_epsilon =
      layer_norm(Variable<T>(Array<T>({1, 2}, {tiny, -tiny})), Variable<T>(Array<T>::full({2}, 1)),
                 Variable<T>(Array<T>::zeros({2})), 0);
  CHECK(checks::distance(without_epsilon.value(), Array<T>({1, 2}, {1, -1})) < 4 * checks::epsilon<T>);
  for (const T y : of({1, T(NAN), 2})) CHECK(std::isnan(y));
}

TEST_CASE("layer_norm: is the composition of ops, values and gradients") {
  const auto f = [](auto whole) {
    return [whole](auto p) {
      const auto x = p.input("x", {3, 6}), g = p.input("g", {6}), b = p.input("b", {6});
      if (whole) return sum(square(layer_norm(x, g, b)));
      const auto centred = x - mean(x, -1, keepdims);
      return sum(square(g * (centred * rsqrt(variance(x, -1, keepdims) + 1e-5)) + b));
    };
  };
  Parameters<double> p(1), q(1);
  Tape<double> tape;
  const auto one = f(true)(p), composed = f(false)(q);
  CHECK(std::abs(one.item() - composed.item()) < 1e-13);
  const auto gradient = tape.gradient(one, {.keep = true}), expected = tape.gradient(composed);
  for (const char* name : {"x", "g", "b"}) CHECK(distance(gradient[p[name]], expected[q[name]]) < 1e-13);
  CHECK(gradcheck(f(false)));
}
