// Functions of each element: values against the standard library in long double over many magnitudes, at any
// position of a register, at the extremes, and their gradients.
#include <functional>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::prove;

namespace {

template <class T>
struct Function {
  std::string name;
  std::function<Variable<T>(const Variable<T>&)> op;
  long double (*exact)(long double);
  long double low, high;  // of the arguments
  double ulps;
};

long double exact_sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }
long double exact_softplus(long double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
long double exact_cdf(long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; }
long double exact_gelu_slope(long double x) {
  return exact_cdf(x) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0L));
}
long double exact_erf_slope(long double x) { return 2 / std::sqrt(std::acos(-1.0L)) * std::exp(-x * x); }

// Over all arguments whose result is a normal number.
template <class T>
std::vector<Function<T>> functions() {
  using V = const Variable<T>&;
  using L = long double;
  const bool wide = sizeof(T) == 8;
  const L most = wide ? 709.7L : 88.7L, tail = wide ? 37.5L : 13, large = wide ? 1e300L : 1e30L;
  return {
      {"tanh", [](V x) { return tanh(x); }, [](L x) { return std::tanh(x); }, -50, 50, 4},
      {"sigmoid", [](V x) { return sigmoid(x); }, exact_sigmoid, -most + 2, most, 4},
      {"softplus", [](V x) { return softplus(x); }, exact_softplus, -most + 2, most, 4},
      {"exp", [](V x) { return exp(x); }, [](L x) { return std::exp(x); }, -most + 2, most, 4},
      {"expm1", [](V x) { return expm1(x); }, [](L x) { return std::expm1(x); }, -most, most, 4},
      {"log", [](V x) { return log(x); }, [](L x) { return std::log(x); }, 1 / large, large, 4},
      {"log1p", [](V x) { return log1p(x); }, [](L x) { return std::log1p(x); }, -0.999L, large, 4},
      {"sin", [](V x) { return sin(x); }, [](L x) { return std::sin(x); }, -20000, 20000, 4},
      {"cos", [](V x) { return cos(x); }, [](L x) { return std::cos(x); }, -20000, 20000, 4},
      {"sin of large", [](V x) { return sin(x); }, [](L x) { return std::sin(x); }, -1e8L, 1e8L, 4},
      {"erf", [](V x) { return erf(x); }, [](L x) { return std::erf(x); }, -12, 12, 4},
      {"gelu", [](V x) { return gelu(x); }, [](L x) { return x * exact_cdf(x); }, -tail, 50, 4},
      {"square", [](V x) { return square(x); }, [](L x) { return x * x; }, -1e15L, 1e15L, 1},
      {"sqrt", [](V x) { return sqrt(x); }, [](L x) { return std::sqrt(x); }, 0, 1e30L, 1},
      {"rsqrt", [](V x) { return rsqrt(x); }, [](L x) { return 1 / std::sqrt(x); }, 1 / large, large, 2},
      {"pow 2", [](V x) { return pow(x, 2); }, [](L x) { return x * x; }, -1e15L, 1e15L, 4},
      {"pow 3", [](V x) { return pow(x, 3); }, [](L x) { return x * x * x; }, -1e12L, 1e12L, 4},
      {"pow -1.5", [](V x) { return pow(x, -1.5); }, [](L x) { return std::pow(x, -1.5L); }, 1e-20L, 1e20L,
       4},
      // An error in the logarithm counts 243 times.
      {"pow 243", [](V x) { return pow(x, 243); }, [](L x) { return std::pow(x, 243.0L); }, 0.7L, 1.415L, 4},
      {"1.40625^x", [](V x) { return pow(1.40625, x); }, [](L x) { return std::pow(1.40625L, x); }, -250, 250,
       4},
      {"2^x", [](V x) { return pow(2, x); }, [](L x) { return std::pow(2.0L, x); }, -125, 127, 4},
      {"elu", [](V x) { return elu(x); }, [](L x) { return x > 0 ? x : std::expm1(x); }, -100, 100, 4},
      {"abs", [](V x) { return abs(x); }, [](L x) { return std::abs(x); }, -1e30L, 1e30L, 0},
      {"relu", [](V x) { return relu(x); }, [](L x) { return x > 0 ? x : 0; }, -1e30L, 1e30L, 0},
  };
}

