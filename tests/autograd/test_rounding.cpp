// rounding: every op of the registry within its bound on ordinary inputs, losses of digits that it must name,
// and what it says of sums, of float's range, and of functions that it cannot judge.
#include <xgrad/autograd/rounding.hpp>

#include <doctest/doctest.h>

#include <cmath>

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
