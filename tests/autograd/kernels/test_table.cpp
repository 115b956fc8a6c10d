// The kernels of every instruction set that this processor has, float included, against plain loops in
// double: at every length up to four registers and a bit, at misaligned places, and without a look or a write
// beyond the end.
#include <xgrad/autograd/kernels/table.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <xgrad/autograd/kernels/row.hpp>

using namespace xgrad::kernels;

namespace {

constexpr std::size_t longest = 67;

std::vector<InstructionSet> sets() {
  std::vector<InstructionSet> result;
  for (const auto set : {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512})
    if (has(set)) result.push_back(set);
  return result;
}

// Numbers of both signs and many sizes; positive ones where `positive`.
template <class T>
std::vector<T> numbers(std::size_t n, std::size_t seed, bool positive = false) {
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double u = std::sin(static_cast<double>(7 * i + 13 * seed + 1));
    x[i] = static_cast<T>(positive ? 0.1 + std::abs(u) : 4 * u * std::abs(u));
  }
  return x;
}

// Calls `check(kernels, first, n)` for each set, place and length.
template <class T, class F>
void for_each_case(F check) {
  for (const auto set : sets()) {
    CAPTURE(name(set));
    for (std::size_t first = 0; first < 3; ++first)
      for (std::size_t n = 0; n <= longest; ++n) {
        CAPTURE(first);
        CAPTURE(n);
        check(table<T>(set), first, n);
      }
  }
}

// A formula with some arguments against the same formula on doubles, to `ulps` of the result.
template <class T, class F, class G>
void check_formula(const char* what, const F& f, const G& in_double, double ulps, bool positive = false) {
  CAPTURE(what);
  constexpr std::size_t K = std::is_invocable_v<const F&, T>      ? 1
                            : std::is_invocable_v<const F&, T, T> ? 2
                                                                  : 3;
  constexpr std::size_t formula = Formulas<T>::template index_of<F>();
  static_assert(formula < Formulas<T>::size);
  for_each_case<T>([&](const Table<T>& kernels, std::size_t first, std::size_t n) {
    for (std::size_t broadcast = 0; broadcast <= K; ++broadcast) {  // one operand may be a single number
      std::vector<T> x[3];
      const T* places[3];
      std::size_t steps[3];
      for (std::size_t k = 0; k < K; ++k) {
        x[k] = numbers<T>(first + n + 1, k + 1, positive);
        places[k] = x[k].data() + first;
        steps[k] = broadcast == k + 1 ? 0 : 1;
      }
      std::vector<T> y(first + n + 20, T(-7));
      kernels.rows[formula](&f, y.data() + first, places, steps, n);
      bool right = true, beside = true;
      for (std::size_t i = 0; i < n; ++i) {
        double arguments[3] = {};
        for (std::size_t k = 0; k < K; ++k) arguments[k] = static_cast<double>(places[k][i * steps[k]]);
        const double expected = in_double(arguments[0], arguments[1], arguments[2]),
                     error = std::abs(static_cast<double>(y[first + i]) - expected);
        right = right && error <= ulps * std::numeric_limits<T>::epsilon() * std::abs(expected);
      }
      for (std::size_t i = 0; i < y.size(); ++i)
        if (i < first || i >= first + n) beside = beside && y[i] == T(-7);
      REQUIRE(right);
      REQUIRE(beside);
    }
  });
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

TEST_CASE_TEMPLATE("kernels: elementwise formulas on every instruction set", T, float, double) {
  using namespace formulas;
  using D = double;
  check_formula<T>(
      "copy", Copy(), [](D x, D, D) { return x; }, 0);
  check_formula<T>(
      "add", Add(), [](D x, D y, D) { return x + y; }, 1);
  check_formula<T>(
      "subtract", Subtract(), [](D x, D y, D) { return x - y; }, 1);
  check_formula<T>(
      "multiply", Multiply(), [](D x, D y, D) { return x * y; }, 1);
  check_formula<T>(
      "divide", Divide(), [](D x, D y, D) { return x / y; }, 1, true);
  check_formula<T>(
      "scale", Scale<T>{T(3)}, [](D x, D, D) { return 3 * x; }, 1);
  check_formula<T>(
      "shift", Shift<T>{T(3)}, [](D x, D, D) { return x + 3; }, 1, true);
  check_formula<T>(
      "scale_shift", ScaleShift<T>{T(2), T(3)}, [](D x, D, D) { return 2 * x + 3; }, 2, true);
  check_formula<T>(
      "add_scaled", AddScaled<T>{T(2)}, [](D x, D y, D) { return x + 2 * y; }, 2, true);
  check_formula<T>(
      "add_product", AddProduct(), [](D x, D y, D z) { return x + y * z; }, 2, true);
  check_formula<T>(
      "exp", Exp(), [](D x, D, D) { return std::exp(x); }, 2);
  check_formula<T>(
      "log", Log(), [](D x, D, D) { return std::log(x); }, 2, true);
  check_formula<T>(
      "sqrt", Sqrt(), [](D x, D, D) { return std::sqrt(x); }, 1, true);
  check_formula<T>(
      "square", Square(), [](D x, D, D) { return x * x; }, 1);
  check_formula<T>(
      "square_vjp", SquareVjp<T>(), [](D dy, D x, D) { return 2 * dy * x; }, 2);
  check_formula<T>(
      "tanh", Tanh(), [](D x, D, D) { return std::tanh(x); }, 2);
  check_formula<T>(
      "tanh_vjp", TanhVjp<T>(), [](D dy, D y, D) { return dy * (1 - y * y); }, 64, true);
  check_formula<T>(
      "sigmoid", Sigmoid(), [](D x, D, D) { return sigmoid(x); }, 4);
  check_formula<T>(
      "sigmoid_vjp", SigmoidVjp<T>(), [](D dy, D y, D) { return dy * y * (1 - y); }, 64, true);
  check_formula<T>(
      "relu", Relu<T>(), [](D x, D, D) { return x > 0 ? x : 0; }, 0);
  check_formula<T>(
      "relu_vjp", ReluVjp<T>(), [](D dy, D y, D) { return y > 0 ? dy : 0; }, 0);
  CHECK(Formulas<T>::size == 21);  // so that a formula without a line here is noticed
}

TEST_CASE_TEMPLATE("kernels: sums and maxima of rows on every instruction set", T, float, double) {
  const double eps = std::numeric_limits<T>::epsilon();
  for_each_case<T>([&](const Table<T>& kernels, std::size_t first, std::size_t n) {
    const auto x = numbers<T>(first + n + 1, 1), y = numbers<T>(first + n + 1, 2);
    const T *const a = x.data() + first, *const b = y.data() + first;
    double sum = 0, terms = 0, dot = 0, dot_terms = 0, exps = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const double u = static_cast<double>(a[i]), v = static_cast<double>(b[i]);
      sum += u;
      terms += std::abs(u);
      dot += u * v;
      dot_terms += std::abs(u * v);
      exps += std::exp(u - 2);
    }
    const double tolerance = 8 * eps * std::sqrt(static_cast<double>(n));
    REQUIRE(std::abs(static_cast<double>(kernels.sum(a, n)) - sum) <= tolerance * terms);
    REQUIRE(std::abs(static_cast<double>(kernels.dot(a, b, n)) - dot) <= tolerance * dot_terms);
    REQUIRE(std::abs(static_cast<double>(kernels.sum_exp_shifted(a, n, T(2))) - exps) <= tolerance * exps);
    std::vector<T> e(first + n + 20, T(-7));
    REQUIRE(std::abs(static_cast<double>(kernels.exp_shifted(a, e.data() + first, n, T(2))) - exps) <=
            tolerance * exps);
    for (std::size_t i = 0; i < e.size(); ++i)
      if (i < first || i >= first + n)
        REQUIRE(e[i] == T(-7));
      else
        REQUIRE(std::abs(static_cast<double>(e[i]) - std::exp(static_cast<double>(x[i]) - 2)) <=
                4 * eps * std::exp(static_cast<double>(x[i]) - 2));
    if (n > 0) REQUIRE(kernels.max(a, n) == *std::max_element(a, a + n));
  });
}

