// The rows of autograd/ops/choice.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

// Bounds that the numbers, of which none is near 0, stay away from.
Call draw_clip(Draw& draw) {
  const double low = draw.coin() ? 0 : -50, high = low == 0 || draw.coin() ? 50 : 0;
  return {{draw.shape()},
          [=](const auto& x) { return clip(x[0], low, high); },
          fmt::format("np.clip(x[0], {}, {})", low, high)};
}

// Between two variables, or between two functions of one.
Call draw_where(Draw& draw) {
  if (draw.coin()) {
    const Shape x = draw.shape();
    const Ids mask = draw.ids(x, 2);
    return {{x},
            [mask]<class T>(const Inputs<T>& v) {
              return where(
                  mask, v[0], [](const auto& a) { return tanh(a); },
                  [](const auto& a) { return exp(a) * 2; });
            },
            fmt::format("np.where({} != 0, np.tanh(x[0]), np.exp(x[0]) * 2)", python(mask))};
  }
  const auto [x, y] = draw.pair();
  const Shape whole = *broadcast(x, y);
  const Ids mask =
      draw.ids(draw.coin() ? whole : Shape(whole.begin() + draw.index(whole.rank() + 1), whole.end()), 2);
  return {{x, y},
          [mask](const auto& v) { return where(mask, v[0], v[1]); },
          fmt::format("np.where({} != 0, x[0], x[1])", python(mask))};
}

// Any two numbers of these are in a clear order.
const Domain outside{-2.5, 2.5, {60, -60}, 0.5}, inside{-0.3, 0.3, {1e-30, -1e-60}};

}  // namespace

std::vector<Row> choice() {
  return {
      {.name = "clip",
       .valid = draw_clip,
       .refusals = {{[] { clip(ones({2}), 1, 0.5); },
                     "[clip] needs bounds low <= high, got low 1 and high 0.5"}},
       .domains = {{-2, 2, {1e-30, -1e-60, 60, -60}, 0.5}},
       .elementwise = true},
      {.name = "maximum",
       .valid = binary([](const auto& x) { return maximum(x[0], x[1]); }, "np.maximum(x[0], x[1])"),
       .refusals =
           {{[] { maximum(ones({2}), ones({3})); },
             "[maximum] shapes (2,) and (3,) do not broadcast: aligned right, axes must be equal or 1"}},
       .domains = {outside, inside},
       .elementwise = true},
      {.name = "minimum",
       .valid = binary([](const auto& x) { return minimum(x[0], x[1]); }, "np.minimum(x[0], x[1])"),
       .refusals =
           {{[] {
               minimum(ones({2, 1}), ones({3, 2}));
             },
             "[minimum] shapes (2, 1) and (3, 2) do not broadcast: aligned right, axes must be equal or 1"}},
       .domains = {outside, inside},
       .elementwise = true},
      {.name = "where",
       .valid = draw_where,
       .refusals = {{[] {
                       where(Ids{1, 0}, ones({3}), ones({3}));
                     },
                     "[where] shapes (3,) and (3,) and a mask of shape (2,) do not broadcast: aligned right, "
                     "axes must be equal or 1"},
                    {[] {
                       where(
                           Ids{1, 0}, ones({2, 2}), [](const auto& x) { return x; },
                           [](const auto& x) { return x; });
                     },
                     "[where] a mask of shape (2,) does not fit x of shape (2, 2): each element needs one of "
                     "its own"},
                    {[] {
                       where(
                           Ids{1, 0}, ones({2}), [](const auto& x) { return x; },
                           [](const auto& x) { return sum(x); });
                     },
                     "[where] g made shape () of a vector of 1 numbers, expected (1,)"}}},
  };
}

}  // namespace registry
