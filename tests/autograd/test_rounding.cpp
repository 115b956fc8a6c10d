// rounding: every op of the registry within its bound on ordinary inputs, losses of digits that it must name,
// and what it says of sums, of float's range, and of functions that it cannot judge.
#include <xgrad/autograd/rounding.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/unroll.hpp>

#include "errors.hpp"
#include "registry/checked_call.hpp"

using namespace xgrad;
using registry::CheckedCall;
using registry::Draw;

namespace {

// An op of a user: f of each element, with slope df.
template <class T, class F, class D>
Variable<T> each(const char* name, const Variable<T>& x, F f, D df) {
  const auto apply = [](const Array<T>& of, auto g) {
    return kernels::filled<T>(of.shape(), [&](T* out) { std::transform(of.begin(), of.end(), out, g); });
  };
  return record(name, apply(x.value(), f),
                wrt(x, [=, x = x.value()](const Array<T>& dy) { return dy * apply(x, df); }));
}

// The worst finding about an op.
const RoundedOp& of(const RoundingReport& report, const std::string& op) {
  for (const RoundedOp& found : report.worst)
    if (found.op == op) return found;
  FAIL("the report does not name " << op);
  return report.worst.front();
}

}  // namespace

TEST_CASE("rounding: every op on ordinary inputs") {
  for (const registry::Row& op : registry::ops()) {
    Draw draw(7);
    for (int k = 0; k < 20; ++k) {
      const CheckedCall call{op, op.valid(draw), false};
      if (call.call.shapes.empty()) continue;
      INFO(call.text());
      const RoundingReport report = rounding(call, {.seed = static_cast<std::uint32_t>(k)});
      CHECK_MESSAGE(report, report);
      CHECK(report.ops >= 1);
    }
  }
}

TEST_CASE("rounding: every op on a grid of extremes") {
  constexpr double smallest = std::numeric_limits<float>::min(), infinity = INFINITY;
  std::vector<double> grid = {NAN};
  for (const double x :
       {0.0, 1e-30, 1e-8, 1.0, 17.0, 30.0, 88.0, 1e4, 1e8, 1e20, smallest, smallest / 8, infinity})
    grid.insert(grid.end(), {x, -x});
  std::size_t undefined = 0;
  for (const registry::Row& op : registry::ops()) {
    Draw draw(17);
    for (std::uint32_t k = 0; k < 60; ++k) {
      const CheckedCall call{op, op.valid(draw), false};
      if (call.call.shapes.empty()) continue;
      Random random(k);
      Values values;
      for (std::size_t i = 0; i < call.call.shapes.size(); ++i) {
        // some of few magnitudes, where all but the largest would vanish beside the others
        const std::size_t few = k % 3 == 0 ? grid.size() : 3,
                          first = few == 3 ? draw.index(grid.size() - 3) : 0;
        values.emplace(
            fmt::format("x{}", i), kernels::filled<double>(call.call.shapes[i], [&](double* out) {
              for (std::size_t j = 0; j < call.call.shapes[i].size(); ++j)
                out[j] = grid[first + static_cast<std::size_t>(random.uniform() * static_cast<double>(few))];
            }));
      }
      INFO(call.text());
      RoundingOptions options{.seed = k};
      options.values.by_path = values;
      const RoundingReport report = rounding(call, options);
      CHECK_MESSAGE(report, report);
      undefined += report.undefined;
    }
  }
  CHECK(undefined > 1000);
}

TEST_CASE("rounding: names the op, the argument and the element that lose digits") {
  const auto naive = [](auto p) {
    const auto x = p.input("x", {5}, constant(1)) * p.constant(Array<double>({5}, {1, 2, -9, 4, 5}));
    using T = typename decltype(x)::value_type;
    return sum(each(
        "naive_softplus", x, [](T v) { return std::log(1 + std::exp(v)); },
        [](T v) { return 1 / (1 + std::exp(-v)); }));
  };
  const auto report = rounding(naive);
  CHECK(!report);
  const RoundedOp& worst = report.worst.front();
  CHECK(worst.op == "naive_softplus");
  CHECK(!worst.argument);
  CHECK(worst.index == 2);
  CHECK(worst.exact == doctest::Approx(std::log1p(std::exp(-9.0))));
  CHECK(worst.error > 100);

  const auto from_output = [](auto p) {
    const auto x = p.input("x", {3}, constant(-10));
    using T = typename decltype(x)::value_type;
    const auto y = each(
        "expm1_by_output", x, [](T v) { return std::expm1(v); }, [](T v) { return std::expm1(v) + 1; });
    return sum(y);
  };
  const auto slopes = rounding(from_output);
  CHECK(!slopes);
  CHECK(slopes.worst.front().op == "expm1_by_output");
  CHECK(slopes.worst.front().argument == 0);
  CHECK(slopes.worst.front().path == "x");
}

