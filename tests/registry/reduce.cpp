// The rows of autograd/ops/reduce.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

using xgrad::Axes;

// All axes, one of them from either end, or two.
std::pair<Axes, std::string> draw_axes(Draw& draw, const Shape& x) {
  const auto rank = static_cast<int>(x.rank());
  const auto axis = [&] { return static_cast<int>(draw.number(-rank, rank - 1)); };
  if (rank == 0 || draw.number(0, 2) == 0) return {Axes{}, "None"};
  const int a = axis();
  if (rank == 1 || draw.coin()) return {Axes(a), fmt::format("({},)", a)};
  const int b = (a + rank) % rank == 0 ? 1 : 0;
  return {Axes{a, b}, fmt::format("({}, {})", a, b)};
}

// F: (variable, axes, keepdims) to variable.
template <class F>
std::function<Call(Draw&)> reduction(F f, const std::string& python, std::size_t least_size) {
  return [=](Draw& draw) {
    const Shape x = draw.shape(0, 4, least_size);
    const auto [drawn, text] = draw_axes(draw, x);
    const bool keep = draw.coin();
    return Call{{x},
                [f, axes = drawn, keep](const auto& v) { return f(v[0], axes, keep); },
                fmt::format("{}(x[0], axis={}, keepdims={})", python, text, keep ? "True" : "False")};
  };
}

}  // namespace

std::vector<Op> reduce() {
  return {
      {.name = "sum",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return sum(x, axes, keep); },
                          "np.sum", 0),
       .refusals = {{[] {
                       sum(ones({2, 3}), 2);
                     },
                     "[sum] axis 2 does not exist in shape (2, 3)"},
                    {[] {
                       sum(ones({2, 3}), {1, -1});
                     },
                     "[sum] axis -1 of shape (2, 3) is named twice"}}},
      {.name = "mean",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return mean(x, axes, keep); },
                          "np.mean", 1),
       .refusals = {{[] {
                       mean(ones({2, 0}), 1);
                     },
                     "[mean] of no numbers: shape (2, 0) is empty along the axes averaged over"}}},
  };
}

}  // namespace registry
