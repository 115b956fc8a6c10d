// The kernels of every instruction set that this processor has, float included, against plain loops in
// double: at every length up to four registers and a bit, at misaligned places, and without a look or a write
// beyond the end.
#include <xgrad/autograd/kernels/table.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <tuple>
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

// The loop of a formula against the formula itself in double, to `ulps` of the result.
template <class T, class F, class G>
void check_formula(const char* what, const F& f, const G& in_double, double ulps, bool positive = false) {
  CAPTURE(what);
  constexpr std::size_t K = arguments<G, double>;
  constexpr std::size_t formula = Formulas<T>::template index_of<F>();
  static_assert(formula < Formulas<T>::size);
  for_each_case<T>([&](const Table<T>& kernels, std::size_t first, std::size_t n) {
    for (std::size_t broadcast = 0; broadcast <= K; ++broadcast) {  // one operand may be a single number
      std::vector<T> x[K];
      const T* places[K];
      std::size_t steps[K];
      for (std::size_t k = 0; k < K; ++k) {
        x[k] = numbers<T>(first + n + 1, k + 1, positive);
        places[k] = x[k].data() + first;
        steps[k] = broadcast == k + 1 ? 0 : 1;
      }
      std::vector<T> y(first + n + 20, T(-7));
      kernels.rows[formula](&f, y.data() + first, places, steps, n);
      bool right = true, beside = true;
      for (std::size_t i = 0; i < n; ++i) {
        std::array<double, K> arguments;
        for (std::size_t k = 0; k < K; ++k) arguments[k] = static_cast<double>(places[k][i * steps[k]]);
        const double expected = std::apply(in_double, arguments),
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
template <class T, class F>
void check_formula(const char* what, const F& f, double ulps) {
  check_formula<T>(what, f, f, ulps, true);
}

// Factors of 1 - y^2 and the like cancel: 64 ulp. Slopes made of x and y need a y that belongs to x:
// test_elementwise.cpp has them.
template <class T, class F>
void check_function(const F& f) {
  check_formula<T>(F::op.name(), xgrad::functions::Value<F>{f}, 16);
  if constexpr (F::kept != xgrad::functions::Kept::both)
    check_formula<T>(F::op.name(), xgrad::functions::Vjp<F>{f}, 64);
}
template <class T, class F>
void check_function_of_two() {
  check_formula<T>(F::op.name(), xgrad::functions::Value<F>(), 16);
  if constexpr (!std::is_same_v<F, xgrad::functions::Pow>)
    check_formula<T>(F::op.name(), xgrad::functions::VjpA<F>(), 64);
  check_formula<T>(F::op.name(), xgrad::functions::VjpB<F>(), 64);
}

// A rule on every set against the rule in double; without a slot and without a gradient, too.
template <class T, class Rule, class InDouble>
void check_rule(const Rule& rule, const InDouble& in_double) {
  constexpr std::size_t index = Updates<T>::template index_of<Rule>(), K = Rule::slots;
  static_assert(index < Updates<T>::size);
  for_each_case<T>([&](const Table<T>& kernels, std::size_t first, std::size_t n) {
    for (const bool with_gradient : {true, false}) {
      std::vector<T> w = numbers<T>(first + n + 20, 1), g = numbers<T>(first + n + 20, 2), slot[K];
      const std::vector<T> before = w;
      T* slots[K];
      for (std::size_t k = 0; k < K; ++k) {
        slot[k] = numbers<T>(first + n + 20, 3 + k, true);
        slots[k] = slot[k].data() + first;
      }
      const std::vector<T> slots_before[] = {slot[0], slot[K - 1]};
      kernels.updates[index](&rule, w.data() + first, slots, with_gradient ? g.data() + first : nullptr, n);
      bool right = true, beside = true;
      for (std::size_t i = 0; i < w.size(); ++i) {
        if (i < first || i >= first + n) {
          beside = beside && w[i] == before[i] && slot[0][i] == slots_before[0][i];
          continue;
        }
        double weight = static_cast<double>(before[i]), remembered[K];
        for (std::size_t k = 0; k < K; ++k)
          remembered[k] = static_cast<double>(numbers<T>(first + n + 20, 3 + k, true)[i]);
        in_double(weight, remembered, with_gradient ? static_cast<double>(g[i]) : 0.0);
        const double error = std::abs(static_cast<double>(w[i]) - weight) +
                             std::abs(static_cast<double>(slot[K - 1][i]) - remembered[K - 1]);
        right = right && error <= 256 * std::numeric_limits<T>::epsilon() * (1 + std::abs(weight));
      }
      REQUIRE(right);
      REQUIRE(beside);
    }
  });
}

}  // namespace

TEST_CASE_TEMPLATE("kernels: elementwise formulas on every instruction set", T, float, double) {
  using namespace formulas;
  check_formula<T>("copy", Copy(), 0);
  check_formula<T>("add", Add(), 1);
  check_formula<T>(
      "subtract", Subtract(), [](double x, double y) { return x - y; }, 1);
  check_formula<T>("multiply", Multiply(), 1);
  check_formula<T>("divide", Divide(), 1);
  check_formula<T>("scale", ScaleShift<T>{T(3)}, ScaleShift<double>{3}, 1);
  check_formula<T>("scale_shift", ScaleShift<T>{T(2), T(3)}, ScaleShift<double>{2, 3}, 2, true);
  check_formula<T>("add_product", AddProduct(), 2);
  check_formula<T>("dividend_vjp", DividendVjp(), 1);
  check_formula<T>("divisor_vjp", DivisorVjp(), 2);
  check_formula<T>(
      "larger", Larger(), [](double x, double y) { return std::max(x, y); }, 0);
  CHECK(Formulas<T>::size == 10 + 12 + 2 * (5 + 17));  // so that a formula without a line here is noticed
}

TEST_CASE_TEMPLATE("kernels: elementwise functions and their slopes on every instruction set", T, float,
                   double) {
  using namespace xgrad::functions;
#define CHECK_FUNCTION(name, F) check_function<T>(F());
  XGRAD_FUNCTIONS(CHECK_FUNCTION)
#undef CHECK_FUNCTION
  check_function_of_two<T, Pow>();
  check_function_of_two<T, Maximum>();
  check_function_of_two<T, Minimum>();
  check_formula<T>("cross entropy", Value<BinaryCrossEntropy>(), 100);
  check_formula<T>("slope of cross entropy", VjpA<BinaryCrossEntropy>(), 4000);  // a difference
  check_formula<T>("slope of cross entropy by targets", VjpB<BinaryCrossEntropy>(), 1);
  check_function<T>(PowOf<T>{{}, T(1.5)});
  check_function<T>(Clip<T>{{}, T(0.25), T(0.5)});
  check_function<T>(LeakyRelu<T>{{}, T(0.25)});
  check_function<T>(Elu<T>{{}, T(0.5)});
  check_function<T>(Huber<T>{{}, T(0.5)});
}

TEST_CASE_TEMPLATE("kernels: rules of optimizers on every instruction set", T, float, double) {
  using namespace xgrad::updates;
  const auto check = [](auto rule, auto in_double) { check_rule<T>(rule, in_double); };
  check(Sgd<T>{T(0.5), T(0.25), T(0.75), T(0.5), true}, Sgd<double>{0.5, 0.25, 0.75, 0.5, true});
  check(Sgd<T>{T(0.5), 0, 0, 0, false}, Sgd<double>{0.5, 0, 0, 0, false});
  check(Adagrad<T>{T(0.5), T(0.25), T(0.125)}, Adagrad<double>{0.5, 0.25, 0.125});
  check(Rmsprop<T>{T(0.5), T(0.25), T(0.75), T(0.25), T(0.5), T(0.125), false},
        Rmsprop<double>{0.5, 0.25, 0.75, 0.25, 0.5, 0.125, false});
  check(Rmsprop<T>{T(0.5), T(0.25), T(0.75), T(4), T(0.5), T(0.125), true},
        Rmsprop<double>{0.5, 0.25, 0.75, 4, 0.5, 0.125, true});
  check(Rmsprop<T>{T(0.5), T(0.25), T(0.75), T(0.25), 0, T(0.125), true},
        Rmsprop<double>{0.5, 0.25, 0.75, 0.25, 0, 0.125, true});
  check(Adam<T>{T(0.5), T(0.25), T(0.75), T(0.25), T(0.75), T(0.25), T(0.125), T(0.5)},
        Adam<double>{0.5, 0.25, 0.75, 0.25, 0.75, 0.25, 0.125, 0.5});
  for (const bool classical : {false, true})
    check(Rprop<T>{T(1.25), T(0.5), T(0.125), T(2), classical},
          Rprop<double>{1.25, 0.5, 0.125, 2, classical});
  check(Linear<T>{T(0.5), T(0.25), T(0.125), T(0.75)}, Linear<double>{0.5, 0.25, 0.125, 0.75});
  CHECK(Updates<T>::size == 6);
}

TEST_CASE_TEMPLATE("kernels: the root of squares is right to 2 ulp wherever it is in range", T, float,
                   double) {
  using Limits = std::numeric_limits<T>;
  const xgrad::updates::Adagrad<T> rule{T(0), T(0), T(1)};
  constexpr std::size_t index = Updates<T>::template index_of<xgrad::updates::Adagrad<T>>();
  for (const auto set : sets())
    for (int a = Limits::min_exponent; a < Limits::max_exponent - 1; ++a)
      for (int b = std::max(a - 30, Limits::min_exponent); b < std::min(a + 30, Limits::max_exponent - 1);
           ++b) {
        T w = 0, s = std::ldexp(T(0.7), a);
        const T g = std::ldexp(T(-0.9), b);
        const long double expected = std::hypot(static_cast<long double>(s), static_cast<long double>(g));
        T* const slots[] = {&s};
        table<T>(set).updates[index](&rule, &w, slots, &g, 1);
        REQUIRE(std::abs(s / expected - 1) <= 2 * static_cast<long double>(Limits::epsilon()));
      }
}

TEST_CASE_TEMPLATE("kernels: the root of squares is the same beside others of any size", T, float, double) {
  using Rule = xgrad::updates::Adam<T>;
  const Rule rule{0, 0, 0, T(1), T(0.999), T(0.001), T(1), T(1)};
  constexpr std::size_t index = Updates<T>::template index_of<Rule>(), n = 1000;
  const auto far = static_cast<T>(std::sqrt(std::numeric_limits<T>::max()));
  for (const auto set : sets()) {
    auto w = numbers<T>(n, 1), mean = numbers<T>(n, 2), root = numbers<T>(n, 3, true), g = numbers<T>(n, 4);
    for (std::size_t i = 0; i < n; i += 3) g[i] = i % 2 == 0 ? g[i] * far : T(0), root[i] = root[i] / far;
    auto alone = root;
    for (std::size_t i = 0; i < n; ++i) {
      T weight = w[i], first = mean[i];
      T* const slots[] = {&first, &alone[i]};
      table<T>(set).updates[index](&rule, &weight, slots, &g[i], 1);
    }
    T* const slots[] = {mean.data(), root.data()};
    table<T>(set).updates[index](&rule, w.data(), slots, g.data(), n);
    REQUIRE(root == alone);
  }
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
    REQUIRE(std::abs(static_cast<double>(kernels.exp_shifted(a, nullptr, n, T(2))) - exps) <=
            tolerance * exps);
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

TEST_CASE_TEMPLATE("kernels: the sum of squares is exact for whole numbers, at every length", T, float,
                   double) {
  std::vector<T> x(300);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(static_cast<double>(i % 17) - 8);
  for (const auto set : sets())
    for (std::size_t first = 0; first < 9; ++first) {
      double expected = 0;
      for (std::size_t n = 0; first + n < x.size(); ++n) {
        REQUIRE(table<T>(set).sum_of_squares(x.data() + first, n) == expected);
        expected += static_cast<double>(x[first + n]) * static_cast<double>(x[first + n]);
      }
    }
}

TEST_CASE_TEMPLATE("kernels: the sum of squares shows a number that is not finite wherever it stands", T,
                   float, double) {
  constexpr auto inf = std::numeric_limits<T>::infinity(), not_a_number = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> x(100, T(1));
  for (const auto set : sets())
    for (T& number : x) {
      number = -inf;
      REQUIRE(std::isinf(table<T>(set).sum_of_squares(x.data(), x.size())));
      number = not_a_number;
      REQUIRE(std::isnan(table<T>(set).sum_of_squares(x.data(), x.size())));
      number = T(1);
    }
}

TEST_CASE("kernels: the sum of squares of the largest and smallest floats") {
  for (const float x : {std::numeric_limits<float>::max(), 1e-45F})
    for (const auto set : sets()) {
      const std::vector<float> row(40, x);
      const double expected = 40 * static_cast<double>(x) * static_cast<double>(x);
      CHECK(table<float>(set).sum_of_squares(row.data(), 40) / expected == doctest::Approx(1).epsilon(1e-14));
    }
}

TEST_CASE_TEMPLATE(
    "kernels: exp is right to 1.25 ulp over all its range, subnormal results and limits included", T, float,
    double) {
  using Limits = std::numeric_limits<T>;
  constexpr std::size_t formula =
      Formulas<T>::template index_of<xgrad::functions::Value<xgrad::functions::Exp>>();
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
    const xgrad::functions::Value<xgrad::functions::Exp> f;
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
