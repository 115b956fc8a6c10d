// Affine: its value against a loop in long double, its parameters at birth, its gradient, and what an error
// names.
#include <xgrad/layers/affine.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::numbers;

TEST_CASE_TEMPLATE("affine: values are those of a loop for inputs of every rank", T, float, double) {
  for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{4, 2, 3}, Shape{0, 3}}) {
    const Parameters<T> p(5);
    const Affine layer(p / "out", 3, 4);
    p.assign("out/b", numbers<T>({4}, 0.5, 1));
    p.assign("out/W", numbers<T>({3, 4}, 0.5, 1, 2));
    const auto x = numbers<T>(shape, 0.5, 1, 3);
    Shape result = shape;
    result.set(shape.rank() - 1, 4);
    checks::check_elements(layer(Variable<T>(x)).value(), result, 8 * checks::epsilon<T>, [&](std::size_t i) {
      long double y = layer.b.value().data()[i % 4];
      for (std::size_t k = 0; k < 3; ++k)
        y += static_cast<long double>(x.data()[i / 4 * 3 + k]) * layer.W.value().data()[k * 4 + i % 4];
      return y;
    });
  }
}

TEST_CASE("affine: weights are born within one over the root of the inputs and biases are zero") {
  const Parameters<double> p(1);
  const Affine layer(p / "out", 16, 50);
  CHECK(layer.W.parameter()->path == "out/W");
  CHECK(layer.b.parameter()->path == "out/b");
  CHECK(p.count() == 16 * 50 + 50);
  const auto [low, high] = std::minmax_element(layer.W.value().begin(), layer.W.value().end());
  CHECK(*low >= -0.25);
  CHECK(*low < -0.24);
  CHECK(*high < 0.25);
  CHECK(*high > 0.24);
  CHECK(std::all_of(layer.b.value().begin(), layer.b.value().end(), [](double b) { return b == 0; }));
}

TEST_CASE("affine: gradients of both parameters and the input") {
  for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{4, 2, 3}}) {
    const auto report = checks::prove_function([&](auto p) {
      const Affine layer(p, 3, 4);
      return tanh(layer(p.input("x", shape)));
    });
    CHECK(report);
    CHECK(report.compared == 2 * (3 * 4 + 4 + shape.size()));
  }
}

TEST_CASE("affine: one layer used twice adds both gradients") {
  CHECK(checks::prove_function([](auto p) {
    const Affine layer(p, 3, 3);
    return layer(tanh(layer(p.input("x", {2, 3}))));
  }));
}

TEST_CASE("affine: an input that does not fit names the weight") {
  const Parameters<double> p;
  const Affine layer(p / "out", 3, 4);
  checks::check_error(
      [&] {
        layer(Variable<double>(numbers<double>({2, 5})));
      },
      {"[affine]", "(2, 5)", "(3, 4) (parameter 'out/W')"});
}
