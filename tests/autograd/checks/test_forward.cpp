// Forward derivatives at the edges of double: values and directions of any size, beside closed forms; and
// what gradcheck and audit say there.
#include <xgrad/autograd/derivatives.hpp>

#include <cmath>
#include <limits>
#include <tuple>

#include <doctest/doctest.h>

#include <xgrad/autograd/audit.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/unroll.hpp>

#include "autograd/errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

using D = Array<double>;

constexpr double sizes[] = {1e-150, 1e-100, 1e-30, 1, 1e30, 1e100, 1e150};

// Equal to the last digits, relative to the true number; below 1e-300 numbers have fewer digits.
void check_equal(double got, long double expected) {
  CAPTURE(got);
  if (std::abs(expected) > std::numeric_limits<double>::max())
    CHECK(got == static_cast<double>(std::copysign(INFINITY, expected)));
  else
    CHECK(std::abs(got - expected) <= 2e-14L * std::abs(expected) + 1e-314L);
}

// f with its first and second derivative.
template <class F>
void check_function(F f, long double (*slope)(long double), long double (*curvature)(long double)) {
  for (const double x : sizes) {
    CAPTURE(x);
    check_equal(jacobian(f, {D(x)})[0].item(), slope(x));
    for (const double v : {1e-300, 1e-250, 1e-150, x, 1.0, -1e150, 1e300}) {
      CAPTURE(v);
      check_equal(jvp(f, {D(x)}, {D(v)}).dy.item(), slope(x) * v);
      check_equal(jvp(f, {D(x)}, {D(v)}).y.item(), f(Variable<double>(x)).item());
      if (std::abs(curvature(x)) > 1e-300L || curvature(x) == 0)  // or no number of its own
        check_equal(hvp(f, {D(x)}, {D(v)})[0].item(), curvature(x) * v);
    }
  }
}

}  // namespace

TEST_CASE("forward: derivatives of values and along directions of any size") {
  using L = long double;
  check_function([](auto x) { return x * x; }, [](L x) { return 2 * x; }, [](L) { return L(2); });
  check_function([](auto x) { return square(x); }, [](L x) { return 2 * x; }, [](L) { return L(2); });
  check_function([](auto x) { return 1 / x; }, [](L x) { return -1 / (x * x); },
                 [](L x) { return 2 / (x * x * x); });
  check_function([](auto x) { return sqrt(x); }, [](L x) { return 0.5L / std::sqrt(x); },
                 [](L x) { return -0.25L / (x * std::sqrt(x)); });
  check_function([](auto x) { return log(x); }, [](L x) { return 1 / x; }, [](L x) { return -1 / (x * x); });
  check_function(
      [](auto x) {
        return matmul(reshape(x, {1, 1}), reshape(x, {1, 1}));
      },
      [](L x) { return 2 * x; }, [](L) { return L(2); });
  check_function([](auto x) { return exp(-x); }, [](L x) { return -std::exp(-x); },
                 [](L x) { return std::exp(-x); });
  check_function([](auto x) { return tanh(x); }, [](L x) { return 1 / (std::cosh(x) * std::cosh(x)); },
                 [](L x) { return -2 * std::tanh(x) / (std::cosh(x) * std::cosh(x)); });
  for (const double x : {1e-75, 1e-60, 1e60, 1e70}) {  // whose derivative, times the first step, vanishes
    CAPTURE(x);
    const auto f = [](auto a) { return square(square(a)); };
    check_equal(jvp(f, {D(x)}, {D(1.0)}).dy.item(), 4 * L(x) * x * x);
    check_equal(hvp(f, {D(x)}, {D(1.0)})[0].item(), 12 * L(x) * x);
    check_equal(jvp([](auto a) { return 1e200 * (a * a * a); }, {D(1e-100)}, {D(1.0)}).dy.item(), 3);
  }
  check_equal(jvp([](auto a) { return 1e200 * square(a); }, {D(1e-180)}, {D(1.0)}).dy.item(), 2e20L);
}

TEST_CASE("forward: a derivative near the smallest numbers has the digits that can be had, and is not 0") {
  const auto slope = [](auto f, double x) { return jvp(f, {D(x)}, {D(1.0)}).dy.item(); };
  for (const double x : {-690.0, -700.0, -705.0, -708.0}) {
    CAPTURE(x);
    CHECK(slope([](auto y) { return exp(y); }, x) / std::exp(x) == doctest::Approx(1).epsilon(1e-6));
    CHECK(slope([](auto y) { return sigmoid(y); }, x) / std::exp(x) == doctest::Approx(1).epsilon(1e-6));
    CHECK(slope([](auto y) { return tanh(y); }, x / 2) / std::exp(x) == doctest::Approx(4).epsilon(1e-6));
  }
}

