// The sum of squares at every length around the registers' width, at every alignment, with numbers that are
// not finite.
#include <xgrad/autograd/kernels/squares.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

using xgrad::kernels::sum_of_squares;

TEST_CASE_TEMPLATE("sum_of_squares: every length and alignment", T, float, double) {
  std::vector<T> numbers(300);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<T>(static_cast<double>(i % 17) - 8);
  for (std::size_t first = 0; first < 9; ++first) {
    double expected = 0;  // whole numbers, so exact in any order
    for (std::size_t n = 0; first + n <= numbers.size(); ++n) {
      REQUIRE(sum_of_squares(numbers.data() + first, n) == expected);
      if (first + n < numbers.size())
        expected += static_cast<double>(numbers[first + n]) * static_cast<double>(numbers[first + n]);
    }
  }
}

TEST_CASE_TEMPLATE("sum_of_squares: shows a number that is not finite wherever it stands", T, float, double) {
  constexpr auto inf = std::numeric_limits<T>::infinity(), not_a_number = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> numbers(100, T(1));
  for (T& number : numbers) {
    number = -inf;
    REQUIRE(std::isinf(sum_of_squares(numbers.data(), numbers.size())));
    number = not_a_number;
    REQUIRE(std::isnan(sum_of_squares(numbers.data(), numbers.size())));
    number = T(1);
  }
}

TEST_CASE("sum_of_squares: the largest and smallest floats") {
  const std::vector<float> large(40, std::numeric_limits<float>::max()), small(40, 1e-45F);
  const auto square = [](float x) { return static_cast<double>(x) * static_cast<double>(x); };
  CHECK(sum_of_squares(large.data(), 40) == doctest::Approx(40 * square(large[0])).epsilon(1e-14));
  CHECK(sum_of_squares(small.data(), 40) == doctest::Approx(40 * square(small[0])).epsilon(1e-14));
  CHECK(sum_of_squares(small.data(), 40) > 0);
}
