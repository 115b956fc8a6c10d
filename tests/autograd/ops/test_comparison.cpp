// Comparisons: every relation in every scalar; operands on either side; NaN; broadcasting; what they leave
// alone.
#include <xgrad/autograd/ops/comparison.hpp>

#include <algorithm>
#include <type_traits>
#include <vector>

#include "autograd/errors.hpp"
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using xgrad::testing::message_of;

namespace {

using Marks = std::vector<std::int64_t>;

Marks list(const Ids& ids) { return {ids.begin(), ids.end()}; }

// All six relations of a and b, elements of (3,), in the order < <= > >= == !=.
std::vector<Marks> relations(const auto& a, const auto& b) {
  return {list(a < b), list(a <= b), list(a > b), list(a >= b), list(a == b), list(a != b)};
}

const std::vector<Marks> of_less_equal_greater{{1, 0, 0}, {1, 1, 0}, {0, 0, 1},
                                               {0, 1, 1}, {0, 1, 0}, {1, 0, 1}};
const std::vector<Marks> of_greater_equal_less{{0, 0, 1}, {0, 1, 1}, {1, 0, 0},
                                               {1, 1, 0}, {0, 1, 0}, {1, 0, 1}};

template <class A, class B>
concept Ordered = requires(const A& a, const B& b) {
  a < b;
};

}  // namespace

TEST_CASE_TEMPLATE("comparison: of variables, numbers and arrays, on either side", T, float, double,
                   Complex) {
  const Array<T> a({3}, {T(-1), T(0.5), T(3)});
  const Variable<T> x(a), half(Array<T>({3}, {T(0.5), T(0.5), T(0.5)}));
  CHECK(relations(x, half) == of_less_equal_greater);
  CHECK(relations(half, x) == of_greater_equal_less);
  CHECK(relations(x, 0.5) == of_less_equal_greater);
  CHECK(relations(0.5, x) == of_greater_equal_less);
  CHECK(relations(x, 0.5F) == of_less_equal_greater);
  CHECK(relations(x, T(0.5)) == of_less_equal_greater);
  CHECK(relations(x, half.value()) == of_less_equal_greater);
  CHECK(relations(half.value(), x) == of_greater_equal_less);
  CHECK(list(x > 0) == Marks{0, 1, 1});
  CHECK(list(x == 3U) == Marks{0, 0, 1});
  CHECK(list(x == x) == Marks{1, 1, 1});
  const T undefined(std::numeric_limits<scalar::Real<T>>::quiet_NaN());
  const Variable<T> nan(Array<T>({3}, {undefined, undefined, undefined}));
  const std::vector<Marks> unordered{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1}};
  CHECK(relations(x, nan) == unordered);
  CHECK(relations(nan, nan) == unordered);
  CHECK(relations(nan, 0) == unordered);
}

TEST_CASE("comparison: a number is cast to the scalar, and of complex ones the real parts count") {
  CHECK(list(Variable<float>(0.1F) == 0.1) == Marks{1});
  CHECK(list(Variable<double>(double(0.1F)) == 0.1) == Marks{0});
  const Variable<Complex> z(Array<Complex>({2}, {Complex(1, 5), Complex(2, -5)}));
  CHECK(list(z == 1) == Marks{1, 0});
  CHECK(list(z > 1) == Marks{0, 1});
}

TEST_CASE("comparison: of ids and integers, on either side") {
  const Ids ids{-1, 2, std::int64_t{1} << 60}, two{2, 2, 2};
  CHECK(relations(ids, two) == of_less_equal_greater);
  CHECK(relations(two, ids) == of_greater_equal_less);
  CHECK(relations(ids, 2) == of_less_equal_greater);
  CHECK(relations(std::size_t{2}, ids) == of_greater_equal_less);
  CHECK(list(ids == (std::int64_t{1} << 60) + 1) == Marks{0, 0, 0});  // as integers, not as doubles
  CHECK(list(ids == Ids({2, 1}, {2, -1})) == Marks{0, 1, 0, 1, 0, 0});
}

