// sum_to against plain loops in long double, for every shape that an array can be summed to.
#include <xgrad/autograd/numbers/sum.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/threads.hpp>

#include "../errors.hpp"

using xgrad::Array;
using xgrad::Shape;
using xgrad::to_string;
using xgrad::kernels::sum_to;
using namespace xgrad::testing;

namespace {

template <class T>
void check_sum(const Array<T>& x, const Shape& shape) {
  std::vector<long double> sums(shape.size()), magnitudes(shape.size());
  for (std::size_t flat = 0; flat < x.size(); ++flat) {
    std::size_t rest = flat, position = 0, step = 1;
    for (std::size_t i = 1; i <= x.rank(); ++i) {
      const std::size_t dim = x.shape()[x.rank() - i], index = rest % dim;
      rest /= dim;
      if (i > shape.rank()) continue;
      const std::size_t own = shape[shape.rank() - i];
      position += (own == 1 ? 0 : index) * step;
      step *= own;
    }
    sums[position] += x.data()[flat];
    magnitudes[position] += std::abs(x.data()[flat]);
  }
  const Array<T> y = sum_to(x, shape);
  REQUIRE(y.shape() == shape);
  const auto terms = static_cast<long double>(x.size()) / std::max<long double>(1, shape.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const long double bound = terms * std::numeric_limits<T>::epsilon() / 2 * magnitudes[i];
    if (!(std::abs(y.data()[i] - sums[i]) <= bound))
      FAIL_CHECK(to_string(x.shape()), " to ", to_string(shape), " at ", i, ": ", y.data()[i], " not ",
                 static_cast<double>(sums[i]));
  }
}

template <class T>
Array<T> random_array(const Shape& shape) {
  xgrad::Random random(1);
  auto x = Array<T>::uninitialized(shape);
  T* const out = x.mutable_data();
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = static_cast<T>(random.normal());
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("sum_to: agrees with plain loops for every target", T, float, double) {
  for (const Shape& from : {Shape{},
                            {1},
                            {7},
                            {300},
                            {3, 5},
                            {1, 7},
                            {7, 1},
                            {4, 70},
                            {2, 3, 5},
                            {2, 1, 70},
                            {3, 2, 1, 4},
                            {2, 3, 2, 3, 2, 3},
                            {0},
                            {3, 0},
                            {0, 3}}) {
    const auto x = random_array<T>(from);
    for (std::size_t dropped = 0; dropped <= from.rank(); ++dropped) {
      for (unsigned mask = 0; mask < (1U << (from.rank() - dropped)); ++mask) {
        Shape to(from.begin() + dropped, from.end());
        for (std::size_t axis = 0; axis < to.rank(); ++axis)
          if (mask >> axis & 1U) to.set(axis, 1);
        check_sum(x, to);
      }
    }
  }
}

TEST_CASE_TEMPLATE("sum_to: long sums keep their accuracy and every tail is added", T, float, double) {
  for (std::size_t n = 0; n <= 140; ++n) {
    const auto x = ramp<T>({n});
    CHECK(sum_to(x, {}).item() == static_cast<T>(n * (n + 1) / 2));
  }
  check_sum(random_array<T>({100000}), {});
  check_sum(random_array<T>({1000, 33}), {33});
  check_sum(random_array<T>({33, 1000}), {33, 1});
  for (const std::size_t rows : {0, 1, 32, 33, 150})
    for (const std::size_t n : {2, 1024, 5001}) check_sum(random_array<T>({rows, n}), {n});
  check_sum(random_array<T>({5, 9, 3, 2000}), {3, 2000});
}

TEST_CASE_TEMPLATE("sum_to: the same bits on three threads", T, float, double) {
  const auto x = random_array<T>({150, 9000});
  const std::size_t before = xgrad::threads();
  xgrad::set_threads(1);
  const auto one = sum_to(x, {9000});
  xgrad::set_threads(3);
  const auto three = sum_to(x, {9000});
  xgrad::set_threads(before);
  CHECK(std::equal(one.begin(), one.end(), three.begin()));
}

TEST_CASE("sum_to: nothing to sum shares the block") {
  const auto x = ramp<double>({2, 3});
  CHECK(sum_to(x, {2, 3}).shares_block_with(x));
}
