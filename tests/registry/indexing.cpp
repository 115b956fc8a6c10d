// The rows of autograd/ops/indexing.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

// An array, an axis of it, and ids of the array's shape but for that axis.
struct Along {
  Shape x;
  std::ptrdiff_t axis;
  Ids ids;

  explicit Along(Draw& draw) : x(draw.shape(1, 4, 1)), axis(draw.axis(x.rank())) {
    Shape shape = x;
    shape.set(from_front(axis, x.rank()), draw.index(4));
    ids = draw.ids(shape, x[from_front(axis, x.rank())]);
  }
};

}  // namespace

std::vector<Row> indexing() {
  return {
      {.name = "take",
       .valid =
           [](Draw& draw) {
             const Shape table = draw.shape(1, 3, 1);
             const Ids ids = draw.ids(draw.shape(0, 2), table[0]);
             return Call{{table},
                         [ids](const auto& x) { return take(x[0], ids); },
                         fmt::format("np.take(x[0], {}, axis=0)", python(ids))};
           },
       .refusals = {{[] {
                       take(ones({4, 2}), Ids({1, 2}, {0, 4}));
                     },
                     "[take] id 4 at position (0, 1) is outside [0, 4)"},
                    {[] {
                       take(ones({4, 2}), {0, -1});
                     },
                     "[take] id -1 at position (1,) is outside [0, 4)"},
                    {[] { take(ones({}), {0}); },
                     "[take] needs a table with at least one axis, got a number"}}},
      {.name = "reset_rows",
       .valid =
           [](Draw& draw) {
             const Shape x = draw.shape(1, 4);
             const Ids rows = draw.ids({x[0]}, 2);
             Shape column = x;
             for (std::size_t axis = 1; axis < x.rank(); ++axis) column.set(axis, 1);
             return Call{{x},
                         [rows](const auto& v) { return reset_rows(v[0], rows); },
                         fmt::format("np.where({} != 0, 0.0, x[0])", python(rows.reshaped(column)))};
           },
       .refusals = {{[] {
                       reset_rows(ones({3, 2}), {1, 0});
                     },
                     "[reset_rows] a mask of shape (2,) does not fit x of shape (3, 2): it needs one entry "
                     "per row"}}},
      {.name = "gather",
       .valid =
           [](Draw& draw) {
             const Along along(draw);
             return Call{{along.x},
                         [along](const auto& v) { return gather(v[0], along.ids, along.axis); },
                         fmt::format("np.take_along_axis(x[0], {}, axis={})", python(along.ids), along.axis)};
           },
       .refusals =
           {{[] {
               gather(ones({2, 3}), Ids({1, 2}, {0, 1}));
             },
             "[gather] ids of shape (1, 2) do not fit x of shape (2, 3): all axes but axis 1 must agree"},
            {[] {
               gather(ones({2, 3}), Ids({2, 1}, {0, 3}));
             },
             "[gather] id 3 at position (1, 0) is outside [0, 3)"}}},
      {.name = "scatter_add",
       .valid =
           [](Draw& draw) {
             const Along along(draw);
             return Call{{along.x, along.ids.shape()},
                         [along](const auto& v) { return scatter_add(v[0], along.ids, v[1], along.axis); },
                         fmt::format("t[0].scatter_add({}, torch.from_numpy({}), t[1]).numpy()", along.axis,
                                     python(along.ids))};
           },
       .refusals = {{[] {
                       scatter_add(ones({2, 3}), Ids({2, 1}, {0, 3}), ones({2, 1}));
                     },
                     "[scatter_add] id 3 at position (1, 0) is outside [0, 3)"},
                    {[] {
                       scatter_add(ones({2, 3}), Ids({2, 1}, {0, 2}), ones({2, 2}));
                     },
                     "[scatter_add] ids of shape (2, 1) do not fit y of shape (2, 2), expected the same"}}},
      {.name = "one_hot",
       .valid =
           [](Draw& draw) {
             const std::size_t count = draw.size(1);
             const Ids ids = draw.ids(draw.shape(0, 2), count);
             return Call{{},
                         [=]<class T>(const Inputs<T>&) { return xgrad::one_hot<T>(ids, count); },
                         fmt::format("np.eye({})[{}]", count, python(ids))};
           },
       .refusals = {{[] {
                       xgrad::one_hot<double>({0, 2}, 2);
                     },
                     "[one_hot] id 2 at position (1,) is outside [0, 2)"}}},
  };
}

}  // namespace registry