TEST_CASE_TEMPLATE("kernels: a long sum loses no digits", T, float, double) {
  const std::vector<T> x(1000003, T(0.1));
  const double expected = 1000003 * static_cast<double>(T(0.1));
  for (const auto set : sets())
    CHECK(static_cast<double>(table<T>(set).sum(x.data(), x.size())) ==
          doctest::Approx(expected).epsilon(1024 * std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE(
    "kernels: exp is right to 1.25 ulp over all its range, subnormal results and limits included", T, float,
    double) {
  using Limits = std::numeric_limits<T>;
  constexpr std::size_t formula = Formulas<T>::template index_of<formulas::Exp>();
  // From below the logarithm of the smallest number to above that of the largest.
  const double low = std::log(static_cast<double>(Limits::denorm_min())) - 1,
               high = std::log(static_cast<double>(Limits::max())) + 1;
  constexpr std::size_t count = 200'000;
  std::vector<T> x(count + 5), y(count + 5);
  for (std::size_t i = 0; i < count; ++i)
    x[i] = static_cast<T>(low + (high - low) * static_cast<double>(i) / count);
  const T ends[] = {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), Limits::max(),
                    Limits::lowest()};
  std::copy(std::begin(ends), std::end(ends), x.begin() + count);
  for (const auto set : sets()) {
    CAPTURE(name(set));
    const formulas::Exp f;
    const T* const operands[] = {x.data()};
    const std::size_t steps[] = {1};
    table<T>(set).rows[formula](&f, y.data(), operands, steps, x.size());
    double worst = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const long double exact = std::exp(static_cast<long double>(x[i]));
      const T rounded = static_cast<T>(exact);
      if (!std::isfinite(rounded) || !std::isfinite(y[i])) {
        CHECK(exact > 0.9999999L * static_cast<long double>(Limits::max()));
        continue;
      }
      const long double ulp =
          std::max<long double>(Limits::denorm_min(), std::nextafter(rounded, Limits::infinity()) - rounded);
      worst = std::max(worst, static_cast<double>(std::abs(y[i] - exact) / ulp));
    }
    CHECK(worst <= 1.25);
    CHECK(y[count] == Limits::infinity());
    CHECK(y[count + 1] == 0);
    CHECK(std::isnan(y[count + 2]));
    CHECK(y[count + 3] == Limits::infinity());
    CHECK(y[count + 4] == 0);
  }
}
