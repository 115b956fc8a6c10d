// The rows of autograd/ops/layer_norm.hpp and dropout.hpp.
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

Call draw_layer_norm(Draw& draw) {
  Shape x;
  do x = draw.shape(1, 4);
  while (x.back() < 5);  // in short rows derivatives cancel to rounding
  const double epsilon = draw.coin() ? 1e-5 : 0.01;
  return {{x, {x.back()}, {x.back()}},
          [=](const auto& v) { return layer_norm(v[0], v[1], v[2], epsilon); },
          fmt::format("F.layer_norm(t[0], ({},), t[1], t[2], {}).numpy()", x.back(), epsilon)};
}

// Each number has 32 bits of its own; it is dropped where they are, as a fraction, less than the rate.
Call draw_dropout(Draw& draw) {
  const Shape x = draw.shape();
  const double rate = 0.25 * static_cast<double>(draw.number(0, 3));
  const auto seed = static_cast<std::uint64_t>(draw.number(0, 1000));
  const auto key = xgrad::RandomKey(seed).fold(3);
  std::vector<double> mask;
  for (std::size_t i = 0; i < x.size(); ++i)
    mask.push_back(std::ldexp(key.bits(i / 4)[i % 4], -32) < rate ? 0 : 1 / (1 - rate));
  return {
      {x},
      [=](const auto& v) { return dropout(v[0], rate, key); },
      fmt::format("x[0] * np.array([{}], dtype=np.float64).reshape({})", fmt::join(mask, ", "), python(x))};
}

}  // namespace

std::vector<Row> network() {
  return {
      {.name = "layer_norm",
       .valid = draw_layer_norm,
       .refusals =
           {{[] {
               layer_norm(ones({2, 0}), ones({0}), ones({0}));
             },
             "[layer_norm] needs x: (..., H) with H > 0, got shape (2, 0)"},
            {[] {
               layer_norm(ones({2, 3}), ones({3}), ones({2}));
             },
             "[layer_norm] needs gain and bias of shape (3,) for x of shape (2, 3), got (3,) and (2,)"},
            {[] {
               layer_norm(ones({2, 3}), ones({3}), ones({3}), -1);
             },
             "[layer_norm] needs epsilon >= 0, got -1"}},
       // A number of 60 among small ones leaves derivatives that cancel to rounding.
       .domains = {{-2, 2, {1e-30, -1e-60, 4, -4}}, {}}},
      {.name = "dropout",
       .valid = draw_dropout,
       .refusals = {{[] { dropout(ones({2}), 1, xgrad::RandomKey(1)); },
                     "[dropout] needs a rate in [0, 1), got 1"}}},
  };
}

}  // namespace registry
