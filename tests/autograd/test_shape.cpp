// Shapes: what they hold and refuse, how they print, and NumPy's broadcasting rule against its definition,
// axis by axis, over all pairs of a set of patterns.
#include <xgrad/autograd/shape.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>
#include <vector>

#include "errors.hpp"

using xgrad::Shape;
using xgrad::to_string;
using xgrad::testing::contains;
using xgrad::testing::message_of;

namespace {

// Padded with ones on the left to a common rank, the sizes of an axis other than 1 must be at most one.
std::string reference_broadcast(const Shape& a, const Shape& b) {
  const std::size_t rank = a.rank() > b.rank() ? a.rank() : b.rank();
  Shape result;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    std::set<std::size_t> sizes;
    for (const Shape& s : {a, b})
      if (axis + s.rank() >= rank) sizes.insert(s[axis + s.rank() - rank]);
    sizes.erase(1);
    if (sizes.size() > 1) return "none";
    result.push_back(sizes.empty() ? 1 : *sizes.begin());
  }
  return to_string(result);
}

}  // namespace

TEST_CASE("shape: how far apart neighbours along an axis lie") {
  const Shape shape{2, 3, 5};
  CHECK(shape.stride(0) == 15);
  CHECK(shape.stride(1) == 5);
  CHECK(shape.stride(2) == 1);
  CHECK(Shape{3, 0}.stride(0) == 0);
}

TEST_CASE("Shape: ranks 0 to 6 hold their sizes") {
  Shape shape;
  CHECK(shape.rank() == 0);
  CHECK(shape.size() == 1);
  std::size_t size = 1;
  for (std::size_t axis = 0; axis < Shape::max_rank; ++axis) {
    shape.push_back(axis + 2);
    size *= axis + 2;
    CHECK(shape.rank() == axis + 1);
    CHECK(shape[axis] == axis + 2);
    CHECK(shape.back() == axis + 2);
    CHECK(shape.size() == size);
  }
  CHECK(std::vector<std::size_t>(shape.begin(), shape.end()) == std::vector<std::size_t>{2, 3, 4, 5, 6, 7});
  CHECK(Shape{3, 0, 2}.size() == 0);
}

TEST_CASE("Shape: a seventh axis is refused and leaves the shape as it was") {
  Shape shape{1, 2, 3, 4, 5, 6};
  CHECK(message_of([&] { shape.push_back(7); }) == "[shape] an array has at most 6 axes, asked for more");
  CHECK(to_string(shape) == "(1, 2, 3, 4, 5, 6)");
  CHECK(contains(message_of([] { (void)Shape{1, 1, 1, 1, 1, 1, 1}; }), "at most 6 axes"));
}

TEST_CASE("Shape: a negative size is refused and leaves the shape as it was") {
  const std::vector<int> sizes{2, -1};
  CHECK(message_of([&] { (void)Shape(sizes.begin(), sizes.end()); }) ==
        "[shape] axis 1 has size 18446744073709551615, expected less than 2^32 (was a negative number "
        "converted?)");
  Shape shape{2};
  CHECK(contains(message_of([&] { shape.push_back(std::size_t{1} << 32); }), "axis 1 has size 4294967296"));
  CHECK(to_string(shape) == "(2,)");
}

TEST_CASE("Shape: equality looks at rank and sizes") {
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape{2} != Shape{2, 1});
  CHECK(Shape{} != Shape{0});
  CHECK(Shape{0} != Shape{0, 0});
}

TEST_CASE("Shape: prints as NumPy does") {
  CHECK(to_string(Shape{}) == "()");
  CHECK(to_string(Shape{3}) == "(3,)");
  CHECK(to_string(Shape{2, 5}) == "(2, 5)");
  CHECK(to_string(Shape{0, 1, 4294967295}) == "(0, 1, 4294967295)");
}

TEST_CASE("Shape: broadcasting is NumPy's for all pairs of patterns") {
  const std::vector<Shape> patterns{{},        {0},       {1},          {2},          {3},
                                    {1, 1},    {1, 3},    {2, 1},       {2, 3},       {0, 3},
                                    {2, 0},    {1, 2, 3}, {4, 1, 3},    {4, 2, 1},    {3, 2},
                                    {1, 1, 1}, {4, 0, 3}, {5, 1, 2, 3}, {2, 1, 1, 3}, {6, 5, 4, 1, 2, 3}};
  for (const Shape& a : patterns) {
    for (const Shape& b : patterns) {
      CAPTURE(to_string(a));
      CAPTURE(to_string(b));
      const auto result = xgrad::broadcast(a, b);
      CHECK((result ? to_string(*result) : "none") == reference_broadcast(a, b));
    }
  }
}

TEST_CASE("Shape: an axis may be counted from the end") {
  const Shape shape{2, 3, 4};
  for (std::ptrdiff_t axis = 0; axis < 3; ++axis) {
    CHECK(xgrad::normalize_axis("sum", axis, shape) == static_cast<std::size_t>(axis));
    CHECK(xgrad::normalize_axis("sum", axis - 3, shape) == static_cast<std::size_t>(axis));
  }
  CHECK(message_of([&] { xgrad::normalize_axis("sum", 3, shape); }) ==
        "[sum] axis 3 does not exist in shape (2, 3, 4)");
  CHECK(message_of([&] { xgrad::normalize_axis("sum", -4, shape); }) ==
        "[sum] axis -4 does not exist in shape (2, 3, 4)");
  CHECK(message_of([&] { xgrad::normalize_axis("mean", 0, {}); }) ==
        "[mean] axis 0 does not exist in shape ()");
}

TEST_CASE("Shape: a flat position has an index tuple") {
  CHECK(xgrad::index_of(0, {}) == "()");
  CHECK(xgrad::index_of(4, {7}) == "(4,)");
  const Shape shape{2, 3, 4};
  std::size_t flat = 0;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        CHECK(xgrad::index_of(flat++, shape) == fmt::format("({}, {}, {})", i, j, k));
}

TEST_CASE("Shape: a number of elements that no size_t holds is refused") {
  const std::size_t side = std::size_t{1} << 22;  // side^3 = 2^66 and its quarter 2^64 both wrap to 0
  for (const std::size_t last : {side, side / 4})
    CHECK(contains(message_of([&] {
                     (void)xgrad::Array<float>::uninitialized({side, side, last});
                   }),
                   "(4194304, 4194304, " + std::to_string(last) + ")"));
}

TEST_CASE("Shape: a size that wraps is nobody's") {
  const std::size_t side = std::size_t{1} << 31;
  const Shape wraps{side, side, 4};  // 2^64
  CHECK(wraps.size() == ~std::size_t{0});
  CHECK(Shape({side, side, 4, 0}).size() == 0);
  const auto none = xgrad::Array<float>::zeros({0});
  CHECK(contains(message_of([&] { (void)none.reshaped(wraps); }), "(2147483648, 2147483648, 4)"));
  CHECK(contains(message_of([&] { (void)xgrad::Ids(wraps, {}); }), "(2147483648, 2147483648, 4)"));
}

TEST_CASE("Error: context is appended in parentheses") {
  const xgrad::Error error("matmul", "does not fit");
  CHECK(std::string(error.what()) == "[matmul] does not fit");
  CHECK(std::string(error.with_context("at time step 3").what()) == "[matmul] does not fit (at time step 3)");
}
