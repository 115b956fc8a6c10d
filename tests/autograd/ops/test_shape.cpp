// Ops that move numbers: reshape, select, slice, stack, concat, transpose. Values against index arithmetic
// and xtensor, memory shared along the leading axis, gradients of parts that overlap, and the texts of
// errors.
#include "autograd/ops/checks.hpp"

#if __has_include(<xtensor/misc/xmanipulation.hpp>)
#include <xtensor/misc/xmanipulation.hpp>
#else
#include <xtensor/xmanipulation.hpp>
#endif

using namespace xgrad;
using checks::check_error;
using checks::identical;
using checks::numbers;
using checks::prove;

namespace {

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// Elements [first, last) along `axis`, by walking all of x.
template <class T>
Array<T> cut(const Array<T>& x, std::size_t axis, std::size_t first, std::size_t last, bool drop) {
  Shape shape;
  std::size_t inner = 1;
  for (std::size_t d = 0; d < x.rank(); ++d) {
    if (d > axis) inner *= x.shape()[d];
    if (d != axis || !drop) shape.push_back(d == axis ? last - first : x.shape()[d]);
  }
  std::vector<T> values;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (const std::size_t k = i / inner % x.shape()[axis]; k >= first && k < last)
      values.push_back(x.data()[i]);
  return Array<T>(shape, values);
}

const std::vector<Shape> shapes = {{1}, {4}, {2, 3}, {1, 3}, {3, 1}, {2, 3, 4}, {1, 1, 3}, {2, 1, 3, 2}};

}  // namespace

TEST_CASE_TEMPLATE("select: every index of every axis from both ends", T, float, double) {
  for (const Shape& shape : shapes) {
    const Variable<T> x = numbers<T>(shape);
    for (std::ptrdiff_t axis = 0; axis < signed_of(shape.rank()); ++axis)
      for (std::size_t i = 0; i < shape[static_cast<std::size_t>(axis)]; ++i) {
        CAPTURE(to_string(shape));
        CAPTURE(axis);
        CAPTURE(i);
        const auto a = static_cast<std::size_t>(axis);
        const auto expected = cut(x.value(), a, i, i + 1, true);
        CHECK(identical(select(x, signed_of(i), axis).value(), expected));
        CHECK(identical(select(x, signed_of(i) - signed_of(shape[a]), axis - signed_of(shape.rank())).value(),
                        expected));
      }
  }
}

TEST_CASE_TEMPLATE("slice: every range of every axis from both ends", T, float, double) {
  for (const Shape& shape : shapes) {
    const Variable<T> x = numbers<T>(shape);
    for (std::size_t a = 0; a < shape.rank(); ++a)
      for (std::size_t first = 0; first <= shape[a]; ++first)
        for (std::size_t last = first; last <= shape[a]; ++last) {
          CAPTURE(to_string(shape));
          CAPTURE(a);
          CAPTURE(first);
          CAPTURE(last);
          const auto expected = cut(x.value(), a, first, last, false);
          const auto n = signed_of(shape[a]), f = signed_of(first), l = signed_of(last);
          CHECK(identical(slice(x, f, l, signed_of(a)).value(), expected));
          if (first < shape[a]) CHECK(identical(slice(x, f - n, l, signed_of(a)).value(), expected));
          if (last < shape[a]) CHECK(identical(slice(x, f, l - n, signed_of(a)).value(), expected));
        }
  }
  CHECK(to_string(slice(Variable<T>(Array<T>::zeros({3, 0})), 1, 3).shape()) == "(2, 0)");
  CHECK(to_string(slice(Variable<T>(Array<T>::zeros({0, 3})), 1, 3, 1).shape()) == "(0, 2)");
}

TEST_CASE("select and slice: gradients along every axis") {
  for (const std::ptrdiff_t axis : {0, 1, 2, -1}) {
    prove([=](const auto& x) { return select(x[0], 1, axis); }, {{2, 3, 2}});
    prove([=](const auto& x) { return select(x[0], -2, axis) * select(x[0], -1, axis); }, {{2, 3, 2}});
    prove([=](const auto& x) { return slice(x[0], 1, 2, axis); }, {{2, 3, 2}});
    prove([=](const auto& x) { return slice(x[0], 0, 2, axis) * slice(x[0], -2, 2, axis); }, {{2, 2, 2}});
    prove([=](const auto& x) { return slice(x[0], 1, 1, axis); }, {{2, 3, 2}});
  }
  prove([](const auto& x) { return select(x[0], 0); }, {{1}});
  prove([](const auto& x) { return select(select(x[0], 1), 2) * x[0]; }, {{2, 3}});
}

