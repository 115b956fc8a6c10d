// The rows of autograd/ops/arithmetic.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

const Domain divisor{-2.5, 2.5, {60, -60, 1e-10}, 0.5};

}  // namespace

std::vector<Row> arithmetic() {
  return {
      {.name = "add",
       .valid = binary([](const auto& x) { return x[0] + x[1]; }, "x[0] + x[1]"),
       .refusals =
           {{[] {
               ones({2, 3}) + ones({3, 2});
             },
             "[add] shapes (2, 3) and (3, 2) do not broadcast: aligned right, axes must be equal or 1"}},
       .elementwise = true},
      {.name = "subtract",
       .valid = binary([](const auto& x) { return x[0] - x[1]; }, "x[0] - x[1]"),
       .refusals =
           {{[] { ones({4}) - ones({3}); },
             "[subtract] shapes (4,) and (3,) do not broadcast: aligned right, axes must be equal or 1"}},
       .elementwise = true},
      {.name = "multiply",
       .valid = binary([](const auto& x) { return x[0] * x[1]; }, "x[0] * x[1]"),
       .refusals =
           {{[] { ones({0}) * ones({2}); },
             "[multiply] shapes (0,) and (2,) do not broadcast: aligned right, axes must be equal or 1"}},
       .elementwise = true},
      {.name = "divide",
       .valid = binary([](const auto& x) { return x[0] / x[1]; }, "x[0] / x[1]"),
       .refusals =
           {{[] {
               ones({5, 2}) / ones({5});
             },
             "[divide] shapes (5, 2) and (5,) do not broadcast: aligned right, axes must be equal or 1"}},
       .domains = {{}, divisor},
       .elementwise = true},
      {.name = "negate",
       .valid =
           [](Draw& draw) {
             return Call{{draw.shape()}, [](const auto& x) { return -x[0]; }, "-x[0]"};
           },
       .elementwise = true},
      {.name = "scale_shift",
       .valid =
           [](Draw& draw) {
             const double scale = 0.25 * static_cast<double>(draw.number(-9, 9)),
                          shift = 0.125 * static_cast<double>(draw.number(-9, 9));
             return Call{{draw.shape()},
                         [=](const auto& x) { return scale_shift(x[0], scale, shift); },
                         fmt::format("{} * x[0] + {}", scale, shift)};
           },
       .elementwise = true},
  };
}

}  // namespace registry