TEST_CASE("comparison: shapes broadcast") {
  const std::size_t n = 37;
  const auto at = [](const Shape& shape, std::size_t i, std::size_t j) {
    return shape.rank() == 0 ? 0 : (shape[0] == 1 ? 0 : i) * shape[1] + (shape[1] == 1 ? 0 : j);
  };
  const Shape shapes[] = {{}, {3, 1}, {1, n}, {3, n}};
  for (const Shape& of_a : shapes)
    for (const Shape& of_b : shapes) {
      const auto a = checks::numbers<double>(of_a, -1, 1), b = checks::numbers<double>(of_b, -1, 1);
      const Ids less = Variable<double>(a) < Variable<double>(b);
      const std::size_t width = less.shape().rank() == 0 ? 1 : less.shape()[1];
      for (std::size_t k = 0; k < less.size(); ++k)
        CHECK((less[k] == 1) ==
              (a.data()[at(of_a, k / width, k % width)] < b.data()[at(of_b, k / width, k % width)]));
    }
  CHECK((Variable<double>() > 0).shape() == Shape{0});
  CHECK((Variable<double>(Array<double>::zeros({0, 3})) > Variable<double>(Array<double>::zeros({2, 1, 3})))
            .shape() == Shape{2, 0, 3});
  CHECK((Ids() == 1).shape() == Shape{0});
}

TEST_CASE("comparison: shapes that do not broadcast are refused") {
  const Variable<double> a(Array<double>::zeros({2})), b(Array<double>::zeros({3}));
  CHECK(message_of([&] { (void)(a < b); }) ==
        "[less] shapes (2,) and (3,) do not broadcast: aligned right, axes must be equal or 1");
  CHECK(message_of([&] { (void)(a >= b); }) ==
        "[greater_equal] shapes (2,) and (3,) do not broadcast: aligned right, axes must be equal or 1");
  CHECK(message_of([&] {
          (void)(Ids{1, 2} != Ids{1, 2, 3});
        }) == "[not_equal] shapes (2,) and (3,) do not broadcast: aligned right, axes must be equal or 1");
  const Parameters<double> p;
  const auto W = p.weight("W", {2, 4});
  CHECK(message_of([&] { (void)(W == b); }) ==
        "[equal] shapes (2, 4) (parameter 'W') and (3,) do not broadcast: aligned right, axes must be equal "
        "or 1");
}

TEST_CASE("comparison: nothing is recorded, and the same branch is taken in every scalar") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({3}, {-1, 0, 2}));
  const std::size_t before = tape.nodes().size();
  const Ids mask = x > 0;
  CHECK(tape.nodes().size() == before);
  CHECK(checks::identical(tape.gradient(sum(where(mask, square(x), x)))[x], Array<double>({3}, {1, 1, 4})));
  const auto report = gradcheck([](auto p) {
    const auto v = p.input("x", {40});
    return where(v > 0.25, square(v), where(v <= 0, v, 0.5 * v)) *
           where<typename decltype(v)::value_type>(v < 1, 1, 2);
  });
  CHECK_MESSAGE(report, report);
  CHECK(report.kinks.empty());
}

TEST_CASE("comparison: other types have none") {
  static_assert(Ordered<Variable<float>, double> && Ordered<int, Ids> &&
                Ordered<Array<float>, Variable<float>>);
  static_assert(!Ordered<Variable<float>, Variable<double>> && !Ordered<Variable<float>, Array<double>>);
  static_assert(!Ordered<Ids, double> && !Ordered<Ids, Variable<double>> &&
                !Ordered<Array<float>, Array<float>>);
  static_assert(!Ordered<Variable<float>, const char*> && !Ordered<Shape, Shape>);
  static_assert(std::is_same_v<decltype(Shape() == Shape()), bool>);
  const std::vector<Shape> shapes{{1}, {2}};
  CHECK(std::find(shapes.begin(), shapes.end(), Shape{2}) == shapes.begin() + 1);
}
