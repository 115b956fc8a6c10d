// The complex scalar functions: values are those of double, where that is NaN or infinite as well; derivatives carried in
// the imaginary part are exact over the whole range, unlike those of std's; decisions follow the real part.
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
}

TEST_CASE("scalar: choices follow the real part, count kinks and keep what is not chosen out") {
  const Complex nothing(NAN, NAN), x(-1, 1e-100);
  CHECK(scalar::where_le_zero(x, Complex(2, 3), nothing) == Complex(2, 3));
  CHECK(scalar::where_le_zero(-x, nothing, x) == x);
  scalar::kinks = 0;
  CHECK(scalar::where_le_zero(Complex(0, 5), x, nothing) == x);
  CHECK(scalar::where_le_zero(Complex(1e-300, 5), nothing, x) == x);
  CHECK(scalar::kinks == 1);
  CHECK(scalar::where_le_zero(0.0, 1.0, 2.0) == 1.0);
}

TEST_CASE("scalar: converting keeps the number, or its real part") {
  CHECK(scalar::convert<Complex>(2.5F) == Complex(2.5, 0));
  CHECK(scalar::convert<double>(Complex(2.5, 1)) == 2.5);
  CHECK(scalar::convert<float>(0.1) == 0.1F);
  CHECK(std::is_same_v<scalar::Real<Complex>, double>);
  CHECK(std::is_same_v<scalar::Real<float>, float>);
}
