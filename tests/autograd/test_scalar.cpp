// The complex scalar functions: values are those of double, where that is NaN or infinite as well;
// derivatives carried in the imaginary part are exact over the whole range, unlike those of std's; decisions
// follow the real part.
#include <xgrad/autograd/scalar.hpp>

#include <doctest/doctest.h>

#include <limits>

using xgrad::Complex;
namespace scalar = xgrad::scalar;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// f'(x) as f(x + ih) carries it.
template <class F>
double slope(F f, double x) {
  return f(Complex(x, scalar::complex_step)).imag() / scalar::complex_step;
}

const auto my_exp = [](auto x) { return scalar::exp(x); };
const auto my_log = [](auto x) { return scalar::log(x); };
const auto my_sqrt = [](auto x) { return scalar::sqrt(x); };
const auto my_tanh = [](auto x) { return scalar::tanh(x); };
const auto my_sigmoid = [](auto x) { return scalar::sigmoid(x); };
const auto my_softplus = [](auto x) { return scalar::softplus(x); };
const auto my_expm1 = [](auto x) { return scalar::expm1(x); };
const auto my_log1p = [](auto x) { return scalar::log1p(x); };
const auto my_sin = [](auto x) { return scalar::sin(x); };
const auto my_cos = [](auto x) { return scalar::cos(x); };
const auto my_erf = [](auto x) { return scalar::erf(x); };
const auto my_erfc = [](auto x) { return scalar::erfc(x); };
const auto my_abs = [](auto x) { return scalar::abs(x); };
const auto my_cube = [](auto x) { return scalar::pow(x, decltype(x)(3)); };
const auto my_root = [](auto x) { return scalar::pow(x, decltype(x)(0.5)); };

template <class F>
void check_values(F f, std::initializer_list<double> xs) {
  for (const double x : xs) {
    CAPTURE(x);
    const double y = f(x), z = f(Complex(x, scalar::complex_step)).real(), at_rest = f(Complex(x)).real();
    if (std::isnan(y)) {
      CHECK(std::isnan(z));
      CHECK(std::isnan(at_rest));
    } else {
      CHECK((z == y || std::abs(z - y) <= 4e-16 * std::abs(y) + 1e-150));
      CHECK((at_rest == y || std::abs(at_rest - y) <= 4e-16 * std::abs(y) + 1e-150));
    }
  }
}

template <class F, class Slope>
void check_slopes(F f, Slope expected, std::initializer_list<double> xs) {
  for (const double x : xs) {
    CAPTURE(x);
    CHECK(std::abs(slope(f, x) - expected(x)) <= 1e-15 * std::abs(expected(x)));
  }
}

}  // namespace

TEST_CASE("scalar: complex values are those of double, at the edges too") {
  const std::initializer_list<double> xs = {0.0,  -0.0, 1e-60, -1e-60, 1e-30, 1.0,      -1.0,      0.5, 3.0,
                                            60.0, -60., 700.,  -700.,  800.0, infinity, -infinity, NAN};
  check_values(my_exp, xs);
  check_values(my_log, xs);
  check_values(my_sqrt, xs);
  check_values(my_tanh, xs);
  check_values(my_sigmoid, xs);
  check_values(my_softplus, xs);
  check_values(my_expm1, xs);
  check_values(my_log1p, xs);
  check_values(my_sin, xs);
  check_values(my_cos, xs);
  check_values(my_erf, xs);
  check_values(my_erfc, xs);
  check_values(my_abs, xs);
  check_values(my_cube, xs);
  check_values(my_root, xs);
}