template <class T>
T at(const Variable<T>& y) {
  return y.item();
}
template <class T>
Variable<T> scalar_of(double x) {
  return Variable<T>(Array<T>(x));
}
// df/dx at x.
template <class T, class F>
T slope(F f, double x) {
  Tape<T> tape;
  const auto leaf = tape.leaf(Array<T>(x));
  return tape.gradient(f(leaf))[leaf].item();
}

}  // namespace

TEST_CASE_TEMPLATE("elementwise: values are those of the standard library", T, float, double) {
  for (const auto& f : functions<T>()) {
    INFO(f.name);
    std::vector<T> xs;
    constexpr int count = 4000;
    for (int i = 0; i <= count; ++i) xs.push_back(static_cast<T>(f.low + (f.high - f.low) * i / count));
    for (long double x = std::min(f.high, 1e6L); x > 1e-12L; x /= 1.05L)  // towards 0, where digits cancel
      for (const long double signed_x : {x, -x})
        if (signed_x >= f.low) xs.push_back(static_cast<T>(signed_x));
    const Array<T> x({xs.size()}, xs);
    checks::check_elements(f.op(x).value(), x.shape(), f.ulps * checks::epsilon<T>,
                           [&](std::size_t i) { return f.exact(static_cast<long double>(xs[i])); });
  }
}

TEST_CASE_TEMPLATE("elementwise: slopes that the value does not give are as accurate", T, float, double) {
  using V = const Variable<T>&;
  using L = long double;
  const L tail = sizeof(T) == 8 ? 37.5L : 13;
  const std::vector<Function<T>> slopes{
      // Between these two its parts cancel.
      {"gelu", [](V x) { return gelu(x); }, exact_gelu_slope, -tail, -1.2L, 8},
      {"gelu", [](V x) { return gelu(x); }, exact_gelu_slope, -0.3L, 20, 8},
      {"erf", [](V x) { return erf(x); }, exact_erf_slope, -tail / 2, tail / 2, 8},
      {"softplus", [](V x) { return softplus(x); }, exact_sigmoid, -80, 80, 8},
      {"cos", [](V x) { return cos(x); }, [](L x) { return -std::sin(x); }, -100, 100, 8},
      {"pow -1.5", [](V x) { return pow(x, -1.5); }, [](L x) { return -1.5L * std::pow(x, -2.5L); }, 1e-10L,
       1e10L, 8},
      {"pow 3", [](V x) { return pow(x, 3); }, [](L x) { return 3 * x * x; }, -1e16L, 1e16L, 8},
  };
  for (const auto& f : slopes) {
    INFO(f.name);
    std::vector<T> xs;
    for (int i = 0; i <= 1000; ++i) xs.push_back(static_cast<T>(f.low + (f.high - f.low) * i / 1000));
    for (long double x = 1; x > 1e-9L; x /= 1.3L) xs.push_back(static_cast<T>(x));
    Tape<T> tape;
    const auto x = tape.leaf(Array<T>({xs.size()}, xs));
    checks::check_elements(tape.gradient(sum(f.op(x)))[x], x.shape(), f.ulps * checks::epsilon<T>,
                           [&](std::size_t i) { return f.exact(static_cast<long double>(xs[i])); });
  }
}

TEST_CASE_TEMPLATE("elementwise: a value does not depend on its position or the shape", T, float, double) {
  for (const auto& f : functions<T>()) {
    INFO(f.name);
    const T expected = at(f.op(scalar_of<T>(0.7)));
    for (std::size_t n = 0; n <= 35; ++n) {
      const auto y = f.op(Array<T>::full({n}, T(0.7))).value();
      CHECK(std::all_of(y.begin(), y.end(), [&](T yi) { return yi == expected; }));
    }
    CHECK(to_string(f.op(Array<T>::full({2, 3, 1}, T(0.7))).shape()) == "(2, 3, 1)");
    CHECK(to_string(f.op(Array<T>::zeros({2, 0})).shape()) == "(2, 0)");
    CHECK(f.op(scalar_of<T>(0.7)).rank() == 0);
  }
}

