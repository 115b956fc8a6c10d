// The rows of autograd/ops/shape.hpp.
#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// An axis of x, counted from either end.
std::ptrdiff_t draw_axis(Draw& draw, std::size_t rank) {
  return draw.number(-signed_of(rank), signed_of(rank) - 1);
}

std::size_t from_front(std::ptrdiff_t axis, std::size_t rank) {
  return static_cast<std::size_t>(axis < 0 ? axis + signed_of(rank) : axis);
}

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

Call draw_select(Draw& draw) {
  const Shape x = draw.shape(1, 4, 1);
  const auto axis = draw_axis(draw, x.rank());
  const auto n = signed_of(x[from_front(axis, x.rank())]), i = draw.number(-n, n - 1);
  return {{x},
          [=](const auto& v) { return select(v[0], i, axis); },
          fmt::format("np.take(x[0], {}, axis={})", i, axis)};
}

Call draw_slice(Draw& draw) {
  const Shape x = draw.shape(1, 4);
  const auto axis = draw_axis(draw, x.rank());
  const auto n = signed_of(x[from_front(axis, x.rank())]), first = draw.number(0, n),
             last = draw.number(first, n);
  const bool negative = first < n && draw.coin();
  return {{x},
          [=](const auto& v) { return slice(v[0], negative ? first - n : first, last, axis); },
          fmt::format("np.take(x[0], np.arange({}, {}), axis={})", first, last, axis)};
}

Call draw_stack(Draw& draw) {
  Shape part;
  do part = draw.shape(0, 3);
  while (part.size() > 60);
  const auto axis = draw_axis(draw, part.rank() + 1);
  const auto count = static_cast<std::size_t>(draw.number(1, 3));
  return {std::vector<Shape>(count, part), [=](const auto& v) { return stack(v, axis); },
          fmt::format("np.stack(x, axis={})", axis)};
}

Call draw_concat(Draw& draw) {
  Shape part;
  do part = draw.shape(1, 4);
  while (part.size() > 60);
  const auto axis = draw_axis(draw, part.rank());
  std::vector<Shape> shapes;
  for (auto k = draw.number(1, 3); k > 0; --k) {
    shapes.push_back(part);
    if (draw.coin()) shapes.back().set(from_front(axis, part.rank()), draw.index(4));
  }
  return {shapes, [=](const auto& v) { return concat(v, axis); },
          fmt::format("np.concatenate(x, axis={})", axis)};
}

Call draw_transpose(Draw& draw) {
  const Shape x = draw.shape();
  if (draw.number(0, 3) == 0)
    return {{x}, [](const auto& v) { return transpose(v[0]); }, "np.transpose(x[0])"};
  std::vector<std::ptrdiff_t> axes(x.rank());
  std::iota(axes.begin(), axes.end(), 0);
  for (std::size_t i = axes.size(); i > 1; --i) std::swap(axes[i - 1], axes[draw.index(i)]);
  if (!axes.empty() && draw.coin()) axes[0] -= signed_of(axes.size());
  return {{x},
          [axes](const auto& v) { return transpose(v[0], axes); },
          fmt::format("np.transpose(x[0], [{}])", fmt::join(axes, ", "))};
}

}  // namespace

std::vector<Op> shape() {
  return {
      {.name = "reshape",
       .valid = draw_reshape,
       .refusals = {{[] {
                       reshape(ones({2, 3}), {4, 2});
                     },
                     "[reshape] shape (2, 3) holds 6 numbers, which do not fit (4, 2)"}}},
      {.name = "select",
       .valid = draw_select,
       .refusals = {{[] {
                       select(ones({2, 3}), 3, 1);
                     },
                     "[select] index 3 is outside an axis of size 3 of shape (2, 3)"},
                    {[] { select(ones({}), 0); }, "[select] axis 0 does not exist in shape ()"}}},
      {.name = "slice",
       .valid = draw_slice,
       .refusals = {{[] {
                       slice(ones({2, 3}), 0, 3);
                     },
                     "[slice] last 3 is outside an axis of size 2 of shape (2, 3)"},
                    {[] {
                       slice(ones({2, 3}), 2, 1, 1);
                     },
                     "[slice] [2, 1) runs backwards along axis 1 of shape (2, 3)"}}},
      {.name = "stack",
       .valid = draw_stack,
       .refusals = {{[] { stack(Inputs<double>{}); }, "[stack] needs at least one variable"},
                    {[] {
                       xgrad::stack({ones({2}), ones({3})});
                     },
                     "[stack] variable 1 has shape (3,), expected that of variable 0, (2,)"}}},
      {.name = "concat",
       .valid = draw_concat,
       .refusals = {{[] { concat(Inputs<double>{}); }, "[concat] needs at least one variable"},
                    {[] {
                       xgrad::concat({ones({2, 3}), ones({2, 4})});
                     },
                     "[concat] variable 1 has shape (2, 4), expected that of variable 0, (2, 3), except "
                     "along axis 0"}}},
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
  };
}

}  // namespace registry
