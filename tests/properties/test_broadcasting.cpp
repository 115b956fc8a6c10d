// Arithmetic on every pair of shapes of rank 0 to 3 with axes of 0 to 3: the result has the shape that
// NumPy's rule says, value and gradients are those of explicit loops, and what does not broadcast is refused,
// naming both shapes. The numbers are small integers, and divisors powers of two, so that every sum is exact
// in any order.
#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

#include "autograd/errors.hpp"

using namespace xgrad;
using xgrad::testing::contains;
using xgrad::testing::message_of;

namespace {

constexpr std::size_t max_rank = 3, dims = 4;  // axes of 0, 1, 2, 3

using Dims = std::vector<std::size_t>;
using Index = std::array<std::size_t, max_rank>;

std::vector<Dims> all_shapes() {
  std::vector<Dims> shapes = {{}};
  for (std::size_t first = 0, rank = 1; rank <= max_rank; ++rank) {
    const std::size_t last = shapes.size();
    for (; first < last; ++first)
      for (std::size_t dim = 0; dim < dims; ++dim) {
        shapes.push_back(shapes[first]);
        shapes.back().push_back(dim);
      }
  }
  return shapes;
}

// The size of the axis that stands `back` places before the end; a missing one counts as 1.
std::size_t axis_of(const Dims& shape, std::size_t back) {
  return back < shape.size() ? shape[shape.size() - 1 - back] : 1;
}

// NumPy: from the rightmost on, two dimensions are compatible when they are equal, or one of them is 1.
std::optional<Dims> numpy_shape(const Dims& a, const Dims& b) {
  Dims result;
  for (std::size_t back = std::max(a.size(), b.size()); back-- > 0;) {
    const std::size_t m = axis_of(a, back), n = axis_of(b, back);
    if (m != n && m != 1 && n != 1) return std::nullopt;
    result.push_back(m == 1 ? n : m);
  }
  return result;
}

// Where index `at` of the result, counted from the last axis, lies in an operand.
std::size_t place_in(const Dims& shape, const Index& at) {
  std::size_t place = 0, step = 1;
  for (std::size_t back = 0; back < shape.size(); ++back) {
    const std::size_t dim = axis_of(shape, back);
    place += (dim == 1 ? 0 : at[back]) * step;
    step *= dim;
  }
  return place;
}

template <class Visit>
void for_each_index(const Dims& shape, Visit visit) {
  Index at{};
  for (at[2] = 0; at[2] < axis_of(shape, 2); ++at[2])
    for (at[1] = 0; at[1] < axis_of(shape, 1); ++at[1])
      for (at[0] = 0; at[0] < axis_of(shape, 0); ++at[0]) visit(at);
}

struct Operation {
  const char* name;
  template <class T>
  using Function = Variable<T> (*)(const Variable<T>&, const Variable<T>&);
  Function<float> in_float;
  Function<double> in_double;
  double (*value)(double a, double b);
  double (*da)(double a, double b);
  double (*db)(double a, double b);
};

const Operation operations[] = {
    {"add", add, add, [](double a, double b) { return a + b; }, [](double, double) { return 1.0; },
     [](double, double) { return 1.0; }},
    {"subtract", subtract, subtract, [](double a, double b) { return a - b; },
     [](double, double) { return 1.0; }, [](double, double) { return -1.0; }},
    {"multiply", multiply, multiply, [](double a, double b) { return a * b; },
     [](double, double b) { return b; }, [](double a, double) { return a; }},
    {"divide", divide, divide, [](double a, double b) { return a / b; },
     [](double, double b) { return 1 / b; }, [](double a, double b) { return -a / (b * b); }},
};

// First factors, divisors and cotangents.
double a_at(std::size_t i) { return static_cast<double>(i % 7) - 2; }
double b_at(std::size_t i) { return std::array<double, 5>{1, -2, 0.5, 4, -1}[i % 5]; }
double u_at(std::size_t i) { return static_cast<double>(i % 11) - 4; }

template <class T>
Array<T> filled(const Dims& shape, double (*at)(std::size_t)) {
  const Shape of(shape.begin(), shape.end());
  std::vector<T> values;
  for (std::size_t i = 0; i < of.size(); ++i) values.push_back(static_cast<T>(at(i)));
  return Array<T>(of, values);
}

template <class T>
bool equal(const Array<T>& x, const Dims& shape, const std::vector<double>& expected) {
  return x.shape() == Shape(shape.begin(), shape.end()) &&
         std::equal(x.begin(), x.end(), expected.begin(), expected.end(),
                    [](T got, double want) { return static_cast<double>(got) == want; });
}

// "" if an operation on operands of shapes a and b is right.
template <class T>
std::string wrong(const Operation& of, const Dims& a, const Dims& b) {
  Tape<T> tape;
  const auto x = tape.leaf(filled<T>(a, a_at)), w = tape.leaf(filled<T>(b, b_at));
  typename Operation::template Function<T> f;
  if constexpr (std::same_as<T, float>) {
    f = of.in_float;
  } else {
    f = of.in_double;
  }

  const auto shape = numpy_shape(a, b);
  if (!shape) {
    const std::string text = message_of([&] { f(x, w); });
    const std::string opening = fmt::format("[{}] shapes {} and {} do not broadcast", of.name,
                                            to_string(x.shape()), to_string(w.shape()));
    return contains(text, opening) ? "" : "it says: " + text;
  }

  const auto y = f(x, w);
  const auto gradients = tape.gradient(y, {.seed = filled<T>(*shape, u_at)});
  std::vector<double> value, da(x.size()), db(w.size());
  for_each_index(*shape, [&](const Index& at) {
    const std::size_t i = place_in(a, at), j = place_in(b, at);
    const double u = u_at(value.size());
    value.push_back(of.value(a_at(i), b_at(j)));
    da[i] += u * of.da(a_at(i), b_at(j));
    db[j] += u * of.db(a_at(i), b_at(j));
  });
  if (!equal(y.value(), *shape, value)) return "the value is wrong";
  if (!equal(gradients[x], a, da)) return "the gradient of the first operand is wrong";
  if (!equal(gradients[w], b, db)) return "the gradient of the second operand is wrong";
  return "";
}

}  // namespace

TEST_CASE_TEMPLATE("broadcasting: every pair of shapes", T, float, double) {
  const auto shapes = all_shapes();
  REQUIRE(shapes.size() == 85);
  std::size_t broadcast_pairs = 0, failures = 0;
  for (const Dims& a : shapes)
    for (const Dims& b : shapes) {
      broadcast_pairs += numpy_shape(a, b) ? 1 : 0;
      for (const Operation& operation : operations) {
        const std::string text = wrong<T>(operation, a, b);
        if (!text.empty() && ++failures <= 20)  // the first say enough
          FAIL_CHECK(operation.name << " of " << to_string(Shape(a.begin(), a.end())) << " and "
                                    << to_string(Shape(b.begin(), b.end())) << ": " << text);
      }
    }
  CHECK(failures == 0);
  CHECK(broadcast_pairs > shapes.size());
  CHECK(broadcast_pairs < shapes.size() * shapes.size());
}