TEST_CASE("elementwise: gradients over shapes") {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{0}, Shape{2, 3}, Shape{2, 0, 3}, Shape{3, 1, 7}}) {
    prove([](const auto& x) { return tanh(x[0]); }, {shape}, -2, 2);
    prove([](const auto& x) { return sigmoid(x[0]); }, {shape}, -3, 3);
    prove([](const auto& x) { return exp(x[0]); }, {shape}, -2, 2);
    prove([](const auto& x) { return log(x[0]); }, {shape}, 0.7, 3);
    prove([](const auto& x) { return square(x[0]); }, {shape}, -2, 2);
    prove([](const auto& x) { return sqrt(x[0]); }, {shape}, 0.7, 3);
    prove([](const auto& x) { return relu(x[0]); }, {shape}, 0.6, 2);
    prove([](const auto& x) { return relu(x[0]); }, {shape}, -2, -0.6);
  }
}

TEST_CASE("elementwise: gradients of an argument used again and of views") {
  prove([](const auto& x) { return tanh(x[0]) * x[0] + sigmoid(x[0]); }, {{2, 3}});
  prove([](const auto& x) { return exp(tanh(sigmoid(x[0]))); }, {{2, 3}});
  prove([](const auto& x) { return square(select(x[0], 1)) + tanh(select(x[0], 0)); }, {{2, 3}});
  prove([](const auto& x) { return log(slice(x[0], 1, 3, 1)) * sqrt(slice(x[0], 0, 2, 1)); }, {{2, 3}}, 1, 2);
}

TEST_CASE_TEMPLATE("elementwise: extremes", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN(), huge = std::numeric_limits<double>::infinity();
  for (const double x : {300.0, 1e30, huge}) {
    CHECK(at(tanh(scalar_of<T>(x))) == 1);
    CHECK(at(tanh(scalar_of<T>(-x))) == -1);
  }
  for (const double x : {800.0, 1e30, huge}) {
    CHECK(at(sigmoid(scalar_of<T>(x))) == 1);
    CHECK(at(sigmoid(scalar_of<T>(-x))) == 0);
    CHECK(at(exp(scalar_of<T>(x))) == inf);
    CHECK(at(exp(scalar_of<T>(-x))) == 0);
  }
  CHECK(at(log(scalar_of<T>(0))) == -inf);
  CHECK(at(log(scalar_of<T>(huge))) == inf);
  CHECK(at(log(scalar_of<T>(1))) == 0);
  CHECK(std::isnan(at(log(scalar_of<T>(-1)))));
  CHECK(at(sqrt(scalar_of<T>(0))) == 0);
  CHECK(at(sqrt(scalar_of<T>(huge))) == inf);
  CHECK(std::isnan(at(sqrt(scalar_of<T>(-1)))));
  CHECK(at(relu(scalar_of<T>(huge))) == inf);
  CHECK(at(relu(scalar_of<T>(-huge))) == 0);
  CHECK_FALSE(std::signbit(at(relu(scalar_of<T>(-0.0)))));
  CHECK(std::signbit(at(tanh(scalar_of<T>(-0.0)))));
  CHECK(std::signbit(at(sqrt(scalar_of<T>(-0.0)))));
  for (const auto& f : functions<T>()) {
    INFO(f.name);
    CHECK(std::isnan(at(f.op(scalar_of<T>(nan)))));
    const auto y = f.op(Array<T>({17}, std::vector<T>(17, static_cast<T>(nan)))).value();
    CHECK(std::all_of(y.begin(), y.end(), [](T yi) { return std::isnan(yi); }));
  }
}

