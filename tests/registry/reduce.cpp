// The rows of autograd/ops/reduce.hpp, and logsumexp, which is called like them.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

using xgrad::Axes;

// F: (variable, axes, keepdims) to variable; `python` has places for {axis} and {keep}.
template <class F>
std::function<Call(Draw&)> reduction(F f, const std::string& python, std::size_t least_size) {
  return [=](Draw& draw) {
    const Shape x = draw.shape(0, 4, least_size);
    const auto [drawn, text] = draw_axes(draw, x);
    const bool keep = draw.coin();
    return Call{
        {x},
        [f, axes = drawn, keep](const auto& v) { return f(v[0], axes, keep); },
        fmt::format(fmt::runtime(python), fmt::arg("axis", text), fmt::arg("keep", keep ? "True" : "False"))};
  };
}

}  // namespace

std::vector<Row> reduce() {
  const auto np = [](const std::string& function) {
    return function + "(x[0], axis={axis}, keepdims={keep})";
  };
  return {
      {.name = "sum",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return sum(x, axes, keep); },
                          np("np.sum"), 0),
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
                          np("np.mean"), 1),
       .refusals = {{[] {
                       mean(ones({2, 0}), 1);
                     },
                     "[mean] of no numbers: shape (2, 0) is empty along the axes it is taken over"}}},
      {.name = "prod",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return prod(x, axes, keep); },
                          np("np.prod"), 0),
       .domains = {{0.7, 1.4, {60, -1}}}},
      {.name = "max",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return max(x, axes, keep); },
                          np("np.max"), 1),
       .refusals = {{[] { max(ones({0})); },
                     "[max] of no numbers: shape (0,) is empty along the axes it is taken over"}},
       .domains = {{-2, 2, {}, 0, 0.25}}},
      {.name = "min",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return min(x, axes, keep); },
                          np("np.min"), 1),
       .refusals = {{[] {
                       min(ones({2, 0}), -1);
                     },
                     "[min] of no numbers: shape (2, 0) is empty along the axes it is taken over"}},
       .domains = {{-2, 2, {}, 0, 0.25}}},
      {.name = "logsumexp",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return logsumexp(x, axes, keep); },
                          "np.log(np.sum(np.exp(x[0]), axis={axis}, keepdims={keep}))", 1),
       .refusals = {{[] {
                       logsumexp(ones({0, 2}), 0);
                     },
                     "[logsumexp] axis 0 of shape (0, 2) is empty"}}},
      {.name = "norm",
       .valid = reduction([](const auto& x, const Axes& axes, bool keep) { return norm(x, axes, keep); },
                          "np.sqrt(np.sum(np.square(x[0]), axis={axis}, keepdims={keep}))", 0),
       .domains = {away_from_0}},
      {.name = "variance",
       .valid =
           [](Draw& draw) {
             const std::size_t ddof = draw.index(2);
             const std::string python =
                 fmt::format("np.var(x[0], axis={{axis}}, keepdims={{keep}}, ddof={})", ddof);
             for (;;) {
               Call call = reduction(
                   [=](const auto& x, const Axes& axes, bool keep) { return variance(x, axes, keep, ddof); },
                   python, 2)(draw);
               if (call.shapes[0].rank() > 0) return call;
             }
           },
       .refusals = {{[] {
                       variance(ones({2, 1}), 1, false, 1);
                     },
                     "[variance] of 1 numbers with ddof 1, expected more than that: shape (2, 1)"},
                    {[] { variance(ones({0})); },
                     "[variance] of 0 numbers with ddof 0, expected more than that: shape (0,)"}}},
      {.name = "cumsum",
       .valid =
           [](Draw& draw) {
             const Shape x = draw.shape(1, 4);
             const auto axis = draw.axis(x.rank());
             return Call{{x},
                         [=](const auto& v) { return cumsum(v[0], axis); },
                         fmt::format("np.cumsum(x[0], axis={})", axis)};
           },
       .refusals = {{[] { cumsum(ones({2}), 1); }, "[cumsum] axis 1 does not exist in shape (2,)"}}},
  };
}

}  // namespace registry