TEST_CASE("forward: what is zero is zero") {
  const auto cube = [](auto x) { return x * x * x; };
  for (const double v : {1e-200, 1.0, 1e200}) {
    CHECK(jvp(cube, {D(0.0)}, {D(v)}).dy.item() == 0);
    CHECK(hvp([](auto x) { return square(x * x); }, {D(0.0)}, {D(v)})[0].item() == 0);
    CHECK(jvp([](auto x) { return detach(x) * 2; }, {D(1.0)}, {D(v)}).dy.item() == 0);
  }
  CHECK(jvp(cube, {D(2.0)}, {D(0.0)}).dy.item() == 0);
  CHECK(jvp(cube, {D(2.0)}, {D(0.0)}).y.item() == 8);
  CHECK(jacobian([](auto x) { return relu(x - 1) * 1e-200; }, {D(1.5)})[0].item() == 1e-200);
}

TEST_CASE("forward: directions and values of all sizes beside each other") {
  const D x({4}, {3, 3, 1e-150, 1e150}), v({4}, {1e-250, 1e150, 1, 1});
  const auto squares = jvp([](auto a) { return a * a; }, {x}, {v});
  const auto inverses = jvp([](auto a) { return 1 / a; }, {x}, {v});
  for (std::size_t i = 0; i < 4; ++i) {
    const long double xi = x.data()[i];
    check_equal(squares.y.data()[i], xi * xi);
    check_equal(squares.dy.data()[i], 2 * xi * v.data()[i]);
    check_equal(inverses.dy.data()[i], -v.data()[i] / (xi * xi));
  }
  const auto model = [](const auto& p) { return sum(p.weight("a", {2}) * p.weight("b", {2})); };
  const Values values{{"a", D({2}, {1e-150, 2})}, {"b", D({2}, {1e150, 5})}};
  const Values along{{"a", D({2}, {1, 0})}, {"b", D({2}, {0, 1e-250})}};
  check_equal(jvp(model, values, along).dy.item(), 1e150L);
  const Values Hv = hvp(model, values, along);
  CHECK(numbers(Hv.at("a")) == std::vector<double>{0, 1e-250});
  CHECK(numbers(Hv.at("b")) == std::vector<double>{1, 0});
}

TEST_CASE("forward: linear maps are exact to the bit") {
  const D x({3}, {0.1, -7, 1e20}), v({3}, {0.3, 1e-300, 1 / 3.0});
  CHECK(numbers(jvp([](auto a) { return a + 1; }, {x}, {v}).dy) == numbers(v));
}

TEST_CASE("forward: an LSTM on inputs of any size, beside vjp") {
  for (const double size : sizes) {
    CAPTURE(size);
    const auto f = [&](const auto& p) {
      const Lstm cell(p, 2, 3);
      return sum(sigmoid(unroll(cell, p.input("xs", {3, 2, 2}), cell.zero(2)).ys));
    };
    Parameters<double> drawn(5);
    f(drawn);
    Values values = drawn.values(), v;
    for (auto& [path, value] : values)
      if (path == "xs" || path == "Wx") value = value * (path == "xs" ? size : 1 / size);
    Random random(3);
    for (const auto& [path, value] : values) v.emplace(path, random_direction(value.shape(), random));
    const Parameters<double> p(values);
    Tape<double> tape;
    const auto gradients = tape.gradient(f(p));
    for (const auto& parameter : p.list()) {
      const std::string& path = parameter.parameter()->path;
      const auto& g = gradients[parameter];
      proof::Contraction expected;
      expected.add(g, v.at(path), 1);
      const double dy = jvp(f, values, {{path, v.at(path)}}).dy.item();
      CAPTURE(path);
      CHECK(std::abs(dy - expected.value) <= 1e-13L * expected.magnitude);
    }
  }
}

TEST_CASE("forward: directions that are not finite are refused") {
  const auto f = [](auto a) { return square(a); };
  CHECK(message_of([&] {
          jvp(f, {D({1, 2}, {1, 2})}, {D({1, 2}, {1, NAN})});
        }) == "[jvp] the direction of argument 0 is nan at (0, 1), expected finite elements");
  CHECK(message_of([&] { hvp(f, {D(1.0)}, {D(-INFINITY)}); }) ==
        "[hvp] the direction of argument 0 is -inf at (), expected finite elements");
  const auto model = [](const auto& p) { return sum(p.weight("x", {1})); };
  CHECK(message_of([&] {
          jvp(model, {{"x", D({1}, {1})}}, {{"x", D({1}, {INFINITY})}});
        }) == "[jvp] the direction of 'x' is inf at (0,), expected finite elements");
}