TEST_CASE_TEMPLATE("select: rows of one array add up in one gradient", T, float, double) {
  const auto data = numbers<T>({9, 2, 3}), weights = numbers<T>({9, 2, 3}, -1, 1, 2);
  const auto gradient = [&](auto loss_of) {
    Tape<T> tape;
    const auto x = tape.leaf(data);
    return tape.gradient(loss_of(x))[x];
  };
  const auto dense = gradient([&](const auto& x) { return sum(square(x) * Variable<T>(weights)); });
  const auto parts = gradient([&](const auto& x) {
    Variable<T> loss = 0;
    for (std::ptrdiff_t t = 0; t < 9; ++t)
      loss = loss + sum(square(select(x, t)) * Variable<T>(weights.row(static_cast<std::size_t>(t))));
    return loss;
  });
  CHECK(identical(parts, dense));
  const auto tail = gradient([&](const auto& x) { return sum(select(x, 3)); });
  checks::check_elements(tail, {9, 2, 3}, 0, [](std::size_t i) { return i / 6 == 3 ? 1 : 0; });
}

TEST_CASE_TEMPLATE("shape: views along the leading axis share memory and never change", T, float, double) {
  const Variable<T> x = numbers<T>({4, 3});
  CHECK(select(x, 2).value().shares_block_with(x.value()));
  CHECK(slice(x, 1, 3).value().shares_block_with(x.value()));
  CHECK(reshape(x, {2, 6}).value().shares_block_with(x.value()));
  CHECK_FALSE(select(x, 2, 1).value().shares_block_with(x.value()));
  auto row = select(x, 2).value();
  row.mutable_data()[0] = T(9);
  CHECK(x.value().data()[6] != T(9));
}

TEST_CASE_TEMPLATE("reshape: keeps the order and works one size out", T, float, double) {
  const Variable<T> x = numbers<T>({2, 3, 4});
  struct Case {
    std::vector<std::ptrdiff_t> sizes;
    std::string shape;
  };
  for (const auto& c : {Case{{24}, "(24,)"},
                        {{-1}, "(24,)"},
                        {{4, -1}, "(4, 6)"},
                        {{-1, 2, 1}, "(12, 2, 1)"},
                        {{6, 4}, "(6, 4)"}}) {
    const auto y = reshape(x, c.sizes);
    CHECK(to_string(y.shape()) == c.shape);
    CHECK(std::equal(y.value().begin(), y.value().end(), x.value().begin(), x.value().end()));
  }
  CHECK(reshape(Variable<T>(numbers<T>({1, 1})), {}).rank() == 0);
  CHECK(to_string(reshape(Variable<T>(Array<T>::zeros({0, 2})), {-1, 3}).shape()) == "(0, 3)");
  prove([](const auto& v) { return reshape(v[0], {3, -1}) * reshape(v[0], {3, 2}); }, {{2, 3}});
  prove([](const auto& v) { return reshape(v[0], {1, 1}); }, {{}});
  prove([](const auto& v) { return reshape(v[0], {0, 5}); }, {{2, 0}});
}

TEST_CASE("reshape: sizes that do not fit") {
  const Variable<double> x = numbers<double>({2, 3}), none = Array<double>::zeros({0});
  check_error([&] { reshape(x, {4, 2}); }, {"[reshape] shape (2, 3) holds 6 numbers", "(4, 2)"});
  check_error([&] { reshape(x, {-1, 4}); }, {"[reshape] shape (2, 3)", "do not fit (-1, 4)"});
  check_error([&] { reshape(x, {}); }, {"[reshape] shape (2, 3)", "do not fit ()"});
  check_error([&] { reshape(x, {-1, -1}); }, {"[reshape]", "-1, -1", "except for one -1"});
  check_error([&] { reshape(x, {3, -2}); }, {"[reshape]", "3, -2", "must not be negative"});
  check_error([&] { reshape(none, {-1, 0}); }, {"[reshape] shape (0,)", "(-1, 0)"});
}

