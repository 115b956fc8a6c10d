// Directions: what goes in as an imaginary part comes out as the derivative, bit for bit where nothing is
// computed.
#include <xgrad/autograd/checks/direction.hpp>

#include <doctest/doctest.h>

#include "autograd/errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

TEST_CASE("direction: goes in and comes out") {
  const Array<double> x({2, 2}, {1, -2, 1e-60, 0}), v({2, 2}, {0.5, -0.75, 1, 3});
  const auto z = with_direction(x, v);
  CHECK(numbers(z.cast<double>()) == numbers(x));
  const auto out = carried_derivative(z);
  CHECK(to_string(out.shape()) == "(2, 2)");
  for (std::size_t i = 0; i < 4; ++i) CHECK(out.data()[i] == doctest::Approx(v.data()[i]).epsilon(1e-15));
  const auto by_path = with_directions({{"x", x}, {"y", x}}, {{"y", v}});
  CHECK(by_path.at("x").data()[1] == Complex(-2, 0));
  CHECK(by_path.at("y").data()[1] == Complex(-2, -0.75e-100));
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
