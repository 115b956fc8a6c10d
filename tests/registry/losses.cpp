// The rows of autograd/ops/losses.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

using xgrad::CrossEntropyOptions;
using xgrad::Reduction;

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

// Ignored targets, class weights and smoothing in every combination.
Call draw_weighted_cross_entropy(Draw& draw) {
  const Shape rows = draw.shape(0, 2);
  const std::size_t V = draw.size(1);
  Shape shape = rows;
  shape.push_back(V);
  CrossEntropyOptions options;
  options.label_smoothing = 0.1 * static_cast<double>(draw.number(0, 2));
  std::string more = fmt::format("label_smoothing={}", options.label_smoothing);
  if (draw.coin()) {
    for (std::size_t v = 0; v < V; ++v)
      options.weights.push_back(0.25 * static_cast<double>(draw.number(0, 8)));
    more += fmt::format(", weight=torch.tensor([{}], dtype=torch.double)", fmt::join(options.weights, ", "));
  }
  Ids targets = draw.ids(rows, V);
  if (draw.coin()) {
    options.ignore = -1;
    more += ", ignore_index=-1";
    std::vector<Ids::value_type> some(targets.begin(), targets.end());
    for (auto& target : some)
      if (draw.number(0, 2) == 0) target = -1;
    targets = Ids(rows, some);
  }
  return {{shape},
          [=](const auto& v) { return cross_entropy(v[0], targets, options).sum; },
          fmt::format("F.cross_entropy(t[0].reshape(-1, {}), torch.from_numpy({}).reshape(-1), "
                      "reduction='sum', {}).numpy()",
                      V, python(targets), more)};
}

// Of one to all rows at a time.
Call draw_affine_cross_entropy(Draw& draw) {
  const bool mean = draw.coin(), turned = draw.coin();
  Shape rows;
  do rows = draw.shape(0, 2, mean ? 1 : 0);
  while (rows.size() > 20);
  const std::size_t K = draw.size(), V = draw.size(1);
  Shape x = rows;
  x.push_back(K);
  const Ids targets = draw.ids(rows, V);
  const xgrad::AffineCrossEntropyOptions options{
      .reduction = mean ? Reduction::mean : Reduction::sum,
      .transpose = turned ? xgrad::Transpose::second : xgrad::Transpose::none,
      .rows = 1 + draw.index(rows.size() + 1)};
  return {{x, turned ? Shape{V, K} : Shape{K, V}, {V}},
          [=](const auto& v) {
            return affine_cross_entropy({v[0], v[1]}, v[2], targets, options);
          },
          fmt::format("F.cross_entropy((t[0] @ t[1]{} + t[2]).reshape(-1, {}), "
                      "torch.from_numpy({}).reshape(-1), reduction='{}').numpy()",
                      turned ? ".T" : "", V, python(targets), mean ? "mean" : "sum")};
}

// F: (outputs, targets, reduction) to variable; `python` is a function of PyTorch.
template <class F>
std::function<Call(Draw&)> between(F f, const std::string& python, const std::string& more = "") {
  return [=](Draw& draw) {
    const Reduction reductions[] = {Reduction::mean, Reduction::sum, Reduction::none};
    const char* const names[] = {"mean", "sum", "none"};
    const std::size_t r = draw.index(3);
    const Shape x = draw.shape(0, 4, reductions[r] == Reduction::mean ? 1 : 0);
    return Call{{x, x},
                [=, reduction = reductions[r]](const auto& v) { return f(v[0], v[1], reduction); },
                fmt::format("{}(t[0], t[1], reduction='{}'{}).numpy()", python, names[r], more)};
  };
}

// Outputs that are clearly above or below their targets.
const Domain outputs{-2, 2, {60, -60}, 0.5}, targets{-0.3, 0.3, {1e-30, -1e-60}};

}  // namespace

