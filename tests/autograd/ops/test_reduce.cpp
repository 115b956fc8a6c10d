// sum and mean: every set of axes against a loop in long double, kept and dropped axes, empty axes,
// gradients, and the errors for axes that do not exist or are named twice.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::numbers;
using checks::prove;

namespace {

// The sum over the axes marked in `reduce`, in long double; `keep` leaves them with size 1.
struct Reference {
  Shape shape;
  std::vector<long double> sums;
  long double count = 1;

  template <class T>
  Reference(const Array<T>& x, const std::vector<bool>& reduce, bool keep) {
    std::vector<std::size_t> strides(x.rank());
    std::size_t stride = 1;
    for (std::size_t axis = x.rank(); axis-- > 0;) {
      strides[axis] = reduce[axis] ? 0 : stride;
      if (!reduce[axis]) stride *= x.shape()[axis];
      if (reduce[axis]) count *= static_cast<long double>(x.shape()[axis]);
    }
    for (std::size_t axis = 0; axis < x.rank(); ++axis)
      if (keep || !reduce[axis]) shape.push_back(reduce[axis] ? 1 : x.shape()[axis]);
    sums.assign(stride, 0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::size_t rest = i, to = 0;
      for (std::size_t axis = x.rank(); axis-- > 0; rest /= x.shape()[axis])
        to += rest % x.shape()[axis] * strides[axis];
      sums[to] += static_cast<long double>(x.data()[i]);
    }
  }
};

const std::vector<Shape> shapes = {{},      {1},       {5},       {67},         {2, 3},
                                   {3, 40}, {2, 3, 4}, {2, 1, 3}, {2, 3, 2, 2}, {1, 1}};

// Calls f(axes, mask) for all sets of axes of a shape, every other one counted from the end.
template <class F>
void for_each_set(std::size_t rank, F f) {
  for (unsigned set = 1; set < 1U << rank; ++set) {
    std::vector<bool> mask;
    std::vector<int> axes;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      mask.push_back((set >> axis & 1U) != 0);
      if (mask.back()) axes.push_back(static_cast<int>(axis) - (set % 2 != 0 ? static_cast<int>(rank) : 0));
    }
    const auto a = axes[0], b = axes.size() > 1 ? axes[1] : 0, c = axes.size() > 2 ? axes[2] : 0;
    if (axes.size() == 1) f(Axes(a), mask);
    if (axes.size() == 2) f(Axes{b, a}, mask);
    if (axes.size() == 3) f(Axes{a, c, b}, mask);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("reduce: sum and mean over every set of axes", T, float, double) {
  for (const Shape& shape : shapes) {
    CAPTURE(to_string(shape));
    const Variable<T> x = numbers<T>(shape, 0.5, 2);
    const double tolerance = 16 * checks::epsilon<T>;
    const auto check = [&](const Axes& axes, const std::vector<bool>& mask) {
      for (const bool keep : {false, keepdims}) {
        const Reference expected(x.value(), mask, keep);
        const auto at = [&](std::size_t i) { return expected.sums[i]; };
        checks::check_elements(sum(x, axes, keep).value(), expected.shape, tolerance, at);
        checks::check_elements(mean(x, axes, keep).value(), expected.shape, tolerance,
                               [&](std::size_t i) { return at(i) / expected.count; });
      }
    };
    for_each_set(shape.rank(), check);
    check({}, std::vector<bool>(shape.rank(), true));
    CHECK(sum(x).rank() == 0);
    CHECK(mean(x, {}, keepdims).rank() == shape.rank());
  }
}

TEST_CASE("reduce: gradients over every set of axes") {
  for (const Shape& shape : {Shape{5}, Shape{2, 3}, Shape{2, 1, 3}, Shape{2, 3, 2}}) {
    for_each_set(shape.rank(), [&](const Axes& axes, const std::vector<bool>&) {
      for (const bool keep : {false, keepdims}) {
        prove([&](const auto& x) { return sum(x[0], axes, keep); }, {shape});
        prove([&](const auto& x) { return mean(square(x[0]), axes, keep); }, {shape});
      }
    });
  }
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{4}, Shape{2, 3, 2}}) {
    prove([](const auto& x) { return sum(x[0]); }, {shape});
    prove([](const auto& x) { return mean(x[0] * x[0], {}, keepdims); }, {shape});
  }
}

TEST_CASE("reduce: an argument used again and views of a parent") {
  prove([](const auto& x) { return x[0] / sum(x[0], -1, keepdims); }, {{3, 4}}, 0.5, 1);
  prove([](const auto& x) { return x[0] - mean(x[0], 0); }, {{3, 4}});
  prove([](const auto& x) { return sum(select(x[0], 1)) * mean(slice(x[0], 0, 2)) * sum(x[0]); }, {{3, 4}});
}