namespace {

// An op with a factor in its slope.
template <class T, class Value, class Slope>
Variable<T> scaled_op(const Variable<T>& x, double factor, Value value, Slope slope) {
  Array<T> y = [&] {
    const Inference pause;
    return value(x).value();
  }();
  return record("my_op", y, wrt(x, [=, x = x.value()](const Array<T>& dy) -> Array<T> {
                  const Inference pause;
                  return dy * slope(Variable<T>(x)).value() * factor;
                }));
}

template <class Value, class Slope>
void check_gradcheck(Value value, Slope slope) {
  for (const double size : sizes)
    for (const double factor : {1.0, 1 + 1e-9, -1.0, 2.0}) {
      CAPTURE(size);
      CAPTURE(factor);
      const D x = D({3}, {0.7, 1.2, 1.9}) * size;
      if (!std::isfinite(slope(Variable<double>(x)).value().data()[0])) continue;
      const auto f = [&](auto p) { return scaled_op(p.input("x", {3}), factor, value, slope); };
      GradcheckOptions options{.exhaustive = true};
      options.values.by_path = {{"x", x}};
      const auto report = gradcheck(f, options);
      INFO(report);
      CHECK(report.saturated == 0);
      CHECK(bool(report) == (factor == 1));
      if (factor != 1 && !report.failures.empty()) {
        const auto& failure = report.failures[0];
        CHECK(failure.op == "my_op");
        CHECK(failure.diagnosis.defect == (factor == -1 ? Defect::sign : Defect::factor));
        CHECK(failure.tape == doctest::Approx(factor * failure.exact).epsilon(1e-12));
      }
    }
}

}  // namespace

TEST_CASE("forward: gradcheck tells right from wrong at values of any size") {
  check_gradcheck([](auto x) { return x * x; }, [](auto x) { return 2 * x; });
  check_gradcheck([](auto x) { return 1 / x; }, [](auto x) { return -square(1 / x); });
  check_gradcheck([](auto x) { return sqrt(x); }, [](auto x) { return 0.5 / sqrt(x); });
  check_gradcheck([](auto x) { return log(x); }, [](auto x) { return 1 / x; });
  for (const double size : sizes) {
    CAPTURE(size);
    GradcheckOptions options{.exhaustive = true};
    options.differences = size == 1 || direction_size(size) != 1;  // else their step is absolute
    options.values.by_path = {{"x", D({2, 2}, {0.7, -1.2, 1.9, 1}) * size}};
    const auto report = gradcheck(
        [&](auto p) {
          const auto x = p.input("x", {2, 2}), W = p.weight("W", {2, 2});
          return stack({exp(x * (1 / size)), matmul(x, W) / size, tanh(matmul(x, W)) * W,
                        exp(-square(x * (1 / size)))});
        },
        options);
    CHECK_MESSAGE(report, report);
  }
}

TEST_CASE("forward: gradcheck proves an LSTM on inputs of any size") {
  for (const double size : sizes) {
    CAPTURE(size);
    const auto f = [](const auto& p) {
      const Lstm cell(p, 2, 3);
      return unroll(cell, p.input("xs", {3, 2, 2}), cell.zero(2)).ys;
    };
    Parameters<double> drawn(5);
    f(drawn);
    GradcheckOptions options{.exhaustive = true};
    for (auto& [path, value] : options.values.by_path = drawn.values())
      if (path == "xs" || path == "Wx") value = value * (path == "xs" ? size : 1 / size);
    const auto report = gradcheck(f, options);
    CHECK_MESSAGE(report, report);
  }
}

TEST_CASE("forward: audit tells right from wrong at values of any size") {
  for (const double size : sizes) {
    CAPTURE(size);
    AuditOptions options;
    options.values.by_path = {{"x", D({3}, {0.7, 1.2, 1.9}) * size}};
    const auto forward = [](auto p) { return sum(1 / p.input("x", {3})); };
    const auto backward = [](double factor) {
      return [=](const Values& w) { return Values{{"x", -factor / w.at("x") / w.at("x")}}; };
    };
    const auto right = audit(forward, backward(1), options);
    CHECK_MESSAGE(right.right(), to_string(right));
    CHECK(right["x"].error < 1e-13);
    CHECK(right["x"].cosine == doctest::Approx(1));
    const auto wrong = audit(forward, backward(-1), options);
    REQUIRE_MESSAGE(wrong.findings.size() == 1, to_string(wrong));
    CHECK(wrong.findings[0].defect == AuditDefect::sign);
    CHECK(wrong["x"].error == doctest::Approx(2));
  }
}
