// Cuts with steps, split, and many cuts of one array. select, slice with bounds, stack and concat have more
// in test_shape.cpp; values over random shapes, gradients and messages follow from the registry.
#include <limits>
#include <numeric>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;

namespace {

// 0, 1, 2, ...
Array<double> count(const Shape& shape) {
  std::vector<double> values(shape.size());
  std::iota(values.begin(), values.end(), 0.0);
  return {shape, values};
}

}  // namespace

TEST_CASE("slicing: ranges are Python's, with steps and from either end") {
  const Variable<double> x(count({6}));
  const auto cut = [&](Range range) { return slice(x, {range}).value(); };
  CHECK(identical(cut({}), count({6})));
  CHECK(identical(cut({.step = 2}), Array<double>({3}, {0, 2, 4})));
  CHECK(identical(cut({.first = 1, .step = 2}), Array<double>({3}, {1, 3, 5})));
  CHECK(identical(cut({.first = -2}), Array<double>({2}, {4, 5})));
  CHECK(identical(cut({.step = -1}), Array<double>({6}, {5, 4, 3, 2, 1, 0})));
  CHECK(identical(cut({.first = 4, .last = 1, .step = -2}), Array<double>({2}, {4, 2})));
  CHECK(identical(cut({.first = 3, .last = 3}), Array<double>({0}, {})));
  CHECK(identical(cut({.first = 4, .last = 1}), Array<double>({0}, {})));
  CHECK(identical(slice(Variable<double>(count({2, 3})), {{.step = -1}, {.first = 1}}).value(),
                  Array<double>({2, 2}, {4, 5, 1, 2})));
}

TEST_CASE("slicing: a step longer than the axis takes its first entry") {
  constexpr auto most = std::numeric_limits<std::ptrdiff_t>::max(),
                 least = std::numeric_limits<std::ptrdiff_t>::min();
  for (const std::size_t n : {1, 3}) {
    const Variable<double> x(count({n}));
    for (const std::ptrdiff_t step : {most, most - 1, std::ptrdiff_t{4}})
      CHECK(identical(slice(x, {{.step = step}}).value(), Array<double>({1}, {0})));
    for (const std::ptrdiff_t step : {least, least + 1, std::ptrdiff_t{-4}})
      CHECK(identical(slice(x, {{.step = step}}).value(), Array<double>({1}, {static_cast<double>(n - 1)})));
  }
  CHECK(slice(Variable<double>(count({0})), {{.step = least}}).size() == 0);
}

TEST_CASE("slicing: a few numbers do not keep a large array, and rows of a sequence stay in it") {
  Tape<double> tape;
  const auto xs = tape.leaf(count({100, 100}));
  const auto shared = [&](const Variable<double>& y) { return y.value().shares_block_with(xs.value()); };
  const auto row = select(xs, 3), number = select(row, -1);
  CHECK(shared(row));
  CHECK(shared(slice(xs, 3, 4)));
  CHECK(!shared(number));
  CHECK(!shared(slice(row, 1, 17)));
  CHECK(shared(slice(row, 1, 18)));
  CHECK(number.item() == 399);
  CHECK(tape.gradient(number)[xs].data()[399] == 1);
  const auto narrow = tape.leaf(count({1000, 1}));
  CHECK(select(narrow, 5).value().shares_block_with(narrow.value()));
  const auto few = tape.leaf(count({5}));
  CHECK(select(few, 1).value().shares_block_with(few.value()));  // a block of its own would be as large
}

TEST_CASE("slicing: the gradients of overlapping cuts add up") {
  Tape<double> tape;
  const auto x = tape.leaf(count({5}));
  const auto y = sum(slice(x, {{.step = 2}})) + sum(slice(x, {{.step = -1}})) + 3 * select(x, 2);
  CHECK(identical(tape.gradient(y)[x], Array<double>({5}, {2, 1, 5, 1, 2})));
}

TEST_CASE("slicing: what is split joins again, and gradients find their part") {
  Tape<double> tape;
  const auto x = tape.leaf(count({2, 5}));
  const auto parts = split(x, std::vector<std::size_t>{1, 0, 4}, 1);
  REQUIRE(parts.size() == 3);
  CHECK(to_string(parts[1].shape()) == "(2, 0)");
  CHECK(identical(concat(parts, 1).value(), x.value()));
  const auto halves = split(x, 2);
  REQUIRE(halves.size() == 2);
  CHECK(to_string(halves[1].shape()) == "(1, 5)");
  CHECK(identical(tape.gradient(sum(parts[0]) + 2 * sum(halves[1]))[x],
                  Array<double>({2, 5}, {1, 0, 0, 0, 0, 3, 2, 2, 2, 2})));
}

TEST_CASE("slicing: a thousand steps of a sequence share its block and one gradient") {
  Tape<double> tape;
  const auto xs = tape.leaf(count({1000, 2}));
  Variable<double> total = 0;
  for (std::ptrdiff_t t = 0; t < 1000; ++t) {
    const auto x = select(xs, t);
    if (t % 100 == 0) CHECK(x.value().shares_block_with(xs.value()));
    total += sum(x) * static_cast<double>(t);
  }
  const auto dxs = tape.gradient(total)[xs];
  for (std::size_t t = 0; t < 1000; ++t) CHECK(dxs.data()[2 * t + 1] == static_cast<double>(t));
}
