// The rows of autograd/ops/shape.hpp.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

Call draw_reshape(Draw& draw) {
  const Shape x = draw.shape();
  std::vector<std::ptrdiff_t> sizes(x.begin(), x.end());
  std::reverse(sizes.begin(), sizes.end());
  if (draw.coin()) sizes.push_back(1);
  if (x.size() > 0 && draw.coin()) {
    if (sizes.empty()) sizes.push_back(1);
    sizes[draw.index(sizes.size())] = -1;
  }
  return {{x},
          [sizes](const auto& v) { return reshape(v[0], sizes); },
          fmt::format("np.reshape(x[0], [{}])", fmt::join(sizes, ", "))};
}

Call draw_transpose(Draw& draw) {
  const Shape x = draw.shape();
  if (draw.number(0, 3) == 0)
    return {{x}, [](const auto& v) { return transpose(v[0]); }, "np.transpose(x[0])"};
  std::vector<std::ptrdiff_t> axes(x.rank());
  std::iota(axes.begin(), axes.end(), 0);
  for (std::size_t i = axes.size(); i > 1; --i) std::swap(axes[i - 1], axes[draw.index(i)]);
  if (!axes.empty() && draw.coin()) axes[0] -= Draw::signed_of(axes.size());
  return {{x},
          [axes](const auto& v) { return transpose(v[0], axes); },
          fmt::format("np.transpose(x[0], [{}])", fmt::join(axes, ", "))};
}

// Of all axes of size 1, or of one.
Call draw_squeeze(Draw& draw) {
  Shape x;
  do x = draw.shape();
  while (std::find(x.begin(), x.end(), 1U) == x.end());
  std::vector<int> ones;
  for (std::size_t a = 0; a < x.rank(); ++a)
    if (x[a] == 1) ones.push_back(static_cast<int>(a));
  if (draw.coin()) return {{x}, [](const auto& v) { return squeeze(v[0]); }, "np.squeeze(x[0])"};
  const int axis = ones[draw.index(ones.size())] - (draw.coin() ? static_cast<int>(x.rank()) : 0);
  return {{x},
          [axis](const auto& v) { return squeeze(v[0], axis); },
          fmt::format("np.squeeze(x[0], axis={})", axis)};
}

Call draw_broadcast_to(Draw& draw) {
  const auto [x, y] = draw.pair();
  const Shape whole = *broadcast(x, y);
  return {{x},
          [whole](const auto& v) { return broadcast_to(v[0], whole); },
          fmt::format("np.broadcast_to(x[0], {})", python(whole))};
}

Call draw_pad(Draw& draw) {
  const Shape x = draw.shape();
  std::vector<xgrad::Padding> padding;
  std::string text;
  for (std::size_t a = 0; a < x.rank(); ++a) {
    padding.push_back({draw.index(3), draw.index(3)});
    text += fmt::format("({}, {}), ", padding[a].before, padding[a].after);
  }
  const double value = 0.5 * static_cast<double>(draw.number(-2, 2));
  return {{x},
          [=](const auto& v) { return pad(v[0], padding, value); },
          x.rank() == 0 ? "x[0]" : fmt::format("np.pad(x[0], [{}], constant_values={})", text, value)};
}

}  // namespace

std::vector<Row> shape() {
  return {
      {.name = "reshape",
       .valid = draw_reshape,
       .refusals = {{[] {
                       reshape(ones({2, 3}), {4, 2});
                     },
                     "[reshape] shape (2, 3) holds 6 numbers, which do not fit (4, 2)"}}},
      {.name = "transpose",
       .valid = draw_transpose,
       .refusals = {{[] {
                       transpose(ones({2, 3}), {0});
                     },
                     "[transpose] 1 axes were given for shape (2, 3)"},
                    {[] {
                       transpose(ones({2, 3}), {1, 1});
                     },
                     "[transpose] axis 1 of shape (2, 3) is named twice"}}},
      {.name = "squeeze",
       .valid = draw_squeeze,
       .refusals = {{[] {
                       squeeze(ones({1, 2}), 1);
                     },
                     "[squeeze] axis 1 of shape (1, 2) has size 2, expected 1"}}},
      {.name = "expand_dims",
       .valid =
           [](Draw& draw) {
             const Shape x = draw.shape();
             const auto axis = draw.axis(x.rank() + 1);
             return Call{{x},
                         [axis](const auto& v) { return expand_dims(v[0], axis); },
                         fmt::format("np.expand_dims(x[0], {})", axis)};
           },
       .refusals = {{[] { expand_dims(ones({2}), 2); },
                     "[expand_dims] axis 2 does not exist in shape (2, 1)"}}},
      {.name = "flip",
       .valid =
           [](Draw& draw) {
             const Shape x = draw.shape();
             const auto [drawn, text] = draw_axes(draw, x);
             return Call{{x},
                         [axes = drawn](const auto& v) { return flip(v[0], axes); },
                         fmt::format("np.flip(x[0], axis={})", text)};
           },
       .refusals = {{[] { flip(ones({2}), 1); }, "[flip] axis 1 does not exist in shape (2,)"}}},
      {.name = "broadcast_to",
       .valid = draw_broadcast_to,
       .refusals = {{[] {
                       broadcast_to(ones({2, 3}), {3});
                     },
                     "[broadcast_to] shape (2, 3) does not broadcast to (3,)"},
                    {[] { broadcast_to(ones({2}), {3}); },
                     "[broadcast_to] shape (2,) does not broadcast to (3,)"}}},
      {.name = "pad",
       .valid = draw_pad,
       .refusals = {{[] {
                       pad(ones({2, 3}), {{1, 1}});
                     },
                     "[pad] 1 paddings were given for shape (2, 3), expected one for each axis"}}},
  };
}

}  // namespace registry