TEST_CASE_TEMPLATE("elementwise: slopes neither cancel nor overflow on the way", T, float, double) {
  const auto slope = [](auto f, T x, T dy) {
    Tape<T> tape;
    const auto leaf = tape.leaf(Array<T>::full({19}, x));  // whole registers, and a rest
    const auto dx = tape.gradient(f(leaf), {.seed = Array<T>::full({19}, dy)})[leaf];
    for (const T d : dx) CHECK(d == dx.data()[0]);
    return static_cast<double>(dx.data()[0]);
  };
  const auto about = [](double x) { return doctest::Approx(x).epsilon(8 * checks::epsilon<T>); };
  CHECK(slope([](const auto& v) { return expm1(v); }, -40, 1) == about(4.248354255291589e-18));
  if constexpr (std::same_as<T, float>) {
    const auto x = static_cast<double>(1e-30F), z = static_cast<double>(1.32e-26F);
    CHECK(slope([](const auto& v) { return rsqrt(v); }, 1e-30F, 1e-20F) ==
          about(-0.5 * static_cast<double>(1e-20F) * std::pow(x, -1.5)));
    CHECK(slope([](const auto& v) { return pow(v, -0.5); }, 1.32e-26F, 1) == about(-0.5 * std::pow(z, -1.5)));
    const auto of_power = about(-0.5 * static_cast<double>(1e-20F) * std::pow(x, -1.5));
    CHECK(slope([](const auto& v) { return pow(v, -0.5); }, 1e-30F, 1e-20F) == of_power);
    CHECK(slope([](const auto& v) { return pow(v, 100); }, 0.5F, 1e37F) ==
          about(static_cast<double>(1e37F) * 100 * std::pow(0.5, 99)));
    CHECK(slope([](const auto& v) { return pow(v, 0 * v - 0.5); }, 1e-30F, 1e-20F) == of_power);
    Tape<float> tape;
    const auto one = tape.leaf(scalar_of<float>(1e-30F).value());  // which no register holds
    CHECK(static_cast<double>(
              tape.gradient(pow(one, -0.5), {.seed = scalar_of<float>(1e-20F).value()})[one].data()[0]) ==
          of_power);
  }
  {
    Tape<T> tape;
    const auto x = tape.leaf(scalar_of<T>(-1).value());
    const auto y =
        pow(x, static_cast<double>(checks::epsilon<T>) / 4);  // whose exponent less 1 is rounded to -1
    CHECK(std::isnan(y.item()));
    CHECK(std::isnan(tape.gradient(y)[x].data()[0]));
  }
  const T inf = std::numeric_limits<T>::infinity();
  const auto gelu_of = [](T x) { return gelu(Variable<T>(Array<T>::full({19}, x))).value(); };
  for (const T y : gelu_of(-inf)) CHECK(y == 0);
  for (const T y : gelu_of(inf)) CHECK(y == inf);
  for (const T y : gelu_of(T(NAN))) CHECK(std::isnan(y));
  const auto of_gelu = [](const auto& v) { return gelu(v); };
  CHECK(slope(of_gelu, -inf, 1) == 0);
  CHECK(slope(of_gelu, inf, 1) == 1);
}

TEST_CASE("elementwise: sigmoid keeps its relative accuracy far below zero") {
  for (const double x : {-30.0, -100.0, -400.0, -700.0}) {
    const auto expected = static_cast<double>(exact_sigmoid(x));
    CHECK(std::abs(at(sigmoid(scalar_of<double>(x))) / expected - 1) < 1e-14);
    CHECK(std::abs(slope<double>([](const auto& v) { return sigmoid(v); }, x) / (expected * (1 - expected)) -
                   1) < 1e-14);
  }
  for (const double x : {-30.0, -60.0, -85.0}) {
    const auto expected = static_cast<float>(exact_sigmoid(x));
    CHECK(std::abs(at(sigmoid(scalar_of<float>(x))) / expected - 1) < 1e-6F);
  }
}

TEST_CASE("elementwise: exp is finite up to the largest number") {
  for (const double x : {700.0, 709.0, 709.7})
    CHECK(at(exp(scalar_of<double>(x))) == doctest::Approx(std::exp(x)).epsilon(1e-13));
  for (const float x : {80.0F, 88.0F, 88.7F})
    CHECK(at(exp(scalar_of<float>(x))) == doctest::Approx(std::exp(x)).epsilon(1e-5));
}

