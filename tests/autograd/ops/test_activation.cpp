// Activations: slopes at their kinks, and the tails, where the obvious formulas overflow or lose all digits.
// Values over random shapes and at edge values, gradients and messages follow from the registry; tanh,
// sigmoid and relu have more in test_elementwise.cpp.
#include "autograd/ops/checks.hpp"

using namespace xgrad;

namespace {

template <class T, class F>
T slope(F f, double x) {
  Tape<T> tape;
  const auto leaf = tape.leaf(Array<T>(x));
  return tape.gradient(f(leaf))[leaf].item();
}

template <class T>
void check_close(T y, long double expected, double relative) {
  CHECK(std::abs(static_cast<long double>(y) - expected) <= relative * std::abs(expected));
}

}  // namespace

TEST_CASE_TEMPLATE("activation: softplus and gelu keep their digits in the tails", T, float, double) {
  const double tolerance = 8 * checks::epsilon<T>;
  for (const double x : {-80.0, -30.0, -1.0, -1e-3, 0.0, 1e-3, 1.0, 30.0, 80.0}) {
    const auto exact = static_cast<long double>(static_cast<T>(x));
    check_close(softplus(Variable<T>(x)).item(), std::log1p(std::exp(exact)), tolerance);
    check_close(slope<T>([](const auto& v) { return softplus(v); }, x), 1 / (1 + std::exp(-exact)),
                tolerance);
  }
  CHECK(softplus(Variable<T>(1e4)).item() == T(1e4));
  CHECK(softplus(Variable<T>(-1e4)).item() == 0);
  for (const double x : {-5.0, -3.0, -1.0, 0.0, 0.5, 3.0, 8.0}) {
    const auto exact = static_cast<long double>(x);
    check_close(gelu(Variable<T>(x)).item(), exact / 2 * std::erfc(-exact / std::sqrt(2.0L)), tolerance);
  }
  CHECK(gelu(Variable<T>(100)).item() == 100);
}

TEST_CASE_TEMPLATE("activation: slopes at the kinks", T, float, double) {
  CHECK(slope<T>([](const auto& v) { return leaky_relu(v, 0.25); }, 0) == 0.25);
  CHECK(slope<T>([](const auto& v) { return leaky_relu(v, 0.25); }, 1e-30) == 1);
  CHECK(slope<T>([](const auto& v) { return elu(v, 0.5); }, 0) == 0.5);
  CHECK(slope<T>([](const auto& v) { return elu(v, 0.5); }, -100) < 1e-40);
  CHECK(leaky_relu(Variable<T>(-2)).item() == T(-0.02));
  CHECK(elu(Variable<T>(-1e-6)).item() == doctest::Approx(-1e-6).epsilon(1e-6));
}

TEST_CASE("activation: kinks are reported as such, and a smooth one is none") {
  const auto kinks = [](auto f) {
    return gradcheck([f](auto p) { return f(p.input("x", {3}, constant(0))); }).kinks.size();
  };
  CHECK(kinks([](const auto& x) { return leaky_relu(x); }) == 1);
  CHECK(kinks([](const auto& x) { return elu(x, 2); }) == 1);
  CHECK(kinks([](const auto& x) { return elu(x); }) == 0);
  CHECK(kinks([](const auto& x) { return softplus(x); }) == 0);
}
