// The rows of autograd/ops/elementwise.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

// By a variable, or by a number.
Call draw_pow(Draw& draw) {
  const auto [x, p] = draw.pair();
  if (draw.number(0, 2) > 0)
    return {{x, p}, [](const auto& v) { return pow(v[0], v[1]); }, "np.power(x[0], x[1])"};
  const double number = 0.5 * static_cast<double>(draw.number(-4, 6));
  return {{x, p},
          [number](const auto& v) { return pow(v[0], number) + pow(2, v[1]); },
          fmt::format("np.power(x[0], {:.1f}) + np.power(2.0, x[1])", number)};
}

}  // namespace

std::vector<Row> elementwise() {
  return {
      {.name = "exp",
       .valid = unary([](const auto& x) { return exp(x[0]); }, "np.exp(x[0])"),
       .elementwise = true},
      {.name = "expm1",
       .valid = unary([](const auto& x) { return expm1(x[0]); }, "np.expm1(x[0])"),
       .elementwise = true},
      {.name = "log",
       .valid = unary([](const auto& x) { return log(x[0]); }, "np.log(x[0])"),
       .domains = {positive},
       .elementwise = true},
      {.name = "log1p",
       .valid = unary([](const auto& x) { return log1p(x[0]); }, "np.log1p(x[0])"),
       .domains = {{-0.5, 3, {1e-30, -1e-60, 60}}},
       .elementwise = true},
      {.name = "sin",
       .valid = unary([](const auto& x) { return sin(x[0]); }, "np.sin(x[0])"),
       .elementwise = true},
      {.name = "cos",
       .valid = unary([](const auto& x) { return cos(x[0]); }, "np.cos(x[0])"),
       .elementwise = true},
      {.name = "erf",
       .valid =
           unary([](const auto& x) { return erf(x[0]); }, "np.vectorize(math.erf, otypes=[float])(x[0])"),
       .elementwise = true},
      {.name = "square",
       .valid = unary([](const auto& x) { return square(x[0]); }, "np.square(x[0])"),
       .elementwise = true},
      {.name = "sqrt",
       .valid = unary([](const auto& x) { return sqrt(x[0]); }, "np.sqrt(x[0])"),
       .domains = {positive},
       .elementwise = true},
      {.name = "rsqrt",
       .valid = unary([](const auto& x) { return rsqrt(x[0]); }, "1 / np.sqrt(x[0])"),
       .domains = {positive},
       .elementwise = true},
      {.name = "abs",
       .valid = unary([](const auto& x) { return abs(x[0]); }, "np.abs(x[0])"),
       .domains = {away_from_0},
       .elementwise = true},
      {.name = "pow",
       .valid = draw_pow,
       .refusals = {{[] { pow(ones({2}), ones({3})); },
                     "[pow] shapes (2,) and (3,) do not broadcast: aligned right, axes must be equal or 1"}},
       .domains = {{0.5, 3, {1e-30, 60}}, {-2, 2, {1e-30, -1e-60, 0}}},
       .elementwise = true},
  };
}

}  // namespace registry
