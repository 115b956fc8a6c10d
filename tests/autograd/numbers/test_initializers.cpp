// Initializers: what they are made of, the distributions and matrices that they draw, against numbers
// computed with Python and in 60 digits, and what they refuse.
#include <xgrad/autograd/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "autograd/errors.hpp"

using namespace xgrad;
using xgrad::testing::contains;
using xgrad::testing::message_of;

namespace {

using Numbers = std::vector<double>;

Numbers draw(const Initializer& initializer, const Shape& shape, std::uint32_t seed = 1) {
  Random random(seed);
  Numbers result(shape.size(), -7);
  initializer(random, result, shape);
  return result;
}

double mean(const Numbers& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double variance(Numbers x) {
  for (double& e : x) e *= e;
  return mean(x);
}

double largest(const Numbers& x) {
  double result = 0;
  for (const double e : x) result = std::max(result, std::abs(e));
  return result;
}

// The largest element of |W W^T - length^2 I| for the rows of W: (rows, columns), or of its columns if they
// are fewer.
double defect(const Numbers& W, std::size_t rows, std::size_t columns, double length = 1) {
  const bool by_row = rows <= columns;
  const std::size_t count = by_row ? rows : columns, n = by_row ? columns : rows;
  const auto at = [&](std::size_t i, std::size_t k) {
    return by_row ? W[i * columns + k] : W[k * columns + i];
  };
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      long double product = 0;
      for (std::size_t k = 0; k < n; ++k) product += static_cast<long double>(at(i, k)) * at(j, k);
      worst = std::max(worst, std::abs(static_cast<double>(product) - (i == j ? length * length : 0)));
    }
  return worst;
}

void check_near(const Numbers& got, const Numbers& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(got[i] - expected[i]) < 1e-14);
  }
}

}  // namespace

TEST_CASE("Initializer: any function of the numbers, or of the numbers and the shape") {
  const Initializer plain = [](Random&, std::span<double> numbers) { numbers[0] = 5; };
  const Initializer shaped = [](Random&, std::span<double> numbers, const Shape& shape) {
    numbers[0] = static_cast<double>(shape[0]);
  };
  CHECK(draw(plain, {2, 3}) == Numbers{5, -7, -7, -7, -7, -7});
  CHECK(draw(shaped, {2, 3}) == Numbers{2, -7, -7, -7, -7, -7});
  const Initializer either = [](Random&, std::span<double> numbers, auto... shape) {
    numbers[0] = sizeof...(shape);
  };
  CHECK(draw(either, {1}) == Numbers{1});

  Random random(1);
  Numbers three(3);
  shaped(random, three);
  CHECK(three[0] == 3);

  using Plain = std::function<void(Random&, std::span<double>)>;
  using Shaped = std::function<void(Random&, std::span<double>, const Shape&)>;
  CHECK(plain);
  CHECK(Initializer(Plain([](Random&, std::span<double>) {})));
  CHECK_FALSE(Initializer());
  CHECK_FALSE(Initializer(Plain()));
  CHECK_FALSE(Initializer(Shaped()));
  CHECK(message_of([&] { Initializer()(random, three); }) ==
        "[Initializer] is empty and cannot fill a parameter");
  CHECK(message_of([&] {
          plain(random, three, {2, 2});
        }) == "[Initializer] got 3 numbers to fill for the shape (2, 2)");
}

