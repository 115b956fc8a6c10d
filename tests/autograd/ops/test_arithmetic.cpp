// + - * / under broadcasting: values to the bit against xtensor's, gradients with either operand stretched,
// an operand used twice, views of one parent, plain numbers on both sides, signs of zero, and the texts of
// errors.
#include <utility>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::numbers;
using checks::prove;

namespace {

const std::vector<std::pair<Shape, Shape>> pairs = {
    {{}, {}},
    {{}, {3}},
    {{3}, {}},
    {{1}, {4}},
    {{2, 3}, {2, 3}},
    {{2, 3}, {3}},
    {{3}, {2, 3}},
    {{2, 1}, {1, 3}},
    {{2, 3, 1}, {4}},
    {{0}, {1}},
    {{3}, {0, 3}},
    {{2, 0, 3}, {1, 1, 3}},
    {{2, 1, 9}, {5, 1}},
    {{35}, {35}},
    {{1, 1, 2, 1, 3, 1}, {2, 1, 1, 2, 1, 2}},
};

template <class T, class E>
void check_equal(const Variable<T>& y, const E& expression) {
  const xt::xarray<T> expected = expression;
  const Shape shape(expected.shape().begin(), expected.shape().end());
  checks::check_elements(y.value(), shape, 0, [&](std::size_t i) { return expected.data()[i]; });
}

}  // namespace

TEST_CASE_TEMPLATE("arithmetic: values under broadcasting are those of xtensor", T, float, double) {
  for (const auto& pair : pairs) {
    const Shape &a = pair.first, &b = pair.second;
    CAPTURE(to_string(a));
    CAPTURE(to_string(b));
    const Variable<T> x = numbers<T>(a), y = numbers<T>(b, 0.5, 2, 2);
    check_equal(x + y, x.xt() + y.xt());
    check_equal(x - y, x.xt() - y.xt());
    check_equal(x * y, x.xt() * y.xt());
    check_equal(x / y, x.xt() / y.xt());
    check_equal(y - x, y.xt() - x.xt());
    check_equal(-x, -x.xt());
  }
}

TEST_CASE("arithmetic: gradients under broadcasting") {
  for (const auto& [a, b] : pairs) {
    const std::vector<Shape> shapes = {a, b};
    prove([](const auto& x) { return x[0] + x[1]; }, shapes);
    prove([](const auto& x) { return x[0] - x[1]; }, shapes);
    prove([](const auto& x) { return x[0] * x[1]; }, shapes);
    prove([](const auto& x) { return x[0] / x[1]; }, shapes, 0.8, 2);
    prove([](const auto& x) { return x[1] / x[0]; }, shapes, -2, -0.8);
    prove([](const auto& x) { return -x[0]; }, {a});
  }
}

TEST_CASE("arithmetic: an operand used twice gets both gradients") {
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 3}}) {
    prove([](const auto& x) { return x[0] + x[0]; }, {shape});
    prove([](const auto& x) { return x[0] - x[0]; }, {shape});
    prove([](const auto& x) { return x[0] * x[0]; }, {shape});
    prove([](const auto& x) { return x[0] / x[0]; }, {shape}, 1, 2);
    prove([](const auto& x) { return (x[0] + x[0]) * x[0] - x[0] / (x[0] * x[0]); }, {shape}, 1, 2);
  }
}

TEST_CASE("arithmetic: views of one parent add into its gradient") {
  prove([](const auto& x) { return select(x[0], 0) * select(x[0], 1); }, {{2, 3}});
  prove([](const auto& x) { return x[0] * select(x[0], -1); }, {{2, 3}});
  prove([](const auto& x) { return slice(x[0], 0, 2) / slice(x[0], 1, 3); }, {{3, 2}}, 1, 2);
  prove([](const auto& x) { return x[0] + reshape(x[0], {3, 2}); }, {{3, 2}});
  prove([](const auto& x) { return reshape(x[0], {6, 1}) - reshape(x[0], {6}); }, {{3, 2}});
}