std::vector<Row> losses() {
  return {
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
      {.name = "affine_cross_entropy",
       .valid = draw_affine_cross_entropy,
       .refusals = {{[] {
                       affine_cross_entropy({ones({2, 3}), ones({4, 5})}, ones({5}), {0, 1});
                     },
                     "[affine_cross_entropy] needs x: (..., K) and W: (K, V), got (2, 3) and (4, 5)"},
                    {[] {
                       affine_cross_entropy({ones({2, 3}), ones({3, 5})}, ones({5}), {0, 1},
                                            {.transpose = xgrad::Transpose::second});
                     },
                     "[affine_cross_entropy] needs x: (..., K) and W: (V, K), got (2, 3) and (3, 5)"},
                    {[] {
                       affine_cross_entropy({ones({2, 3}), ones({3, 5})}, ones({5}), {0, 1},
                                            {.transpose = xgrad::Transpose::first});
                     },
                     "[affine_cross_entropy] can transpose W alone"},
                    {[] {
                       affine_cross_entropy({ones({2, 3}), ones({3, 5})}, ones({3}), {0, 1});
                     },
                     "[affine_cross_entropy] needs b of shape (5,), got (3,)"},
                    {[] {
                       affine_cross_entropy({ones({2, 3}), ones({3, 5})}, ones({5}), {0, 5});
                     },
                     "[affine_cross_entropy] target 5 at position (1,) is outside [0, 5)"},
                    {[] {
                       affine_cross_entropy({ones({2, 3}), ones({3, 5})}, ones({5}), {0});
                     },
                     "[affine_cross_entropy] targets of shape (1,) must have the axes of x of shape (2, 3) "
                     "except the last"},
                    {[] {
                       affine_cross_entropy({ones({0, 3}), ones({3, 5})}, ones({5}), Ids());
                     },
                     "[affine_cross_entropy] the mean over no targets"},
                    {[] {
                       affine_cross_entropy({ones({1, 3}), ones({3, 5})}, ones({5}), {0},
                                            {.reduction = Reduction::none});
                     },
                     "[affine_cross_entropy] reduces to the mean or the sum, not to none"},
                    {[] {
                       affine_cross_entropy({ones({1, 3}), ones({3, 5})}, ones({5}), {0}, {.rows = 0});
                     },
                     "[affine_cross_entropy] needs at least one row of logits at a time, got rows = 0"}},
       .domains = {{-1, 1, {1e-30, -1e-60}}}},
      {.name = "cross_entropy",
       .valid = draw_weighted_cross_entropy,
       .refusals = {{[] {
                       cross_entropy(ones({2, 3}), {0, 3});
                     },
                     "[cross_entropy] target 3 at position (1,) is outside [0, 3)"},
                    {[] {
                       cross_entropy(ones({2, 3}), {0, -1}, {.ignore = -2});
                     },
                     "[cross_entropy] target -1 at position (1,) is outside [0, 3)"},
                    {[] {
                       cross_entropy(ones({2, 3}), {-1, 7}, {.ignore = -1});
                     },
                     "[cross_entropy] target 7 at position (1,) is outside [0, 3)"},
                    {[] {
                       cross_entropy(ones({2, 3}), {0});
                     },
                     "[cross_entropy] targets of shape (1,) must have the axes of logits of shape (2, 3) "
                     "except the last"},
                    {[] {
                       cross_entropy(ones({2, 3}), {0, 1}, {.weights = {1, 2}});
                     },
                     "[cross_entropy] 2 class weights were given for 3 classes"},
                    {[] {
                       cross_entropy(ones({1, 2}), {0}, {.weights = {1, -2}});
                     },
                     "[cross_entropy] the weight of class 1 is -2, expected >= 0"},
                    {[] {
                       cross_entropy(ones({1, 2}), {0}, {.label_smoothing = 1.5});
                     },
                     "[cross_entropy] needs a label smoothing in [0, 1], got 1.5"},
                    {[] {
                       cross_entropy(ones({1, 2}), {7}, {.ignore = 7}).mean();
                     },
                     "[LossSum] the mean over no targets"}}},
      {.name = "binary_cross_entropy_with_logits",
       .valid = between([](const auto& x, const auto& t,
                           Reduction r) { return binary_cross_entropy_with_logits(x, t, r); },
                        "F.binary_cross_entropy_with_logits"),
       .refusals = {{[] { binary_cross_entropy_with_logits(ones({2}), ones({3})); },
                     "[binary_cross_entropy_with_logits] targets of shape (3,) do not fit outputs of shape "
                     "(2,), expected the same"}},
       .domains = {{}, {0, 1, {1e-30}}}},
      {.name = "squared_error",
       .valid = between([](const auto& y, const auto& t, Reduction r) { return squared_error(y, t, r); },
                        "F.mse_loss"),
       .refusals =
           {{[] { squared_error(ones({0}), ones({0})); }, "[squared_error] the mean over no targets"},
            {[] {
               squared_error(ones({2, 1}), ones({2}));
             },
             "[squared_error] targets of shape (2,) do not fit outputs of shape (2, 1), expected the same"}}},
      {.name = "absolute_error",
       .valid = between([](const auto& y, const auto& t, Reduction r) { return absolute_error(y, t, r); },
                        "F.l1_loss"),
       .refusals =
           {{[] { absolute_error(ones({2}), ones({})); },
             "[absolute_error] targets of shape () do not fit outputs of shape (2,), expected the same"}},
       .domains = {outputs, targets}},
      {.name = "huber",
       .valid =
           [](Draw& draw) {
             const double delta = draw.coin() ? 0.125 : 2.5;  // no difference is near
             return between([=](const auto& y, const auto& t, Reduction r) { return huber(y, t, delta, r); },
                            "F.huber_loss", fmt::format(", delta={}", delta))(draw);
           },
       .refusals = {{[] { huber(ones({2}), ones({2}), 0); }, "[huber] needs delta > 0, got 0"},
                    {[] { huber(ones({2}), ones({1})); },
                     "[huber] targets of shape (1,) do not fit outputs of shape (2,), expected the same"}},
       .domains = {outputs, targets}},
  };
}

}  // namespace registry