TEST_CASE("initializers: mean, variance and range") {
  const Shape shape{150, 400};
  const double n = 60000;
  struct Row {
    const char* name;
    Initializer initializer;
    double variance, fourth;  // moments; the fourth relative to the square of the variance
    double least, most;       // of the largest |x|
  };
  const double inf = std::numeric_limits<double>::infinity(), glorot = std::sqrt(6.0 / 550),
               he = std::sqrt(6.0 / 150);
  // The normal distribution cut at two deviations has the variance 1 - 4 phi(2) / (2 Phi(2) - 1).
  const double cut = 1 - 4 * std::exp(-2.0) / std::sqrt(2 * std::acos(-1.0)) / std::erf(std::sqrt(2.0));
  const std::vector<Row> rows{
      {"glorot_uniform", glorot_uniform(), 2.0 / 550, 1.8, 0.999 * glorot, glorot},
      {"glorot_uniform of gain 3", glorot_uniform(3), 18.0 / 550, 1.8, 2.997 * glorot, 3 * glorot},
      {"glorot_normal", glorot_normal(), 2.0 / 550, 3, 0, inf},
      {"glorot_normal of gain 3", glorot_normal(3), 18.0 / 550, 3, 0, inf},
      {"he_uniform", he_uniform(), 2.0 / 150, 1.8, 0.999 * he, he},
      {"he_normal", he_normal(), 2.0 / 150, 3, 0, inf},
      {"truncated_normal", truncated_normal(0.5), 0.25 * cut, 2.2, 0.999, 1},
      {"orthogonal", orthogonal(), 1.0 / 400, 3, 0, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Numbers x = draw(row.initializer, shape);
    CHECK(std::abs(mean(x)) < 4 * std::sqrt(row.variance / n));
    CHECK(std::abs(variance(x) / row.variance - 1) < 4 * std::sqrt((row.fourth - 1) / n));
    CHECK(largest(x) > row.least);
    CHECK(largest(x) <= row.most);
  }
}

TEST_CASE("initializers: the draws are NumPy's, in row-major order") {
  check_near(draw(glorot_uniform(), {3, 4}), [] {
    Numbers x = draw(uniform(-1, 1), {12});
    for (double& e : x) e *= std::sqrt(6.0 / 7);
    return x;
  }());
  const Numbers first = draw(glorot_uniform(), {3, 4});
  check_near({first[0], first[1], first[2]}, {-0.1536453917703785, 0.4079616890019113, -0.92560831876294});
  const Numbers bell = draw(glorot_normal(), {3, 4});
  check_near({bell[0], bell[1], bell[2]}, {0.8682491183746532, -0.3269975577200199, -0.28231967690598503});
  // The fourth number of RandomState(0).randn() is 2.24.
  check_near(draw(truncated_normal(1), {5}, 0), {1.764052345967664, 0.4001572083672233, 0.9787379841057392,
                                                 1.8675579901499675, -0.977277879876411});
  // All axes but the first are outputs.
  CHECK(draw(he_normal(), {2, 3, 4}) == draw(normal(1), {24}));
  CHECK(draw(he_uniform(), {6, 4}) == draw(uniform(-1, 1), {24}));
  CHECK(draw(glorot_normal(), {2, 3, 2}) == draw(glorot_normal(), {2, 6}));
}

TEST_CASE("initializers: an orthogonal matrix is the Q of normal draws") {
  check_near(draw(orthogonal(), {3, 4}),
             {0.7706224236586977, -0.2902296646524681, -0.2505754040627218, -0.509038101510009,   //
              -0.044130108225247, -0.6810709726707608, 0.7299086204723017, -0.03779245286500006,  //
              -0.2010402449346849, 0.47226601431998616, 0.3889001340922225, -0.7650518396409278});
  check_near(draw(orthogonal(), {4, 3}), {0.6185429832590639, 0.17187122435290442, -0.45777617004504906,  //
                                          -0.4085813444224157, 0.21721173456944678, -0.8422260685931204,  //
                                          0.6644160152186205, 0.10999556196467478, -0.05173218824789135,  //
                                          -0.09495905208013904, 0.9545576572176461, 0.28003572668527027});
}

TEST_CASE("initializers: rows or columns are orthonormal, whichever are fewer") {
  for (const Shape& shape : {Shape{5, 5}, Shape{3, 8}, Shape{8, 3}, Shape{1, 4}, Shape{4, 1}, Shape{70, 41},
                             Shape{41, 70}, Shape{200, 200}, Shape{4, 3, 5}, Shape{16, 3, 5}}) {
    CAPTURE(to_string(shape));
    for (const double gain : {1.0, 2.5, -1.0})
      CHECK(defect(draw(orthogonal(gain), shape), shape[0], shape.stride(0), gain) < 1e-12);
  }
  for (const Shape& empty : {Shape{0, 3}, Shape{3, 0}, Shape{0, 0}}) CHECK(draw(orthogonal(), empty).empty());
  CHECK(draw(orthogonal(0), {2, 2}) == Numbers(4, 0));
}

TEST_CASE("initializers: an orthogonal matrix favours no direction") {
  // Under Haar measure the trace of a 3 x 3 matrix has mean 0 and mean square 1, an element has mean square
  // 1/3, and half of the determinants are 1 (Diaconis & Shahshahani 1994).
  Random random(1);
  Numbers traces, elements, determinants, signs;
  for (int i = 0; i < 20000; ++i) {
    Numbers Q(9);
    orthogonal()(random, Q, {3, 3});
    traces.push_back(Q[0] + Q[4] + Q[8]);
    elements.push_back(Q[5]);
    determinants.push_back(Q[0] * (Q[4] * Q[8] - Q[5] * Q[7]) - Q[1] * (Q[3] * Q[8] - Q[5] * Q[6]) +
                           Q[2] * (Q[3] * Q[7] - Q[4] * Q[6]));
    Numbers one(1);
    orthogonal()(random, one, {1, 1});
    signs.push_back(one[0]);
  }
  const double tolerance = 4 / std::sqrt(20000.0);
  CHECK(std::abs(mean(traces)) < tolerance);
  CHECK(std::abs(variance(traces) - 1) < 2 * tolerance);
  CHECK(std::abs(variance(elements) - 1.0 / 3) < tolerance / 3);
  CHECK(std::abs(mean(determinants)) < tolerance);
  CHECK(std::abs(mean(signs)) < tolerance);
  CHECK(variance(signs) == 1);
}

TEST_CASE("initializers: the identity has its scale on the diagonal") {
  CHECK(draw(identity(), {2, 2}) == Numbers{1, 0, 0, 1});
  CHECK(draw(identity(0.5), {2, 3}) == Numbers{0.5, 0, 0, 0, 0.5, 0});
  CHECK(draw(identity(-2), {3, 2}) == Numbers{-2, 0, 0, -2, 0, 0});
  CHECK(draw(identity(), {0, 3}).empty());
  Random untouched(1), used(1);
  Numbers four(4);
  identity()(used, four, {2, 2});
  CHECK(used.uniform() == untouched.uniform());
}

TEST_CASE("initializers: blocks are drawn one after another") {
  CHECK(draw(blocks(3, identity(2)), {2, 6}) == Numbers{2, 0, 2, 0, 2, 0, 0, 2, 0, 2, 0, 2});
  const Numbers whole = draw(blocks(2, glorot_uniform()), {2, 3, 4});
  Random random(1);
  for (std::size_t b = 0; b < 2; ++b) {
    Numbers block(12);
    glorot_uniform()(random, block, {2, 3, 2});
    for (std::size_t i = 0; i < 12; ++i) CHECK(whole[i / 2 * 4 + 2 * b + i % 2] == block[i]);
  }
  CHECK(draw(blocks(1, orthogonal()), {4, 3}) == draw(orthogonal(), {4, 3}));
  CHECK(draw(blocks(2, blocks(2, identity())), {1, 4}) == Numbers{1, 1, 1, 1});
  CHECK(draw(blocks(3, constant(1)), {2, 0}).empty());
  CHECK(draw(blocks(2, constant(1)), {4}) == Numbers(4, 1));
}

TEST_CASE("initializers: refuse arguments and shapes that are not theirs") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(),
                   inf = std::numeric_limits<double>::infinity();
  CHECK(message_of([] { truncated_normal(-1); }) ==
        "[truncated_normal] needs a finite deviation >= 0, got -1");
  CHECK(message_of([] { glorot_uniform(-1); }) == "[glorot_uniform] needs a finite gain >= 0, got -1");
  CHECK(message_of([] { glorot_normal(inf); }) == "[glorot_normal] needs a finite gain >= 0, got inf");
  CHECK(message_of([] { orthogonal(nan); }) == "[orthogonal] needs a finite gain, got nan");
  CHECK(message_of([] { identity(inf); }) == "[identity] needs a finite scale, got inf");
  CHECK(message_of([] { blocks(0, constant(1)); }) == "[blocks] needs at least one block");
  CHECK(message_of([] { blocks(2, {}); }) == "[blocks] needs an initializer, got an empty one");

  const std::vector<std::pair<std::string, Initializer>> of_matrices{{"glorot_uniform", glorot_uniform()},
                                                                     {"glorot_normal", glorot_normal()},
                                                                     {"he_uniform", he_uniform()},
                                                                     {"he_normal", he_normal()},
                                                                     {"orthogonal", orthogonal()}};
  for (const auto& [name, initializer] : of_matrices) {
    CHECK(message_of([&, &of = initializer] { draw(of, {5}); }) ==
          "[" + name +
              "] fills a matrix, whose outputs sum the inputs along the first axis; got the shape (5,)");
    CHECK(contains(message_of([&, &of = initializer] { draw(of, {}); }), "got the shape ()"));
  }
  CHECK(message_of([] { draw(identity(), {5}); }) ==
        "[identity] fills a matrix, of rank 2; got the shape (5,)");
  CHECK(contains(message_of([] { draw(identity(), {2, 2, 2}); }), "got the shape (2, 2, 2)"));
  CHECK(message_of([] {
          draw(blocks(4, constant(1)), {3, 6});
        }) == "[blocks] cannot part the last axis of (3, 6) into 4 equal blocks");
  CHECK(contains(message_of([] { draw(blocks(1, constant(1)), {}); }), "the last axis of ()"));
}