TEST_CASE_TEMPLATE("stack and concat: every axis is undone by select and slice", T, float, double) {
  const std::vector<Variable<T>> xs = {numbers<T>({2, 3}), numbers<T>({2, 3}, -1, 1, 2),
                                       numbers<T>({2, 3}, -1, 1, 3)};
  const std::vector<std::string> stacked = {"(3, 2, 3)", "(2, 3, 3)", "(2, 3, 3)"},
                                 joined = {"(6, 3)", "(2, 9)"};
  for (std::ptrdiff_t axis = -3; axis < 3; ++axis) {
    const auto y = stack(xs, axis);
    CHECK(to_string(y.shape()) == stacked[static_cast<std::size_t>(axis < 0 ? axis + 3 : axis)]);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(identical(select(y, signed_of(i), axis).value(), xs[i].value()));
  }
  for (std::ptrdiff_t axis = -2; axis < 2; ++axis) {
    const auto y = concat(xs, axis);
    CHECK(to_string(y.shape()) == joined[static_cast<std::size_t>(axis < 0 ? axis + 2 : axis)]);
    const std::ptrdiff_t n = axis == 0 || axis == -2 ? 2 : 3;
    for (std::ptrdiff_t i = 0; i < 3; ++i)
      CHECK(identical(slice(y, i * n, (i + 1) * n, axis).value(), xs[static_cast<std::size_t>(i)].value()));
  }
  CHECK(identical(stack({Variable<T>(1), Variable<T>(2)}).value(), Array<T>({2}, {1, 2})));
  CHECK(identical(concat({xs[0], slice(xs[1], 0, 0)}).value(), xs[0].value()));
}

TEST_CASE("stack and concat: gradients along every axis") {
  for (const std::ptrdiff_t axis : {0, 1, 2, -1, -2}) {
    prove([=](const auto& x) { return stack({x[0], x[1], x[0]}, axis); }, {{2, 3}, {2, 3}});
    prove([=](const auto& x) { return square(stack({x[0]}, axis)); }, {{2, 3}});
  }
  prove([](const auto& x) { return concat({x[0], x[1], x[0]}); }, {{2, 3}, {1, 3}});
  prove([](const auto& x) { return square(concat({x[0], x[1]}, -1)); }, {{2, 3}, {2, 1}});
  prove([](const auto& x) { return concat({x[0], x[1]}, 1); }, {{2, 0, 2}, {2, 3, 2}});
  prove([](const auto& x) { return stack({x[0], x[1]}); }, {{}, {}});
  prove(
      [](const auto& x) {
        return concat({select(x[0], 1), select(x[0], 0)}) * reshape(x[0], {6});
      },
      {{2, 3}});
}

TEST_CASE_TEMPLATE("transpose: every permutation is that of xtensor", T, float, double) {
  for (const Shape& shape :
       {Shape{}, Shape{4}, Shape{2, 3}, Shape{2, 1, 3}, Shape{2, 3, 0}, Shape{2, 3, 4, 5}}) {
    const Variable<T> x = numbers<T>(shape);
    std::vector<std::ptrdiff_t> axes;
    for (std::size_t i = 0; i < shape.rank(); ++i) axes.push_back(signed_of(i));
    do {
      const std::vector<std::size_t> order(axes.begin(), axes.end());
      const xt::xarray<T> expected = xt::transpose(xt::xarray<T>(x.xt()), order);
      auto mixed = axes;
      for (std::size_t i = 1; i < mixed.size(); i += 2) mixed[i] -= signed_of(mixed.size());
      CHECK(identical(transpose(x, mixed).value(), Array<T>(expected)));
    } while (std::next_permutation(axes.begin(), axes.end()));
    CHECK(identical(transpose(x).value(), Array<T>(xt::xarray<T>(xt::transpose(xt::xarray<T>(x.xt()))))));
  }
}

TEST_CASE("transpose: gradients") {
  prove([](const auto& x) { return transpose(x[0]); }, {{}});
  prove([](const auto& x) { return transpose(x[0]) * x[1]; }, {{2, 3}, {3, 2}});
  prove([](const auto& x) { return transpose(x[0], {1, 2, 0}); }, {{2, 3, 4}});
  prove([](const auto& x) { return transpose(x[0], {-1, 0, 1}) * transpose(x[0], {2, 0, 1}); }, {{2, 3, 2}});
  prove([](const auto& x) { return transpose(x[0], {1, 0}); }, {{0, 2}});
}

