// Array: construction, sharing and copy-on-write, views, evaluated arithmetic and printing. What arithmetic
// must give is computed by plain loops; xtensor expressions are in test_array_xtensor.cpp.
#include <xgrad/autograd/array.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Shape;
using xgrad::to_string;
using namespace xgrad::testing;

static_assert(sizeof(Array<float>) <= 48, "an Array is captured by every vjp");
static_assert(std::is_nothrow_move_constructible_v<Array<double>>);

namespace {

template <class T>
std::string printed(const Array<T>& a) {
  std::ostringstream out;
  out << a;
  return out.str();
}

// a op b by the definition of broadcasting: position by position, through index tuples counted from the
// right.
template <class T, class Op>
std::vector<T> reference(const Array<T>& a, const Array<T>& b, const Shape& shape, Op op) {
  const auto at = [](const Array<T>& x, std::vector<std::size_t> index) {
    std::size_t flat = 0;
    for (std::size_t axis = 0; axis < x.rank(); ++axis) {
      const std::size_t i = index[index.size() - x.rank() + axis];
      flat = flat * x.shape()[axis] + (x.shape()[axis] == 1 ? 0 : i);
    }
    return x.data()[flat];
  };
  std::vector<T> result;
  for (std::size_t flat = 0; flat < shape.size(); ++flat) {
    std::vector<std::size_t> index(shape.rank());
    for (std::size_t axis = shape.rank(), rest = flat; axis-- > 0; rest /= shape[axis])
      index[axis] = rest % shape[axis];
    result.push_back(op(at(a, index), at(b, index)));
  }
  return result;
}

}  // namespace

