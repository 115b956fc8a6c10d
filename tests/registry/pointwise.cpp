// The row of autograd/ops/pointwise.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

Call draw_pointwise(Draw& draw) {
  const auto [a, b] = draw.pair();
  const Shape c = draw.coin() ? a : b;
  switch (draw.number(0, 5)) {
    case 0:
      return {{a, b, c},
              [](const auto& x) {
                return pointwise([](auto z, auto n, auto h) { return (1 - z) * n + z * h; }, x[0], x[1],
                                 x[2]);
              },
              "(1 - x[0]) * x[1] + x[0] * x[2]"};
    case 1:
      return {{a, b, c},
              [](const auto& x) {
                return pointwise(
                    [](auto u, auto v, auto w) { return tanh(u * v - sigmoid(u)) + sigmoid(w * u) / 4; },
                    x[0], x[1], x[2]);
              },
              "np.tanh(x[0] * x[1] - 1 / (1 + np.exp(-x[0]))) + 1 / (1 + np.exp(-x[2] * x[0])) / 4"};
    case 2:
      return {{a, b},
              [](const auto& x) {
                return pointwise([](auto u, auto v) { return log(u) / v - 2 * sqrt(u) * v; }, x[0], x[1]);
              },
              "np.log(x[0]) / x[1] - 2 * np.sqrt(x[0]) * x[1]"};
    case 3:
      return {{a, b},
              [](const auto& x) {
                return pointwise([](auto u, auto v) { return square(u - v) / (3 + exp(-v)) - 1.5; }, x[0],
                                 x[1]);
              },
              "(x[0] - x[1]) ** 2 / (3 + np.exp(-x[1])) - 1.5"};
    case 4:
      return {{a},
              [](const auto& x) {
                return pointwise([](auto u) { return relu(u - 4.5) + 2 / (relu(u) + 1.5) * u; }, x[0]);
              },
              "np.maximum(x[0] - 4.5, 0) + 2 / (np.maximum(x[0], 0) + 1.5) * x[0]"};
    default:  // the other operand has no part in it
      return {{a, b},
              [](const auto& x) { return pointwise([](auto u, auto) { return 1 * u; }, x[0], x[1]); },
              "x[0] + 0 * x[1]"};
  }
}

}  // namespace

std::vector<Row> pointwise_rows() {
  return {
      {.name = "pointwise",
       .valid = draw_pointwise,
       .refusals =
           {{[] {
               pointwise([](auto a, auto b) { return a * b; }, ones({2, 3}), ones({3, 2}));
             },
             "[pointwise] shapes (2, 3) and (3, 2) do not broadcast: aligned right, axes must be equal or "
             "1"}},
       // Where a slope of tanh is not yet a difference of near numbers.
       .domains = {{0.5, 2, {1e-3}}}}};
}

}  // namespace registry