TEST_CASE("elementwise: log of the smallest numbers") {
  for (const double x : {1e-300, 1e-307, 1e-308, 1e-310, 5e-324})
    CHECK(at(log(scalar_of<double>(x))) == doctest::Approx(std::log(x)).epsilon(1e-14));
  for (const float x : {1e-37F, 1e-38F, 1e-40F})
    CHECK(at(log(scalar_of<float>(x))) == doctest::Approx(std::log(x)).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("elementwise: slopes at kinks and at saturation", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const auto relu_of = [](const auto& x) { return relu(x); };
  CHECK(slope<T>(relu_of, 0) == 0);
  CHECK(slope<T>(relu_of, -0.0) == 0);
  CHECK(slope<T>(relu_of, 1e-30) == 1);
  CHECK(slope<T>(relu_of, -1e-30) == 0);
  CHECK(slope<T>([](const auto& x) { return sqrt(x); }, 0) == inf);
  CHECK(slope<T>([](const auto& x) { return log(x); }, 0) == inf);
  CHECK(slope<T>([](const auto& x) { return square(x); }, 0) == 0);
  for (const double x : {300.0, -300.0}) CHECK(slope<T>([](const auto& v) { return tanh(v); }, x) == 0);
  for (const double x : {800.0, -800.0}) CHECK(slope<T>([](const auto& v) { return sigmoid(v); }, x) == 0);
}

TEST_CASE_TEMPLATE("elementwise: powers where the formula is delicate", T, float, double) {
  CHECK(at(pow(scalar_of<T>(-2), 3)) == -8);
  CHECK(std::isnan(at(pow(scalar_of<T>(-2), 0.5))));
  CHECK(slope<T>([](const auto& v) { return pow(v, 2); }, -3) == -6);
  CHECK(slope<T>([](const auto& v) { return pow(v, 0); }, 0) == 0);
  CHECK(slope<T>([](const auto& v) { return pow(v, 1); }, 0) == 1);
  CHECK(slope<T>([](const auto& p) { return pow(Variable<T>(0), p); }, 2) == 0);  // 0^p is 0 for all p > 0
  CHECK(slope<T>([](const auto& p) { return pow(2, p); }, 3) == doctest::Approx(8 * std::log(2.0)));
  constexpr T inf = std::numeric_limits<T>::infinity();
  CHECK(slope<T>([](const auto& p) { return pow(Variable<T>(0), p); }, 0) == 0);
  CHECK(slope<T>([](const auto& p) { return pow(Variable<T>(0), p); }, -1) == -inf);
  CHECK(slope<T>([](const auto& p) { return pow(Variable<T>(T(-0.0)), p); }, -1) == inf);
  CHECK(std::isnan(slope<T>([](const auto& p) { return pow(Variable<T>(0), p); }, NAN)));
}

TEST_CASE_TEMPLATE("elementwise: digits near 0", T, float, double) {
  for (const double x : {1e-6, -1e-6, 1e-3, -1e-3}) {
    const auto exact = static_cast<long double>(static_cast<T>(x));
    const auto relative = [](T y, long double expected) {
      return static_cast<double>(std::abs((static_cast<long double>(y) - expected) / expected));
    };
    CHECK(relative(at(expm1(scalar_of<T>(x))), std::expm1(exact)) < 4 * checks::epsilon<T>);
    CHECK(relative(at(log1p(scalar_of<T>(x))), std::log1p(exact)) < 4 * checks::epsilon<T>);
    CHECK(relative(at(erf(scalar_of<T>(x))), std::erf(exact)) < 4 * checks::epsilon<T>);
    CHECK(relative(at(sin(scalar_of<T>(x))), std::sin(exact)) < 4 * checks::epsilon<T>);
  }
  CHECK(slope<T>([](const auto& v) { return abs(v); }, 0) == 0);
}