TEST_CASE_TEMPLATE("Array: constructors", T, float, double) {
  CHECK(to_string(Array<T>().shape()) == "(0,)");
  CHECK(Array<T>().size() == 0);
  CHECK(Array<T>(3).rank() == 0);
  CHECK(Array<T>(2.5).item() == T(2.5));
  CHECK(Array<T>(std::size_t{7}).item() == T(7));
  const Array<T> a({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(to_string(a.shape()) == "(2, 3)");
  CHECK(numbers(a) == std::vector<T>{1, 2, 3, 4, 5, 6});
  CHECK(numbers(Array<T>::full({2}, T(4))) == std::vector<T>{4, 4});
  CHECK(numbers(Array<T>::zeros({1, 2})) == std::vector<T>{0, 0});
  CHECK(Array<T>::zeros({3, 0, 2}).size() == 0);
  CHECK(message_of([] { Array<T>({2, 3}, {1, 2}); }) == "[array] shape (2, 3) holds 6 numbers, got 2");
}

TEST_CASE("Array: item needs exactly one number") {
  CHECK(Array<float>({1, 1}, {5}).item() == 5);
  CHECK(message_of([] {
          (void)Array<float>({2}, {1, 2}).item();
        }) == "[item] needs an array of one number, got shape (2,)");
  CHECK(contains(message_of([] { (void)Array<float>().item(); }), "got shape (0,)"));
}

TEST_CASE_TEMPLATE("Array: no two handles see each other's writes", T, float, double) {
  Array<T> a({4}, {1, 2, 3, 4});
  Array<T> b = a;
  CHECK(b.shares_block_with(a));
  CHECK_FALSE(a.unique());
  b.mutable_data()[0] = 9;
  CHECK(numbers(a) == std::vector<T>{1, 2, 3, 4});
  CHECK(numbers(b) == std::vector<T>{9, 2, 3, 4});
  CHECK_FALSE(b.shares_block_with(a));
  CHECK(a.unique());

  const T* const where = a.data();
  a.mutable_data()[1] = 8;  // alone: no copy
  CHECK(a.data() == where);

  Array<T> view = a.rows(1, 3);
  view.mutable_data()[0] = 7;
  CHECK(numbers(a) == std::vector<T>{1, 8, 3, 4});
  CHECK(numbers(view) == std::vector<T>{7, 3});
  Array<T> flat = a.reshaped({2, 2});
  a.mutable_data()[0] = 6;
  CHECK(flat.data()[0] == 1);

  Array<T> c = a.copy();
  CHECK_FALSE(c.shares_block_with(a));
  const Array<T>& same = c;
  c = same;
  CHECK(numbers(c) == numbers(a));
}

TEST_CASE("Array: a moved-from array is empty") {
  Array<float> a({2}, {1, 2});
  const Array<float> b = std::move(a);
  CHECK(a.size() == 0);  // NOLINT(bugprone-use-after-move): the point of the test
  CHECK(to_string(a.shape()) == "(0,)");
  CHECK(numbers(b) == std::vector<float>{1, 2});
}

TEST_CASE_TEMPLATE("Array: views share the block and hold the right rows", T, float, double) {
  const auto a = ramp<T>({3, 2, 2}, 0);
  CHECK(numbers(a.rows(1, 3)) == std::vector<T>{4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(to_string(a.rows(1, 3).shape()) == "(2, 2, 2)");
  CHECK(to_string(a.rows(2, 2).shape()) == "(0, 2, 2)");
  CHECK(numbers(a.row(2)) == std::vector<T>{8, 9, 10, 11});
  CHECK(to_string(a.row(1).row(0).shape()) == "(2,)");
  CHECK(a.row(1).row(1).row(0).item() == T(6));
  CHECK(numbers(a.reshaped({4, 3}).row(1)) == std::vector<T>{3, 4, 5});
  for (const Array<T>& view : {a.rows(0, 1), a.row(2), a.reshaped({12}), a.rows(1, 3).row(1).reshaped({4})})
    CHECK(view.shares_block_with(a));
  CHECK(to_string(Array<T>::zeros({3, 0}).row(1).shape()) == "(0,)");
  CHECK(to_string(Array<T>::zeros({3, 0}).reshaped({0, 7}).shape()) == "(0, 7)");
}

TEST_CASE("Array: views that do not exist are refused") {
  const auto a = ramp<float>({3, 2});
  CHECK(message_of([&] { (void)a.rows(1, 4); }) ==
        "[rows] [1, 4) is not a range of the leading axis of shape (3, 2)");
  CHECK(contains(message_of([&] { (void)a.rows(2, 1); }), "[2, 1) is not a range"));
  CHECK(contains(message_of([&] { (void)a.row(3); }), "shape (3, 2)"));
  CHECK(contains(message_of([&] { (void)a.row(static_cast<std::size_t>(-1)); }), "shape (3, 2)"));
  CHECK(contains(message_of([] { (void)Array<float>(1).row(0); }), "shape ()"));
  CHECK(message_of([&] { (void)a.reshaped({4}); }) ==
        "[reshape] shape (3, 2) does not hold as many numbers as (4,)");
}

TEST_CASE("Array: overwrite is seen by every handle and counted") {
  Array<double> a({2, 2}, {1, 2, 3, 4});
  const Array<double> b = a, row = a.row(1);
  CHECK(a.version() == 0);
  a.overwrite(Array<double>({2, 2}, {5, 6, 7, 8}));
  CHECK(numbers(b) == std::vector<double>{5, 6, 7, 8});
  CHECK(numbers(row) == std::vector<double>{7, 8});
  CHECK(b.version() == 1);
  CHECK(row.version() == 1);
  a.shared_data()[3] = 0;
  CHECK(row.data()[1] == 0);
  CHECK(b.version() == 2);
  CHECK(message_of([&] {
          a.overwrite(Array<double>({4}, {5, 6, 7, 8}));
        }) == "[overwrite] an array of shape (2, 2) cannot take values of shape (4,)");
  CHECK(b.version() == 2);
  CHECK(a.copy().version() == 0);
}

TEST_CASE("Array: only copies leave a parameter's block") {
  Array<float> a({2}, {1, 2});
  CHECK_FALSE(a.in_parameter());
  a.mark_parameter();
  CHECK(a.rows(0, 1).in_parameter());
  CHECK(a.reshaped({1, 2}).in_parameter());
  CHECK_FALSE(a.copy().in_parameter());
  Array<float> b = a;
  b.mutable_data();
  CHECK_FALSE(b.in_parameter());
}

TEST_CASE_TEMPLATE("Array: arithmetic broadcasts like the definition", T, float, double) {
  const std::vector<Shape> shapes{{}, {1}, {5}, {3, 1}, {3, 5}, {2, 1, 5}, {2, 3, 1}, {0}, {3, 0}, {1, 33}};
  for (const Shape& left : shapes) {
    for (const Shape& right : shapes) {
      CAPTURE(to_string(left));
      CAPTURE(to_string(right));
      const auto a = ramp<T>(left, 1, 0.5), b = ramp<T>(right, -4, 0.75);
      const auto shape = xgrad::broadcast(left, right);
      if (!shape) {
        CHECK(message_of([&] { (void)(a / b); }) ==
              "[divide] shapes " + to_string(left) + " and " + to_string(right) + " do not broadcast");
        continue;
      }
      CHECK((a + b).shape() == *shape);
      CHECK(numbers(a + b) == reference(a, b, *shape, [](T x, T y) { return x + y; }));
      CHECK(numbers(a - b) == reference(a, b, *shape, [](T x, T y) { return x - y; }));
      CHECK(numbers(a * b) == reference(a, b, *shape, [](T x, T y) { return x * y; }));
      CHECK(numbers(a / b) == reference(a, b, *shape, [](T x, T y) { return x / y; }));
    }
  }
}

TEST_CASE_TEMPLATE("Array: arithmetic with numbers of every type", T, float, double) {
  const Array<T> a({3}, {1, 2, 4});
  CHECK(numbers(-a) == std::vector<T>{-1, -2, -4});
  CHECK(numbers(a + 1) == std::vector<T>{2, 3, 5});
  CHECK(numbers(1.5 + a) == std::vector<T>{2.5, 3.5, 5.5});
  CHECK(numbers(a - 1.F) == std::vector<T>{0, 1, 3});
  CHECK(numbers(a - std::size_t{1}) == std::vector<T>{0, 1, 3});
  CHECK(numbers(1 - a) == std::vector<T>{0, -1, -3});
  CHECK(numbers(std::size_t{1} - a) == std::vector<T>{0, -1, -3});
  CHECK(numbers(a * 0.5) == std::vector<T>{0.5, 1, 2});
  CHECK(numbers(3 * a) == std::vector<T>{3, 6, 12});
  CHECK(numbers(a / 2) == std::vector<T>{0.5, 1, 2});
  CHECK(numbers(8L / a) == std::vector<T>{8, 4, 2});
  CHECK((a / 3).data()[0] == T(1) / T(3));
  CHECK(std::isnan((Array<T>(std::numeric_limits<T>::infinity()) * 0).item()));
}

TEST_CASE("Array: prints its numbers nested") {
  CHECK(printed(Array<double>({2, 2}, {1, 2, 3, 4.5})) == "{{ 1. ,  2. },\n { 3. ,  4.5}}");
  CHECK(printed(Array<float>(7)) == " 7.");
  CHECK_NOTHROW(printed(Array<float>()));
  CHECK_NOTHROW(printed(Array<float>::zeros({2, 0, 3})));
}

TEST_CASE("Array: casts to the other scalar") {
  const Array<float> a({2}, {0.1F, 3});
  const Array<double> b = a.cast<double>();
  CHECK(numbers(b) == std::vector<double>{static_cast<double>(0.1F), 3});
  CHECK(numbers(b.cast<float>()) == numbers(a));
  CHECK_FALSE(b.cast<double>().shares_block_with(b));
  CHECK(Array<float>::zeros({0, 2}).cast<double>().shape() == Shape{0, 2});
}

#ifndef NDEBUG
TEST_CASE("Array: freed numbers are NaN in a debug build" * doctest::skip(address_sanitizer)) {
  xgrad::storage::release_cache();
  const double* where = nullptr;
  {
    const auto a = Array<double>::full({100}, 1);
    where = a.data();
  }
  const auto again = Array<double>::uninitialized({100});
  REQUIRE(again.data() == where);
  for (const double x : again) CHECK(std::isnan(x));
}
#endif
