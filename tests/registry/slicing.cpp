// The rows of autograd/ops/slicing.hpp.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

Call draw_select(Draw& draw) {
  const Shape x = draw.shape(1, 4, 1);
  const auto axis = draw.axis(x.rank());
  const auto n = Draw::signed_of(x[from_front(axis, x.rank())]), i = draw.number(-n, n - 1);
  return {{x},
          [=](const auto& v) { return select(v[0], i, axis); },
          fmt::format("np.take(x[0], {}, axis={})", i, axis)};
}

Call draw_slice(Draw& draw) {
  const Shape x = draw.shape(1, 4);
  const auto axis = draw.axis(x.rank());
  const auto n = Draw::signed_of(x[from_front(axis, x.rank())]), first = draw.number(0, n),
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
  const auto axis = draw.axis(part.rank() + 1);
  const auto count = static_cast<std::size_t>(draw.number(1, 3));
  return {std::vector<Shape>(count, part), [=](const auto& v) { return stack(v, axis); },
          fmt::format("np.stack(x, axis={})", axis)};
}

Call draw_concat(Draw& draw) {
  Shape part;
  do part = draw.shape(1, 4);
  while (part.size() > 60);
  const auto axis = draw.axis(part.rank());
  std::vector<Shape> shapes;
  for (auto k = draw.number(1, 3); k > 0; --k) {
    shapes.push_back(part);
    if (draw.coin()) shapes.back().set(from_front(axis, part.rank()), draw.index(4));
  }
  return {shapes, [=](const auto& v) { return concat(v, axis); },
          fmt::format("np.concatenate(x, axis={})", axis)};
}

// A range of each of the first axes, with steps in both directions; bounds from either end, or none.
Call draw_ranges(Draw& draw) {
  const Shape x = draw.shape(1, 4);
  std::vector<xgrad::Range> ranges;
  std::string text;
  for (std::size_t a = 0; a < x.rank() && (a == 0 || draw.coin()); ++a) {
    const auto n = Draw::signed_of(x[a]);
    xgrad::Range range;
    if (draw.coin()) range.first = draw.number(-n, n);
    if (draw.coin()) range.last = draw.number(-n, n);
    do range.step = draw.number(-3, 3);
    while (range.step == 0);
    ranges.push_back(range);
    const auto bound = [](std::optional<std::ptrdiff_t> b) { return b ? fmt::format("{}", *b) : ""; };
    text += fmt::format("{}:{}:{}, ", bound(range.first), bound(range.last), range.step);
  }
  return {{x}, [ranges](const auto& v) { return slice(v[0], ranges); }, fmt::format("x[0][{}]", text)};
}

// The parts joined in reverse order.
Call draw_split(Draw& draw) {
  const Shape x = draw.shape(1, 4);
  const auto axis = draw.axis(x.rank());
  const std::size_t n = x[from_front(axis, x.rank())];
  const auto reversed = [axis](auto parts) {
    std::reverse(parts.begin(), parts.end());
    return concat(parts, axis);
  };
  if (draw.coin()) {
    std::size_t count = 1 + draw.index(3);
    while (n % count != 0) --count;
    return {{x},
            [=](const auto& v) { return reversed(split(v[0], count, axis)); },
            fmt::format("np.concatenate(np.split(x[0], {}, axis={})[::-1], axis={})", count, axis, axis)};
  }
  const std::size_t first = draw.index(n + 1), second = draw.index(n - first + 1);
  return {{x},
          [=](const auto& v) {
            return reversed(split(v[0], std::vector<std::size_t>{first, second, n - first - second}, axis));
          },
          fmt::format("np.concatenate(np.split(x[0], [{}, {}], axis={})[::-1], axis={})", first,
                      first + second, axis, axis)};
}

}  // namespace

std::vector<Row> slicing() {
  return {
      {.name = "select",
       .valid = draw_select,
       .refusals = {{[] {
                       select(ones({2, 3}), 3, 1);
                     },
                     "[select] index 3 is outside an axis of size 3 of shape (2, 3)"},
                    {[] { select(ones({}), 0); }, "[select] axis 0 does not exist in shape ()"}}},
      {.name = "slice",
       .valid = [](Draw& draw) { return draw.coin() ? draw_slice(draw) : draw_ranges(draw); },
       .refusals = {{[] {
                       slice(ones({2, 3}), 0, 3);
                     },
                     "[slice] last 3 is outside an axis of size 2 of shape (2, 3)"},
                    {[] {
                       slice(ones({2, 3}), 2, 1, 1);
                     },
                     "[slice] [2, 1) runs backwards along axis 1 of shape (2, 3)"},
                    {[] {
                       slice(ones({2, 3}), {{}, {.first = 4}});
                     },
                     "[slice] first 4 is outside an axis of size 3 of shape (2, 3)"},
                    {[] {
                       slice(ones({2, 3}), {{}, {}, {}});
                     },
                     "[slice] 3 ranges were given for shape (2, 3)"},
                    {[] {
                       slice(ones({2, 3}), {{.step = 0}});
                     },
                     "[slice] a step of 0 along axis 0 of shape (2, 3)"}}},
      {.name = "split",
       .valid = draw_split,
       .refusals = {{[] {
                       split(ones({2, 3}), 2, 1);
                     },
                     "[split] axis 1 of shape (2, 3) does not divide into 2 equal parts"},
                    {[] {
                       split(ones({2, 3}), std::vector<std::size_t>{1, 1}, 1);
                     },
                     "[split] sizes (1, 1) do not add up to axis 1 of shape (2, 3)"}}},
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
  };
}

}  // namespace registry