TEST_CASE_TEMPLATE("arithmetic: a plain number on either side", T, float, double) {
  const Variable<T> x = numbers<T>({2, 9}, 0.5, 2);
  struct Case {
    std::string text;
    Variable<T> y;
    T (*expected)(T);
  };
  const std::vector<Case> cases = {
      {"x + 3", x + 3, [](T v) { return v + T(3); }},
      {"3 + x", 3 + x, [](T v) { return T(3) + v; }},
      {"x - 3", x - 3, [](T v) { return v - T(3); }},
      {"3 - x", 3 - x, [](T v) { return T(3) - v; }},
      {"x * 0.1", x * 0.1, [](T v) { return v * T(0.1); }},
      {"0.1f * x", 0.1F * x, [](T v) { return T(0.1F) * v; }},
      {"x * 1", x * 1, [](T v) { return v; }},
      {"x * 0", x * 0, [](T) { return T(0); }},
      {"x / 3", x / 3, [](T v) { return v / T(3); }},
      {"3 / x", 3 / x, [](T v) { return T(3) / v; }},
      {"T(0.5) * x", T(0.5) * x, [](T v) { return T(0.5) * v; }},
  };
  for (const auto& c : cases) {
    INFO(c.text);
    checks::check_elements(c.y.value(), x.shape(), 0,
                           [&](std::size_t i) { return c.expected(x.value().data()[i]); });
  }
  checks::check_elements(
      scale_shift(x, 0.1, -0.3).value(), x.shape(), 8 * checks::epsilon<T>,
      [&](std::size_t i) { return static_cast<long double>(T(0.1)) * x.value().data()[i] + T(-0.3); });
}

TEST_CASE("arithmetic: gradients beside a plain number") {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 3}}) {
    prove([](const auto& x) { return (2 + x[0] * 3) * (x[0] - 0.25F); }, {shape});
    prove([](const auto& x) { return (1 - x[0]) / 3 + 2 / x[0]; }, {shape}, 1, 2);
    prove([](const auto& x) { return scale_shift(x[0], -1.5, 0.5) + 0 * x[0] + 1 * x[0]; }, {shape});
  }
}

TEST_CASE_TEMPLATE("arithmetic: infinities NaN and the sign of zero", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const Variable<T> x = Array<T>({3}, {T(0), -T(0), inf});
  const auto sign = [](const Variable<T>& y, std::size_t i) { return std::signbit(y.value().data()[i]); };
  CHECK(sign(-x, 0));
  CHECK_FALSE(sign(-x, 1));
  CHECK((1 / x).value().data()[0] == inf);
  CHECK((1 / x).value().data()[1] == -inf);
  CHECK(std::isnan((x - x).value().data()[2]));
  CHECK(std::isnan((x / x).value().data()[0]));
  CHECK(sign(x * 1, 1));
  CHECK(sign(1 * x, 1));
  CHECK(sign(x - 0, 1));
  CHECK(sign(x * -1, 0));
  CHECK_FALSE(sign(x + 0, 1));
}

TEST_CASE_TEMPLATE("arithmetic: the slope of a quotient by its divisor at the ends of the range", T, float,
                   double) {
  const auto slope = [](T a, T b, T dy) {
    Tape<T> tape;
    const auto divisor = tape.leaf(Array<T>::full({19}, b));  // whole registers, and a rest
    return tape.gradient(Variable<T>(a) / divisor, {.seed = Array<T>::full({19}, dy)})[divisor];
  };
  using Limits = std::numeric_limits<T>;
  for (const T b : {Limits::denorm_min(), -Limits::denorm_min()})  // 1 / b overflows
    for (const T zero : {T(0), -T(0)})
      for (const T d : slope(zero, b, 1)) CHECK(d == 0);
  for (const T d : slope(1, 0, 0)) CHECK(d == 0);
  for (const T d : slope(1, 0, 1)) CHECK(d == -Limits::infinity());
  for (const T d : slope(0, 0, 1)) CHECK(std::isnan(d));
  for (const T d : slope(1, Limits::infinity(), 1)) CHECK(d == 0);
  for (const T d : slope(3, 2, 1)) CHECK(d == T(-0.75));
}

TEST_CASE("arithmetic: shapes that do not broadcast are named with the parameter") {
  const Variable<double> x = numbers<double>({2, 3}), y = numbers<double>({2}), z = numbers<double>({4, 3});
  check_error([&] { x + y; }, {"[add]", "(2, 3)", "(2,)", "do not broadcast"});
  check_error([&] { y - x; }, {"[subtract]", "(2,) and (2, 3)", "do not broadcast"});
  check_error([&] { x* z; }, {"[multiply]", "(2, 3)", "(4, 3)", "equal or 1"});
  check_error([&] { x / z; }, {"[divide]", "(2, 3)", "(4, 3)", "equal or 1"});
  const Parameters<double> p;
  const auto W = (p / "rnn").weight("Wh", {4, 4});
  check_error([&] { x* W; }, {"[multiply]", "(2, 3)", "(4, 4) (parameter 'rnn/Wh')"});
}
