// Every op of the registry proved over 40 random calls: op by op and exhaustively in complex numbers, half of
// the calls with extreme inputs, the other half against central differences too; the float gradient against
// the double one; and second derivatives, hvp against central differences of the gradient. A test case a
// property, so that a failure names it; the calls are the same in every run.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/tape.hpp>

#include "registry/checked_call.hpp"

using namespace xgrad;
using registry::CheckedCall;
using registry::Draw;
using registry::ops;
using registry::Row;

namespace {

constexpr int calls = 40;

template <class F>
void for_each_call(F f) {
  for (const Row& op : ops()) {
    Draw draw(7);
    for (int k = 0; k < calls; ++k) {
      CheckedCall call{op, op.valid(draw), k % 2 == 0};
      if (call.call.shapes.empty()) continue;  // nothing to differentiate
      INFO(call.text());
      f(call, static_cast<std::uint32_t>(k));
    }
  }
}

double largest(const Array<double>& a) {
  double result = 0;
  for (const double x : a) result = std::max(result, std::abs(x));
  return result;
}

// The gradient of <u, f> at `values`, by path.
template <class T>
Values gradient(const CheckedCall& call, const Values& values, const Array<double>& u) {
  Tape<T> tape;
  const Parameters<T> p(values);
  const Variable<T> y = call.call.f(call.inputs(p));
  const auto gradients = tape.gradient(y, {.seed = u.cast<T>(), .unreached = zeros});
  Values result;
  for (const auto& x : p.list()) result.emplace(x.parameter()->path, gradients[x].template cast<double>());
  return result;
}

struct Drawn {
  Values values;
  Array<double> u;
};
Drawn drawn(const CheckedCall& call, std::uint32_t seed) {
  const Parameters<double> p(seed);
  const Shape y = call(p).shape();
  Random random(seed + 100);
  return {p.values(), random_direction(y, random)};
}

}  // namespace

TEST_CASE("proof: every op over random shapes, with extreme inputs") {
  std::size_t derivatives = 0;
  for_each_call([&](const CheckedCall& call, std::uint32_t seed) {
    const auto report = gradcheck(call, {.seed = seed, .exhaustive = true, .differences = !call.extreme});
    CHECK_MESSAGE(report, report);
    CHECK(report.ops >= 1);
    CHECK(report.kinks.empty());
    derivatives += report.compared;
  });
  CHECK(derivatives > 40000);
}

TEST_CASE("proof: the float gradient is the double one up to rounding") {
  for_each_call([&](const CheckedCall& call, std::uint32_t seed) {
    if (call.extreme) return;
    const Drawn at = drawn(call, seed);
    const Values& values = at.values;
    const Array<double>& u = at.u;
    const Values exact = gradient<double>(call, values, u), rounded = gradient<float>(call, values, u);
    for (const auto& [path, g] : exact)
      CHECK(largest(rounded.at(path) - g) <= 1e-5 * std::max(largest(g), 0.1));
  });
}

TEST_CASE("proof: second derivatives are those of differences of the gradient") {
  for_each_call([&](const CheckedCall& call, std::uint32_t seed) {
    if (call.extreme) return;
    const Drawn at = drawn(call, seed);
    const Values& values = at.values;
    const Array<double>& u = at.u;
    Random random(seed);
    Values v;
    for (const auto& [path, value] : values) v.emplace(path, random_direction(value.shape(), random));
    const auto exact =
        hvp([&](const Parameters<Complex>& p) { return sum(call(p) * Variable<Complex>(u.cast<Complex>())); },
            values, v);

    const double h = 3e-3;
    const auto moved_by = [&](int k) {
      Values moved;
      for (const auto& [path, value] : values) moved.emplace(path, value + k * h * v.at(path));
      return gradient<double>(call, moved, u);
    };
    const Values p1 = moved_by(1), m1 = moved_by(-1), p2 = moved_by(2), m2 = moved_by(-2), p3 = moved_by(3),
                 m3 = moved_by(-3), here = moved_by(0);
    for (const auto& [path, Hv] : exact) {
      const Array<double> difference =
          (45 * (p1.at(path) - m1.at(path)) - 9 * (p2.at(path) - m2.at(path)) + (p3.at(path) - m3.at(path))) /
          (60 * h);
      const double scale = std::max({largest(Hv), 0.01 * largest(here.at(path)), 0.01});
      CHECK(largest(Hv - difference) <= 1e-8 * scale);
    }
  });
}

TEST_CASE("proof: a wrong vjp does not pass in a row's place") {
  const auto wrong_tanh = [](const auto& x) {
    const auto y = [&] {
      const Inference pause;
      return tanh(x[0]).value();
    }();
    const auto vjp = [y](const auto& dy) { return dy * (1 - y * y * (1 + 1e-6)); };
    return record("my_tanh", y, wrt(x[0], vjp));
  };
  const Row wrong{.name = "my_tanh", .valid = [&](Draw& draw) {
                    return registry::Call{{draw.shape(1, 4, 1)}, wrong_tanh, "np.tanh(x[0])"};
                  }};
  Draw draw(7);
  for (int k = 0; k < calls; ++k)
    CHECK_FALSE(
        gradcheck(CheckedCall{wrong, wrong.valid(draw), false}, {.seed = static_cast<std::uint32_t>(k)}));
}
