// Array and xtensor: any expression converts, whatever its layout, rank and value type, and .xt() reads and
// writes in place without breaking copy-on-write.
#include <xgrad/autograd/array.hpp>

#include <doctest/doctest.h>

#include "errors.hpp"
#include "xtensor_all.hpp"

using xgrad::Array;
using xgrad::Shape;
using xgrad::to_string;
using namespace xgrad::testing;

TEST_CASE_TEMPLATE("Array: converts from xtensor expressions", T, float, double) {
  const xt::xarray<T> x = {{1, 2, 3}, {4, 5, 6}};
  const Array<T> plain = x;
  CHECK(to_string(plain.shape()) == "(2, 3)");
  CHECK(numbers(plain) == std::vector<T>{1, 2, 3, 4, 5, 6});
  CHECK(numbers(Array<T>(x * x - T(1))) == std::vector<T>{0, 3, 8, 15, 24, 35});
  CHECK(numbers(Array<T>(xt::transpose(x))) == std::vector<T>{1, 4, 2, 5, 3, 6});
  CHECK(numbers(Array<T>(xt::view(x, xt::all(), xt::range(0, 3, 2)))) == std::vector<T>{1, 3, 4, 6});
  CHECK(numbers(Array<T>(xt::view(x, 1))) == std::vector<T>{4, 5, 6});
  const xt::xarray<T, xt::layout_type::column_major> columns = x;
  CHECK(numbers(Array<T>(columns)) == std::vector<T>{1, 2, 3, 4, 5, 6});
  const xt::xtensor<T, 2> fixed = x;
  CHECK(numbers(Array<T>(xt::tanh(fixed))) == numbers(Array<T>(xt::tanh(x))));
  const xt::xarray<T> row = {10, 20, 30};
  CHECK(numbers(Array<T>(x + row)) == std::vector<T>{11, 22, 33, 14, 25, 36});
}

TEST_CASE_TEMPLATE("Array: converts from other value types and odd shapes", T, float, double) {
  const xt::xarray<int> integers = {{1, -2}, {3, 4}};
  CHECK(numbers(Array<T>(integers)) == std::vector<T>{1, -2, 3, 4});
  CHECK(numbers(Array<T>(integers * 2)) == std::vector<T>{2, -4, 6, 8});
  CHECK(numbers(Array<T>(integers > 1)) == std::vector<T>{0, 0, 1, 1});
  const xt::xarray<long double> wide = {0.1L};
  CHECK(Array<T>(wide).item() == static_cast<T>(0.1L));
  const xt::xarray<T> scalar = T(5);
  CHECK(Array<T>(scalar).rank() == 0);
  CHECK(Array<T>(scalar + T(1)).item() == T(6));
  CHECK(Array<T>(xt::zeros<T>({3, 0})).shape() == Shape{3, 0});
  CHECK(contains(message_of([] { Array<T>(xt::zeros<T>({1, 1, 1, 1, 1, 1, 1})); }), "at most 6 axes"));
}

TEST_CASE_TEMPLATE("Array: reads and writes through xt", T, float, double) {
  Array<T> a({2, 2}, {1, 2, 3, 4});
  const Array<T> b = a;
  CHECK(b.xt().data() == b.data());
  CHECK(b.xt()(1, 0) == T(3));
  CHECK(numbers(Array<T>(b.xt() * b.xt())) == std::vector<T>{1, 4, 9, 16});
  a.xt()(1, 0) = 9;
  CHECK(a.data()[2] == T(9));
  CHECK(b.data()[2] == T(3));
  const xt::xarray<T> x = {{5, 6}, {7, 8}};
  a.xt() = x + T(1);
  CHECK(numbers(a) == std::vector<T>{6, 7, 8, 9});
  xt::view(a.xt(), xt::all(), 1) += T(10);
  CHECK(numbers(a) == std::vector<T>{6, 17, 8, 19});
  a = xt::transpose(a.xt());
  CHECK(numbers(a) == std::vector<T>{6, 8, 17, 19});
  CHECK(Array<T>(4).xt()() == T(4));
  CHECK(Array<T>::zeros({2, 0}).xt().size() == 0);
}
