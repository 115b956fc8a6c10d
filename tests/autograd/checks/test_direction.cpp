// Directions: what goes in as an imaginary part comes out as the derivative, bit for bit where nothing is
// computed.
#include <xgrad/autograd/checks/direction.hpp>

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

#include "autograd/errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

TEST_CASE("direction: goes in and comes out") {
  const Array<double> x({2, 2}, {1, -2, 1e-30, 0}), v({2, 2}, {0.5, -0.75, 1, 3});
  const auto z = with_direction(x, v);
  CHECK(numbers(z.cast<double>()) == numbers(x));
  const auto out = carried_derivative(z);
  CHECK(to_string(out.shape()) == "(2, 2)");
  for (std::size_t i = 0; i < 4; ++i) CHECK(out.data()[i] == doctest::Approx(v.data()[i]).epsilon(1e-15));
  const auto by_path = with_directions({{"x", x}, {"y", x}}, {{"y", v}});
  CHECK(by_path.at("x").data()[1] == Complex(-2, 0));
  CHECK(by_path.at("y").data()[1] == Complex(-2, -0.75e-100));
}

TEST_CASE("direction: vanishes beside its element, and its square beside 1") {
  for (const double x : {0.0, 1e-30, 0.5, 1.0, 1e30, double(INFINITY)}) CHECK(direction_size(x) == 1);
  CHECK(with_direction(Array<double>(1e-100), Array<double>(2.0)).item() == Complex(1e-100, 2e-130));
  for (double x = 1e-298; x < 1e300; x *= 1e3) {
    CAPTURE(x);
    const double moved = scalar::complex_step * direction_size(-x);
    CHECK(moved > 0);
    CHECK(moved <= 1.001e-9 * std::min(x, 1.0));
  }
}

TEST_CASE("direction: random ones are never small, units and restrictions are zero elsewhere") {
  Random random(3);
  const auto v = random_direction({40, 50}, random);
  std::size_t negative = 0;
  for (const double r : v) {
    CHECK(std::abs(r) >= 0.5);
    CHECK(std::abs(r) <= 1);
    negative += r < 0 ? 1 : 0;
  }
  CHECK(negative > 900);
  CHECK(negative < 1100);
  CHECK(numbers(unit_direction({2, 2}, 2)) == std::vector<double>{0, 0, 1, 0});
  CHECK(numbers(restricted_direction(Array<double>({4}, {1, 2, 3, 4}), 1, 3)) ==
        std::vector<double>{0, 2, 3, 0});
}