TEST_CASE("shape: indices and axes out of range") {
  const Variable<double> x = numbers<double>({2, 3}), number = 1.0, none = Array<double>::zeros({0});
  check_error([&] { select(x, 2); }, {"[select] index 2 is outside an axis of size 2 of shape (2, 3)"});
  check_error([&] { select(x, -4, 1); }, {"[select] index -4 is outside an axis of size 3 of shape (2, 3)"});
  check_error([&] { select(x, 7, 1); }, {"[select] index 7", "size 3"});
  check_error([&] { select(none, 0); }, {"[select] index 0 is outside an axis of size 0 of shape (0,)"});
  check_error([&] { select(x, 0, 2); }, {"[select] axis 2 does not exist in shape (2, 3)"});
  check_error([&] { select(number, 0); }, {"[select] axis 0 does not exist in shape ()"});
  check_error([&] { slice(x, 0, 3); }, {"[slice] last 3 is outside an axis of size 2 of shape (2, 3)"});
  check_error([&] { slice(x, -3, 1); }, {"[slice] first -3 is outside an axis of size 2"});
  check_error([&] { slice(x, 2, 1, 1); }, {"[slice] [2, 1) runs backwards along axis 1 of shape (2, 3)"});
  check_error([&] { slice(x, 0, 1, -3); }, {"[slice] axis -3 does not exist in shape (2, 3)"});
}

TEST_CASE("shape: lists that are empty or do not match") {
  const Variable<double> x = numbers<double>({2, 3}), y = numbers<double>({2, 4}), number = 1.0;
  using List = std::vector<Variable<double>>;
  check_error([&] { stack(List{}); }, {"[stack] needs at least one variable"});
  check_error([&] { concat(List{}); }, {"[concat] needs at least one variable"});
  check_error([&] { stack({x, x, y}); }, {"[stack] variable 2 has shape (2, 4)", "variable 0, (2, 3)"});
  check_error([&] { stack({x, x}, 3); }, {"[stack] axis 3 does not exist"});
  check_error(
      [&] {
        concat({x, y});
      },
      {"[concat] variable 1 has shape (2, 4)", "(2, 3)", "except along axis 0"});
  check_error([&] { concat({x, number}); }, {"[concat] variable 1 has shape ()", "(2, 3)"});
  check_error([&] { concat({number, number}); }, {"[concat] axis 0 does not exist in shape ()"});
  check_error([&] { concat({x, y}, 2); }, {"[concat] axis 2 does not exist in shape (2, 3)"});
  check_error([&] { transpose(x, {0}); }, {"[transpose] 1 axes were given for shape (2, 3)"});
  check_error([&] { transpose(x, {0, -2}); }, {"[transpose] axis 0 of shape (2, 3) is named twice"});
  check_error([&] { transpose(x, {0, 2}); }, {"[transpose] axis 2 does not exist in shape (2, 3)"});
  const Variable<double> deep = Array<double>::zeros({1, 1, 1, 1, 1, 1});
  check_error([&] { stack({deep}); }, {"at most 6 axes"});
}

TEST_CASE("shape: sizes that wrap are refused by name") {
  const Variable<double> x = numbers<double>({3}), none = Array<double>::zeros({0});
  const std::size_t T = 3, most = ~std::size_t{0}, side = std::size_t{1} << 31;
  check_error(
      [&] {
        pad(x, {{0, T - 5}});
      },
      {"[pad] 18446744073709551614 entries beside axis 0 of shape (3,)"});
  check_error([&] { pad(x, {{most, 2}}); }, {"[pad] 18446744073709551615", "negative number converted"});
  check_error([&] { pad(x, {{side, side}}); }, {"has size 4294967299"});
  check_error([&] { reshape(none, {side, side, 4}); }, {"[reshape]", "(0,)", "2147483648, 2147483648, 4"});
  CHECK(to_string(reshape(none, {side, side, 4, -1}).shape()) == "(2147483648, 2147483648, 4, 0)");
  check_error([&] { reshape(x, {T - 4}); }, {"[reshape] a size is 18446744073709551615"});
  check_error(
      [&] {
        split(x, std::vector<std::size_t>{most, 4});
      },
      {"[split] sizes (18446744073709551615, 4) do not add up to axis 0 of shape (3,)"});
  check_error([&] { split(x, std::vector<std::size_t>{1, 1}); }, {"[split] sizes (1, 1)"});
  check_error([&] { split(none, most); }, {"[split]", "18446744073709551615 equal parts"});
  check_error([&] { one_hot<double>(Ids{0}, most); }, {"has size 18446744073709551615"});
  check_error([&] { (void)x.value().row(most); }, {"18446744073709551615"});
}
