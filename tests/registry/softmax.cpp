// The rows of autograd/ops/softmax.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

using xgrad::Reduction;

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

Call draw_cross_entropy(Draw& draw) {
  const Reduction reductions[] = {Reduction::mean, Reduction::sum, Reduction::none};
  const char* const names[] = {"mean", "sum", "none"};
  const std::size_t r = draw.index(3);
  const Shape logits = draw.shape(1, 3, reductions[r] == Reduction::mean ? 1 : 0);
  Shape rows(logits.begin(), logits.end() - 1);
  const std::size_t V = std::max<std::size_t>(logits.back(), 1);
  rows = rows.size() == 0 && reductions[r] == Reduction::mean ? Shape{} : rows;
  Shape shape = rows;
  shape.push_back(V);
  const Ids targets = draw.ids(rows, V);
  return {{shape},
          [=, reduction = reductions[r]](const auto& v) {
            return softmax_cross_entropy(v[0], targets, reduction);
          },
          fmt::format("F.cross_entropy(t[0].reshape(-1, {}), torch.from_numpy({}).reshape(-1), "
                      "reduction='{}').reshape({}).numpy()",
                      V, python(targets), names[r], reductions[r] == Reduction::none ? python(rows) : "()")};
}

}  // namespace

std::vector<Op> softmax() {
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
      {.name = "softmax_cross_entropy",
       .valid = draw_cross_entropy,
       .refusals = {{[] {
                       softmax_cross_entropy(ones({2, 3}), {0, 3});
                     },
                     "[softmax_cross_entropy] target 3 at position (1,) is outside [0, 3)"},
                    {[] {
                       softmax_cross_entropy(ones({2, 3}), {0});
                     },
                     "[softmax_cross_entropy] targets of shape (1,) must have the axes of logits of shape "
                     "(2, 3) except the "
                     "last"},
                    {[] {
                       softmax_cross_entropy(ones({0, 3}), Ids());
                     },
                     "[softmax_cross_entropy] the mean over no targets"}}},
  };
}

}  // namespace registry