TEST_CASE_TEMPLATE("reduce: an empty sum is zero and its gradient is empty", T, float, double) {
  const Variable<T> none = Array<T>::zeros({0}), rows = Array<T>::zeros({2, 0, 3});
  CHECK(sum(none).item() == 0);
  CHECK(to_string(sum(none, 0, keepdims).shape()) == "(1,)");
  checks::check_elements(sum(rows, 1).value(), {2, 3}, 0, [](std::size_t) { return 0; });
  checks::check_elements(sum(rows, {0, 2}).value(), {0}, 0, [](std::size_t) { return 0; });
  CHECK(to_string(mean(rows, {0, 2}).shape()) == "(0,)");  // of 6 numbers each, none times
  Tape<T> tape;
  const auto x = tape.leaf(rows.value());
  CHECK(to_string(tape.gradient(sum(x) + 1)[x].shape()) == "(2, 0, 3)");
}

TEST_CASE("reduce: the mean of no numbers is an error") {
  const Variable<double> none = Array<double>::zeros({0}), rows = Array<double>::zeros({2, 0, 3});
  check_error([&] { mean(none); }, {"[mean]", "no numbers", "(0,)"});
  check_error([&] { mean(rows); }, {"[mean]", "no numbers", "(2, 0, 3)"});
  check_error([&] { mean(rows, 1); }, {"[mean]", "(2, 0, 3)", "empty along the axes"});
  check_error([&] { mean(rows, {0, -2}, keepdims); }, {"[mean]", "(2, 0, 3)"});
}

TEST_CASE("reduce: axes that do not exist or are named twice") {
  const Variable<double> x = numbers<double>({2, 3}), number = 1.0;
  check_error([&] { sum(x, 2); }, {"[sum] axis 2 does not exist in shape (2, 3)"});
  check_error([&] { sum(x, -3); }, {"[sum] axis -3 does not exist in shape (2, 3)"});
  check_error([&] { mean(x, {0, 5}); }, {"[mean] axis 5 does not exist in shape (2, 3)"});
  check_error([&] { sum(number, 0); }, {"[sum] axis 0 does not exist in shape ()"});
  check_error([&] { sum(x, {1, 1}); }, {"[sum] axis 1 of shape (2, 3) is named twice"});
  check_error([&] { mean(x, {0, -2}, keepdims); }, {"[mean] axis -2 of shape (2, 3) is named twice"});
}

TEST_CASE("reduce: a float sum of a million numbers adds in several chains") {  // one chain is off by 4 %
  const auto x = Array<float>::full({1 << 20}, 0.1F);
  CHECK(sum(Variable<float>(x)).item() == doctest::Approx(0.1F * (1 << 20)).epsilon(2e-3));
  CHECK(mean(Variable<float>(x)).item() == doctest::Approx(0.1F).epsilon(2e-3));
}

TEST_CASE("reduce: the gradient of a product is right at zeros") {
  const auto gradient = [](std::vector<double> values) {
    Tape<double> tape;
    const auto x = tape.leaf(Array<double>({values.size()}, values));
    return tape.gradient(prod(x))[x];
  };
  CHECK(checks::identical(gradient({2, 0, 3}), Array<double>({3}, {0, 6, 0})));
  CHECK(checks::identical(gradient({0, 5, 0}), Array<double>({3}, {0, 0, 0})));
  CHECK(checks::identical(gradient({7}), Array<double>({1}, {1})));
  CHECK(prod(Variable<double>(Array<double>::zeros({0}))).item() == 1);
}

TEST_CASE("reduce: numbers that tie for the largest share the gradient, and are a kink") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({2, 3}, {1, 4, 4, 7, 7, 7}));
  const auto y = max(x, 1);
  CHECK(checks::identical(y.value(), Array<double>({2}, {4, 7})));
  const Array<double> expected({2, 3}, {0, 0.5, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3});
  CHECK(checks::distance(tape.gradient(sum(y))[x], expected) < 1e-15);
  const auto report = gradcheck([](auto p) { return min(p.input("x", {3}, constant(1))); });
  CHECK(report.kinks.size() == 1);
  CHECK(std::isnan(max(Variable<double>(Array<double>({3}, {1, NAN, 2}))).item()));
}

TEST_CASE_TEMPLATE("reduce: a norm does not overflow, and has a gradient at 0", T, float, double) {
  const T big = std::same_as<T, float> ? T(1e30) : T(1e300), inf = std::numeric_limits<T>::infinity();
  CHECK(norm(Variable<T>(Array<T>({2}, {T(3) * big, T(4) * big}))).item() == doctest::Approx(T(5) * big));
  CHECK(norm(Variable<T>(Array<T>({2}, {T(3) / big, T(4) / big}))).item() == doctest::Approx(T(5) / big));
  CHECK(norm(Variable<T>(Array<T>({2}, {inf, 1}))).item() == inf);
  CHECK(std::isnan(norm(Variable<T>(Array<T>({2}, {1, T(NAN)}))).item()));
  Tape<T> tape;
  const auto zero = tape.leaf(Array<T>::zeros({3}));
  CHECK(checks::identical(tape.gradient(norm(zero))[zero], Array<T>::zeros({3})));
}