TEST_CASE("rounding: an op that adds is measured against what it adds") {
  const auto cancelling = [](auto p) {
    const auto x = p.input("x", {4}, constant(1));
    return sum(x * p.constant(Array<double>({4}, {1.1, 2.3, -3.4000001, 1e-7})));
  };
  const auto report = rounding(cancelling);
  CHECK_MESSAGE(report, report);
  CHECK(of(report, "sum").error <= 8);
  CHECK(report.value_digits < 4);  // though no op loses them
}

TEST_CASE("rounding: a cell that starts at zero, with a bias of zeros, is within its bounds") {
  const auto f = [](auto p) {
    const Rnn cell(p, 8, 16);
    return sum(
        square(unroll(cell, p.input("xs", {6, 10, 8}), p.constant(Array<double>::zeros({10, 16}))).ys));
  };
  const auto report = rounding(f);
  CHECK_MESSAGE(report, report);
  CHECK(of(report, "tanh").error < 4);
  CHECK(report.gradient_digits.size() == 4);
}

TEST_CASE("rounding: counts what leaves the range of float") {
  const auto f = [](auto p) {
    const auto x = p.input("x", {3}, constant(1)) * p.constant(Array<double>({3}, {100, -100, 1}));
    return exp(x);
  };
  const auto report = rounding(f);
  CHECK_MESSAGE(report, report);  // where double leaves it too, infinity and 0 are right
  CHECK(report.overflows == 1);
  CHECK(report.underflows == 1);
  CHECK(report.undefined == 0);
}

TEST_CASE("rounding: a function that records other ops in double is refused") {
  const auto f = [](auto p) {
    const auto x = p.input("x", {2});
    using T = typename decltype(x)::value_type;
    if constexpr (std::same_as<T, float>) return sum(exp(x));
    return sum(tanh(x));
  };
  const std::string message = testing::message_of([&] { rounding(f); });
  CHECK(testing::contains(message, "[rounding]"));
  CHECK(testing::contains(message, "tanh"));
  const auto turned = [](auto p) {  // the same op, whose operands have changed places
    const auto x = p.input("x", {2, 3}), y = p.input("y", {3});
    using T = typename std::remove_cvref_t<decltype(x)>::value_type;
    return sum(std::same_as<T, float> ? x * y : y * x);
  };
  CHECK(testing::contains(testing::message_of([&] { rounding(turned); }), "takes other ways"));
}