TEST_CASE("scalar: derivatives are exact from 1e-60 to 60 and beyond") {
  check_slopes(my_exp, [](double x) { return std::exp(x); }, {0, 1e-60, 1e-30, 1, -1, 60, -60, -200});
  check_slopes(my_log, [](double x) { return 1 / x; }, {1e-60, 1e-30, 0.5, 1, 60, 1e30});
  check_slopes(my_sqrt, [](double x) { return 0.5 / std::sqrt(x); }, {1e-60, 1e-30, 0.5, 1, 60, 1e30});
  const auto tanh_slope = [](double x) {  // 1 / cosh^2, which does not cancel
    const double e = std::exp(-2 * std::abs(x));
    return 4 * e / ((1 + e) * (1 + e));
  };
  check_slopes(my_tanh, tanh_slope, {0, 1e-60, 1e-30, 0.1, 1, -2, 5, -20, 60, -60});
  const auto sigmoid_slope = [](double x) {
    const double e = std::exp(-std::abs(x));
    return e / ((1 + e) * (1 + e));
  };
  check_slopes(my_sigmoid, sigmoid_slope, {0, 1e-60, 0.1, 1, -2, 5, -20, 60, -60});
  check_slopes(my_softplus, [](double x) { return 1 / (1 + std::exp(-x)); },
               {0, 1e-60, 0.1, 1, -2, 5, -20, 60, -60});
  check_slopes(my_expm1, [](double x) { return std::exp(x); }, {0, 1e-60, 1e-30, 0.1, 1, -1, 60, -200});
  check_slopes(my_log1p, [](double x) { return 1 / (1 + x); }, {0, 1e-60, -1e-30, 0.5, 1, 60, -0.9});
  check_slopes(my_sin, [](double x) { return std::cos(x); }, {0, 1e-60, 0.5, -1, 60});
  check_slopes(my_cos, [](double x) { return -std::sin(x); }, {0, 1e-60, 0.5, -1, 60});
  check_slopes(my_abs, [](double x) { return x < 0 ? -1 : 1; }, {1e-60, -1e-60, 60, -60});
  check_slopes(my_cube, [](double x) { return 3 * x * x; }, {0, 1e-30, 0.5, -1, -60});
  check_slopes(my_root, [](double x) { return 0.5 / std::sqrt(x); }, {1e-30, 0.5, 1});
}

TEST_CASE("scalar: comparisons and choices follow the real part and keep what is not chosen out") {
  const Complex nothing(NAN, NAN), x(-1, 1e-100), y(-1, 5);
  CHECK(scalar::less(x, Complex(0)));
  CHECK_FALSE(scalar::less(x, y));
  CHECK(scalar::less_equal(x, y));
  CHECK(scalar::equal(x, y));
  CHECK_FALSE(scalar::equal(nothing, nothing));
  CHECK(scalar::select(true, x, nothing) == x);
  CHECK(scalar::select(false, nothing, x) == x);
  CHECK(scalar::select(true, 1.0F, NAN) == 1.0F);
}

TEST_CASE("scalar: kinks are counted where Complex meets them") {
  scalar::kinks = 0;
  scalar::kink(Complex(0, 5), Complex(0));
  scalar::kink(Complex(1e-300, 5), Complex(0));
  scalar::kink(0.0, 0.0);
  CHECK(scalar::kinks == 1);
  CHECK(scalar::abs(Complex(0, 5)) == Complex(0));
  CHECK(scalar::kinks == 2);
  scalar::kinks = 0;
}

TEST_CASE("scalar: a power is exact where the standard library's goes through the cut of the logarithm") {
  CHECK(scalar::pow(Complex(-2, 1e-100), Complex(2)) == Complex(4, -4e-100));
  CHECK(scalar::pow(Complex(-2, 1e-100), Complex(3)) == Complex(-8, 12e-100));
  CHECK(scalar::pow(Complex(0, 1e-100), Complex(1)) == Complex(0, 1e-100));
  CHECK(scalar::pow(Complex(0, 1e-100), Complex(2)) == Complex(0, 0));
  CHECK(std::isnan(scalar::pow(Complex(-2, 1e-100), Complex(0.5)).real()));
}

TEST_CASE("scalar: converting keeps the number, or its real part") {
  CHECK(scalar::convert<Complex>(2.5F) == Complex(2.5, 0));
  CHECK(scalar::convert<double>(Complex(2.5, 1)) == 2.5);
  CHECK(scalar::convert<float>(0.1) == 0.1F);
  CHECK(std::is_same_v<scalar::Real<Complex>, double>);
  CHECK(std::is_same_v<scalar::Real<float>, float>);
}