TEST_CASE("reduce: a NaN is not lost by comparisons") {
  for (const auto& values : {std::vector<double>{1, NAN, 0}, {NAN, 1, 0}, {1, 0, NAN}}) {
    Tape<double> tape;
    const auto x = tape.leaf(Array<double>({3}, values));
    const auto y = norm(x);
    CHECK(std::isnan(y.item()));
    for (const double d : tape.gradient(y, {.keep = true})[x]) CHECK(std::isnan(d));
    for (const auto& extremum : {max(x), min(x)}) {
      CHECK(std::isnan(extremum.item()));
      const auto dx = tape.gradient(extremum, {.keep = true})[x];
      for (std::size_t i = 0; i < 3; ++i) CHECK(dx.data()[i] == (std::isnan(values[i]) ? 1 : 0));
    }
  }
}

TEST_CASE_TEMPLATE("reduce: sums of a million elements over any axis keep their digits", T, float, double) {
  const std::size_t n = 1000000;
  for (const Shape& shape : {Shape{n, 2}, Shape{2, n}, Shape{2, n, 2}, Shape{1000, 2, 1000}}) {
    for (const bool constant : {true, false}) {
      const Array<T> x = constant ? Array<T>::full(shape, T(0.1)) : checks::numbers<T>(shape, 0, 1);
      const int axis = shape[0] > 2 ? 0 : 1;
      CAPTURE(to_string(shape));
      CAPTURE(constant);
      const std::size_t length = shape[static_cast<std::size_t>(axis)],
                        inner = shape.stride(static_cast<std::size_t>(axis));
      const auto exact = [&](std::size_t i) {
        long double sum = 0, part = 0;  // in blocks: a million times 0.1 is off by 1e-14 in long double, too
        const T* const first = x.data() + i / inner * inner * length + i % inner;
        for (std::size_t k = 0; k < length; ++k) {
          part += static_cast<long double>(first[k * inner]);
          if (k % 1000 == 999) sum += std::exchange(part, 0);
        }
        return sum + part;
      };
      const Array<T> y = sum(Variable<T>(x), axis).value(), m = mean(Variable<T>(x), axis).value();
      const Array<T> c = cumsum(Variable<T>(x), axis).value();
      for (std::size_t i = 0; i < std::min<std::size_t>(y.size(), 4); ++i) {
        const auto expected = static_cast<double>(exact(i));
        CHECK(y.data()[i] == doctest::Approx(expected).epsilon(8 * checks::epsilon<T>));
        CHECK(m.data()[i] ==
              doctest::Approx(expected / static_cast<double>(length)).epsilon(8 * checks::epsilon<T>));
        const std::size_t last = i / inner * inner * length + i % inner + (length - 1) * inner;
        CHECK(c.data()[last] == doctest::Approx(expected).epsilon(2 * checks::epsilon<T>));
      }
    }
  }
  CHECK(static_cast<double>(variance(Variable<T>(Array<T>::full({n}, T(1e4)))).item()) == 0);
  CHECK(cumsum(Variable<T>(Array<T>({3}, {1, INFINITY, 1}))).value().data()[2] == INFINITY);
}

TEST_CASE("reduce: long rows of floats keep their digits") {
  const Array<float> x = checks::numbers<float>({1000000}, 0, 1);
  CHECK(variance(Variable<float>(x)).item() ==
        doctest::Approx(variance(Variable<double>(x.cast<double>())).item()).epsilon(1e-6));
  CHECK(norm(Variable<float>(x)).item() ==
        doctest::Approx(norm(Variable<double>(x.cast<double>())).item()).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("reduce: a mean or a product is finite though what comes on the way is not", T, float,
                   double) {
  using Limits = std::numeric_limits<T>;
  const T part = Limits::max() / 4;
  CHECK(mean(Variable<T>(Array<T>({6}, {part, 2 * part, 3 * part, part, 2 * part, 3 * part}))).item() ==
        doctest::Approx(2 * part));
  CHECK(std::isinf(sum(Variable<T>(Array<T>({2}, {3 * part, 3 * part}))).item()));
  auto in_turn = Array<T>::full({2, 1000}, 1);  // which makes infinities of both signs on the way
  for (std::size_t i = 0; i < 1000; ++i) in_turn.mutable_data()[i] = (i % 2 == 0 ? 3 : -3) * part;
  const Array<T> means = mean(Variable<T>(in_turn), 1).value();
  CHECK(std::abs(means.data()[0]) <= part * checks::epsilon<T>);
  CHECK(means.data()[1] == 1);
  if constexpr (std::same_as<T, float>) {  // of doubles it is not
    Tape<T> tape;
    const Variable<T> x = tape.leaf(Array<T>({4}, {1e20F, 1e25F, 1e-30F, 1e-10F}));
    const Variable<T> y = prod(x);
    CHECK(y.item() == doctest::Approx(1e5F));
    const Array<T> dx = tape.gradient(y)[x];
    for (std::size_t i = 0; i < 4; ++i) CHECK(x.value().data()[i] * dx.data()[i] == doctest::Approx(1e5F));
  }
}
