// The rows of autograd/ops/elementwise.hpp.
#include "registry/registry.hpp"

namespace registry {

namespace {

std::function<Call(Draw&)> unary(Function f, const std::string& python) {
  return [=](Draw& draw) { return Call{{draw.shape()}, f, python}; };
}

const Domain positive{0.5, 3, {1e-30, 1e-60, 60}};

}  // namespace

std::vector<Op> elementwise() {
  return {
      {.name = "tanh",
       .valid = unary([](const auto& x) { return tanh(x[0]); }, "np.tanh(x[0])"),
       .elementwise = true},
      {.name = "sigmoid",
       .valid = unary([](const auto& x) { return sigmoid(x[0]); }, "1 / (1 + np.exp(-x[0]))"),
       .elementwise = true},
      {.name = "exp",
       .valid = unary([](const auto& x) { return exp(x[0]); }, "np.exp(x[0])"),
       .elementwise = true},
      {.name = "expm1",
       .valid = unary([](const auto& x) { return expm1(x[0]); }, "np.expm1(x[0])"),
       .elementwise = true},
      {.name = "log",
       .valid = unary([](const auto& x) { return log(x[0]); }, "np.log(x[0])"),
       .domains = {positive},
       .elementwise = true},
      {.name = "square",
       .valid = unary([](const auto& x) { return square(x[0]); }, "np.square(x[0])"),
       .elementwise = true},
      {.name = "sqrt",
       .valid = unary([](const auto& x) { return sqrt(x[0]); }, "np.sqrt(x[0])"),
       .domains = {positive},
       .elementwise = true},
      {.name = "relu",
       .valid = unary([](const auto& x) { return relu(x[0]); }, "np.maximum(x[0], 0)"),
       .domains = {{-2, 2, {1e-30, -1e-60, 60, -60}, 0.5}},
       .elementwise = true},
  };
}

}  // namespace registry
