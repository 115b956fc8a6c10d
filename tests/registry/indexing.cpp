// The rows of autograd/ops/indexing.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

std::vector<Op> indexing() {
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
  };
}

}  // namespace registry
