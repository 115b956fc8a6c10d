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
  // where of values keeps values out and infinite slopes, as that of sqrt at 0, but not one that is NaN.
  const auto poisoned = gradient(x, [&](const auto& v) { return where(mask, sqrt(v), 0.0); });
  CHECK(poisoned.data()[0] == 0.25);
  CHECK(poisoned.data()[1] == 0);
  CHECK(std::isnan(poisoned.data()[2]));
}

TEST_CASE("choice: what is not chosen has no gradient through an infinite slope") {
  const Array<double> zero({1}, {0}), large({1}, {1000});
  const auto through = [](const Array<double>& x, auto choice) {
    return std::array{gradient(x, [&](const auto& v) { return choice(sqrt(v), 1); }).item(),
                      gradient(x, [&](const auto& v) { return choice(-log(v + 1 - 1), 1); }).item(),
                      gradient(x, [&](const auto& v) { return choice(pow(v, 0.5), 1); }).item(),
                      gradient(x, [&](const auto& v) { return choice(1 / v, 1); }).item()};
  };
  const auto chosen = [](const auto& v, double c) { return where({0}, v, c); };
  CHECK(through(zero, chosen) == std::array{0.0, 0.0, 0.0, 0.0});
  for (const auto& function :
       {std::function([](const Variable<double>& v) { return maximum(sqrt(v), 1); }),
        std::function([](const Variable<double>& v) { return relu(log(v)); }),
        std::function([](const Variable<double>& v) { return clip(log1p(v - 1), 0, 1); }),
        std::function([](const Variable<double>& v) { return minimum(rsqrt(v), 1); })})
    CHECK(gradient(zero, function).item() == 0);
  CHECK(gradient(large, [](const auto& v) { return minimum(exp(v), 1); }).item() == 0);
  CHECK(gradient(large, [](const auto& v) { return minimum(expm1(v), 1); }).item() == 0);
}

TEST_CASE("choice: the gradient of NaN goes to where it came from") {
  Tape<double> tape;
  const auto a = tape.leaf(Array<double>({3}, {undefined, 1, undefined})),
             b = tape.leaf(Array<double>({3}, {1, undefined, undefined}));
  for (const auto& y : {maximum(a, b), minimum(a, b)}) {
    const auto gradients = tape.gradient(sum(y), {.keep = true});
    CHECK(identical(gradients[a], Array<double>({3}, {1, 0, 1})));
    CHECK(identical(gradients[b], Array<double>({3}, {0, 1, 0})));
  }
  const auto clipped = clip(a, 0, 2);
  CHECK(std::isnan(clipped.value().data()[0]));
  CHECK(identical(tape.gradient(sum(clipped))[a], Array<double>({3}, {0, 1, 0})));  // as in PyTorch
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
  CHECK(identical(where(x > 0, x, 0).value(), Array<double>({3}, {0, 2, 0})));
  CHECK(identical(where(x > 0, 1, x).value(), Array<double>({3}, {-1, 1, -3})));
  CHECK(identical(where<double>(x > 0, 1.0, 0.0).value(), Array<double>({3}, {0, 1, 0})));
  CHECK(identical(where<double>(x > 0, 1, -0.5).value(), Array<double>({3}, {-0.5, 1, -0.5})));
}

TEST_CASE("choice: any integer but 0 marks, and masks broadcast") {
  constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
  const Ids marks{std::int64_t{1} << 32, 0, smallest, -1, 256, 0};
  const Array<double> x({6}, {1, 2, 3, 4, 5, 6});
  CHECK(identical(where(marks, Variable<double>(x), 0).value(), Array<double>({6}, {1, 0, 3, 4, 5, 0})));
  const auto sum_of = [](const auto& v) { return v + 1; };
  CHECK(identical(where(marks, Variable<double>(x), sum_of, sum_of).value(), x + Array<double>(1)));
  // Each of mask, x and y stretched along its own axes, over rows longer than a register.
  const std::size_t n = 37;
  const auto at = [](const Shape& shape, std::size_t i, std::size_t j) {
    return shape.rank() == 0 ? 0 : (shape[0] == 1 ? 0 : i) * shape[1] + (shape[1] == 1 ? 0 : j);
  };
  const Shape shapes[] = {{}, {3, 1}, {1, n}, {3, n}};
  for (const Shape& of_mask : shapes)
    for (const Shape& of_x : shapes)
      for (const Shape& of_y : shapes) {
        const auto mask = checks::numbers<double>(of_mask, -1, 1);
        const auto u = checks::numbers<double>(of_x, 1, 2), v = checks::numbers<double>(of_y, 3, 4);
        const Ids marked = Variable<double>(mask) > 0;
        const auto z = where(marked, Variable<double>(u), Variable<double>(v)).value();
        for (std::size_t k = 0; k < z.size(); ++k) {
          const std::size_t width = z.rank() == 0 ? 1 : z.shape()[1], i = k / width, j = k % width;
          CHECK(z.data()[k] ==
                (marked[at(of_mask, i, j)] != 0 ? u.data()[at(of_x, i, j)] : v.data()[at(of_y, i, j)]));
        }
      }
}

TEST_CASE("choice: rows long enough for several threads") {
  const std::size_t n = 3 << 16;
  const auto x = checks::numbers<float>({n}, 1, 2), y = checks::numbers<float>({n}, 3, 4);
  const Ids marked = Variable<float>(x) > 1.3F;
  const auto z = where(marked, Variable<float>(x), Variable<float>(y)).value();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < n; ++i)
    wrong += z.data()[i] != (x.data()[i] > 1.3F ? x.data()[i] : y.data()[i]);
  CHECK(wrong == 0);
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
