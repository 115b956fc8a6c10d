// The rows of autograd/ops/softmax.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

// F: (variable, axis) to variable.
template <class F>
std::function<Call(Draw&)> along(F f, const std::string& python) {
  return [=](Draw& draw) {
    const Shape x = draw.shape(1, 4, draw.coin() ? 1 : 0);
    for (int tries = 0; tries < 100; ++tries) {
      const auto rank = static_cast<std::ptrdiff_t>(x.rank()), axis = draw.number(-rank, rank - 1);
      if (x[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)] == 0) continue;
      return Call{{x},
                  [=](const auto& v) { return f(v[0], axis); },
                  fmt::format("{}(t[0], dim={}).numpy()", python, axis)};
    }
    return Call{{{3}}, [=](const auto& v) { return f(v[0], 0); }, python + "(t[0], dim=0).numpy()"};
  };
}

}  // namespace

std::vector<Row> softmax() {
  return {
      {.name = "softmax",
       .valid = along([](const auto& x, std::ptrdiff_t axis) { return softmax(x, axis); }, "torch.softmax"),
       .refusals = {{[] {
                       softmax(ones({2, 0}));
                     },
                     "[softmax] axis 1 of shape (2, 0) is empty"},
                    {[] { softmax(ones({2}), 1); }, "[softmax] axis 1 does not exist in shape (2,)"}}},
      {.name = "log_softmax",
       .valid = along([](const auto& x, std::ptrdiff_t axis) { return log_softmax(x, axis); },
                      "torch.log_softmax"),
       .refusals = {{[] {
                       log_softmax(ones({0, 2}), 0);
                     },
                     "[log_softmax] axis 0 of shape (0, 2) is empty"}}},
  };
}

}  // namespace registry
