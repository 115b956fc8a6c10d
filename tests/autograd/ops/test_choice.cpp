// Choosing between numbers: what is not chosen leaks into no value and no gradient, ties and bounds, NaN.
// Values over random shapes, gradients and messages follow from the registry.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity(),
                 undefined = std::numeric_limits<double>::quiet_NaN();

// The gradient of sum f(x).
template <class F>
Array<double> gradient(const Array<double>& x, F f) {
  Tape<double> tape;
  const auto leaf = tape.leaf(x);
  return tape.gradient(sum(f(leaf)))[leaf];
}

}  // namespace

TEST_CASE("choice: a branch that is not taken cannot poison the gradient of where(mask, x, f, g)") {
  const Array<double> x({4}, {4, 0, -1, 9});
  const Ids mask{1, 0, 0, 1};
  const auto root = [](const auto& v) { return sqrt(v); };
  const auto zero = [](const auto& v) { return 0 * v; };
  const auto chosen = [&](const auto& v) { return where(mask, v, root, zero); };
  CHECK(identical(chosen(Variable<double>(x)).value(), Array<double>({4}, {2, 0, -0.0, 3})));
  CHECK(identical(gradient(x, chosen), Array<double>({4}, {0.25, 0, 0, 1.0 / 6})));
  // where of values keeps values out, but the slope of sqrt at 0 is infinite, and 0 times that is NaN.
  const auto poisoned = gradient(x, [&](const auto& v) { return where(mask, sqrt(v), 0.0); });
  CHECK(poisoned.data()[0] == 0.25);
  CHECK(std::isnan(poisoned.data()[1]));
}

TEST_CASE("choice: each function sees its own elements only") {
  const Array<double> x({2, 2}, {1, 2, 3, 4});
  std::vector<Array<double>> seen;
  const auto see = [&](const Variable<double>& v) {
    seen.push_back(v.value());
    return v * 10;
  };
  const auto keep = [](const Variable<double>& v) { return v; };
  const auto y = where(Ids({2, 2}, {0, 1, 0, 5}), Variable<double>(x), see, keep);
  CHECK(identical(y.value(), Array<double>({2, 2}, {1, 20, 3, 40})));
  where(Ids({2, 2}, {0, 0, 0, 0}), Variable<double>(x), see, keep);
  where(Ids(Shape{}, {1}), Variable<double>(7), see, keep);
  REQUIRE(seen.size() == 3);
  CHECK(identical(seen[0], Array<double>({2}, {2, 4})));
  CHECK(to_string(seen[1].shape()) == "(0,)");
  CHECK(identical(seen[2], Array<double>({1}, {7})));
}

TEST_CASE("choice: where selects, so infinities and NaN stay where they are") {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>({3}, {1, inf, undefined})),
             y = tape.leaf(Array<double>({3}, {undefined, 2, 3}));
  const auto chosen = where({1, 0, 0}, x, y);
  CHECK(identical(chosen.value(), Array<double>({3}, {1, 2, 3})));
  const auto gradients = tape.gradient(sum(square(chosen)));
  CHECK(identical(gradients[x], Array<double>({3}, {2, 0, 0})));
  CHECK(identical(gradients[y], Array<double>({3}, {0, 4, 6})));
}

TEST_CASE("choice: a mask made by a comparison") {
  const Variable<double> x(Array<double>({3}, {-1, 2, -3}));
  CHECK(identical(where(Ids(x.xt() > 0.0), x, 0).value(), Array<double>({3}, {0, 2, 0})));
  CHECK(identical(where(Ids(x.xt() > 0.0), 1, x).value(), Array<double>({3}, {-1, 1, -3})));
}

TEST_CASE("choice: those who tie share the gradient") {
  Tape<double> tape;
  const auto a = tape.leaf(Array<double>({3}, {1, 2, 3})), b = tape.leaf(Array<double>({3}, {1, 5, 0}));
  const auto upper = tape.gradient(sum(maximum(a, b)), {.keep = true});
  CHECK(identical(upper[a], Array<double>({3}, {0.5, 0, 1})));
  CHECK(identical(upper[b], Array<double>({3}, {0.5, 1, 0})));
  const auto lower = tape.gradient(sum(minimum(a, b)), {.keep = true});
  CHECK(identical(lower[a], Array<double>({3}, {0.5, 1, 0})));
  CHECK(identical(lower[b], Array<double>({3}, {0.5, 0, 1})));
  CHECK(identical(tape.gradient(sum(maximum(a, a)))[a], Array<double>({3}, {1, 1, 1})));
  const auto report = gradcheck([](auto p) {
    const auto x = p.input("x", {4});
    return maximum(x, x);
  });
  CHECK(report.kinks.size() == 1);
}

TEST_CASE("choice: an infinite gradient does not leak into the smaller one") {
  Tape<double> tape;
  const auto a = tape.leaf(Array<double>({1}, {1})), b = tape.leaf(Array<double>({1}, {0}));
  const auto gradients = tape.gradient(maximum(a, b), {.seed = Array<double>({1}, {inf})});
  CHECK(gradients[a].item() == inf);
  CHECK(gradients[b].item() == 0);
}

TEST_CASE_TEMPLATE("choice: bounds of clip, and numbers beside variables", T, float, double) {
  Tape<T> tape;
  const auto x = tape.leaf(Array<T>({5}, {-2, -1, 0, 1, 2}));
  const auto y = clip(x, -1, 1);
  CHECK(identical(y.value(), Array<T>({5}, {-1, -1, 0, 1, 1})));
  CHECK(identical(tape.gradient(sum(y), {.keep = true})[x], Array<T>({5}, {0, 1, 1, 1, 0})));
  CHECK(identical(maximum(x, 0.5).value(), Array<T>({5}, {0.5, 0.5, 0.5, 1, 2})));
  CHECK(identical(minimum(x, -1).value(), Array<T>({5}, {-2, -1, -1, -1, -1})));
  CHECK(std::isnan(clip(Variable<T>(undefined), -1, 1).item()));
}