TEST_CASE("rounding: sums of a million terms, over the first and the last axis") {
  const std::size_t n = xgrad::testing::any_sanitizer ? 10'000 : 1'000'000, K = n;
  const auto judge = [](const std::string& what, const auto& f) {
    CAPTURE(what);
    const RoundingReport report = rounding(f);
    CHECK_MESSAGE(report, report);
  };
  const auto near_one = uniform(1 - 1e-5, 1 + 1e-5);
  for (const bool first : {true, false}) {
    const int axis = first ? 0 : 1;
    CAPTURE(axis);
    const Shape shape = first ? Shape{n, 2} : Shape{2, n}, row = first ? Shape{1, 2} : Shape{2, 1};
    const auto x = [=](auto& p) { return p.input("x", shape, uniform(0, 1)); };
    const auto small = [=](auto& p) { return p.input("y", row, uniform(0, 1)); };
    judge("sum", [=](auto p) { return sum(x(p), axis); });
    judge("mean", [=](auto p) { return mean(x(p), axis); });
    judge("variance", [=](auto p) { return variance(x(p), axis); });
    judge("norm", [=](auto p) { return norm(x(p), axis); });
    judge("max", [=](auto p) { return max(x(p), axis); });
    judge("prod", [=](auto p) { return prod(p.input("x", shape, near_one), axis); });
    judge("logsumexp", [=](auto p) { return logsumexp(x(p), axis); });
    judge("cumsum", [=](auto p) { return cumsum(x(p), axis); });
    judge("softmax", [=](auto p) { return softmax(x(p), axis); });
    judge("log_softmax", [=](auto p) { return log_softmax(x(p), axis); });
    judge("add", [=](auto p) { return x(p) + small(p); });
    judge("multiply", [=](auto p) { return x(p) * small(p); });
    judge("divide", [=](auto p) { return x(p) / (1 + small(p)); });
    judge("maximum", [=](auto p) { return maximum(x(p), small(p)); });
    judge("pow", [=](auto p) { return pow(1 + x(p), small(p)); });
    judge("where", [=](auto p) { return where(Ids(row, {0, 1}), small(p), x(p)); });
    judge("broadcast_to", [=](auto p) { return broadcast_to(small(p), shape); });
    judge("affine", [=](auto p) {
      return affine({p.input("x", shape, uniform(0, 1)), p.input("W", {shape[1], 2}, uniform(0, 1))},
                    p.input("b", {2}, uniform(0, 1)));
    });
    judge("scatter_add", [=](auto p) {
      return scatter_add(small(p), Ids(shape, std::vector<Ids::value_type>(2 * n, 0)), x(p), axis);
    });
    judge("gather",
          [=](auto p) { return gather(small(p), Ids(shape, std::vector<Ids::value_type>(2 * n, 0)), axis); });
    const Ids targets({shape[0]}, std::vector<Ids::value_type>(shape[0], 1));
    judge("softmax_cross_entropy", [=](auto p) { return softmax_cross_entropy(x(p), targets); });
    judge("affine_cross_entropy", [=](auto p) {
      return affine_cross_entropy({p.input("x", {shape[0], 3}), p.input("W", {3, shape[1]})},
                                  p.input("b", {shape[1]}), targets);
    });
    judge("cross_entropy",
          [=](auto p) { return cross_entropy(x(p), targets, {.label_smoothing = 0.1}).mean(); });
    judge("squared_error",
          [=](auto p) { return squared_error(x(p), p.constant(Array<double>::zeros(shape))); });
    judge("binary_cross_entropy_with_logits", [=](auto p) {
      return binary_cross_entropy_with_logits(x(p), p.constant(Array<double>::zeros(shape)));
    });
    judge("huber", [=](auto p) { return huber(x(p), p.constant(Array<double>::zeros(shape))); });
  }
  judge("dot", [=](auto p) { return dot(p.input("x", {K}), p.input("y", {K})); });
  judge("matmul", [=](auto p) { return matmul(p.input("x", {2, K}), p.input("y", {K, 2})); });
  judge("outer", [=](auto p) { return outer(p.input("x", {2}), p.input("y", {n})); });
  judge("take", [=](auto p) {
    return take(p.input("x", {2, 1}), Ids({n}, std::vector<Ids::value_type>(n, 1)));
  });
  judge("layer_norm", [=](auto p) {
    return layer_norm(p.input("x", {2, n}), p.input("gain", {n}), p.input("bias", {n}));
  });
  judge("layer_norm of rows", [=](auto p) {
    return layer_norm(p.input("x", {n, 2}), p.input("gain", {2}), p.input("bias", {2}));
  });
}

// An element that matters: the op's value changes when it does.
TEST_CASE("rounding: a NaN that goes in comes out of every op, where the number would have mattered") {
  const auto nan_comes_out = [](const CheckedCall& call, auto number) {
    using T = decltype(number);
    const Inference pause;
    registry::Inputs<T> xs;
    for (const auto& x : call.inputs(Parameters<T>(3))) xs.push_back(detach(x));
    const auto same = [](const Array<T>& a, const Array<T>& b) {
      return std::equal(a.begin(), a.end(), b.begin(), b.end());
    };
    const Array<T> y = call.call.f(xs).value();
    for (std::size_t i = 0; i < xs.size(); ++i)
      for (std::size_t j = 0; j < std::min<std::size_t>(xs[i].size(), 5); ++j) {
        const auto with = [&](T value) {
          registry::Inputs<T> changed = xs;
          Array<T> x = xs[i].value().copy();
          x.mutable_data()[j] = value;
          changed[i] = Variable<T>(x);
          return call.call.f(changed).value();
        };
        const T x = xs[i].value().data()[j];
        if (same(with(x + T(5)), y) && same(with(x - T(5)), y)) continue;
        const Array<T> out = with(T(NAN));
        const bool any = std::any_of(out.begin(), out.end(), [](T v) { return v != v; });
        CHECK_MESSAGE(any, call.text() << " of a NaN in input " << i);
      }
  };
  for (const registry::Row& op : registry::ops()) {
    Draw draw(23);
    for (int k = 0; k < 10; ++k) {
      const CheckedCall call{op, op.valid(draw), false};
      nan_comes_out(call, 0.0F);
      nan_comes_out(call, 0.0);
      nan_comes_out(call, Complex());
    }
  }
}
