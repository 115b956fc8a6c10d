// The rows of autograd/ops/activation.hpp.
#include <fmt/format.h>

#include "registry/registry.hpp"

namespace registry {

namespace {

// F: (variable, slope) to variable; `python` has {} for the slope.
template <class F>
std::function<Call(Draw&)> with_slope(F f, const char* python) {
  return [=](Draw& draw) {
    const double slope = 0.25 * static_cast<double>(draw.number(1, 6));
    return Call{{draw.shape()},
                [=](const auto& x) { return f(x[0], slope); },
                fmt::format(fmt::runtime(python), slope)};
  };
}

}  // namespace

std::vector<Row> activation() {
  return {
      {.name = "tanh",
       .valid = unary([](const auto& x) { return tanh(x[0]); }, "np.tanh(x[0])"),
       .elementwise = true},
      {.name = "sigmoid",
       .valid = unary([](const auto& x) { return sigmoid(x[0]); }, "1 / (1 + np.exp(-x[0]))"),
       .elementwise = true},
      {.name = "softplus",
       .valid = unary([](const auto& x) { return softplus(x[0]); }, "np.logaddexp(0, x[0])"),
       .elementwise = true},
      {.name = "log_sigmoid",
       .valid = unary([](const auto& x) { return log_sigmoid(x[0]); }, "-np.logaddexp(0, -x[0])"),
       .elementwise = true},
      {.name = "relu",
       .valid = unary([](const auto& x) { return relu(x[0]); }, "np.maximum(x[0], 0)"),
       .domains = {away_from_0},
       .elementwise = true},
      {.name = "leaky_relu",
       .valid = with_slope([](const auto& x, double slope) { return leaky_relu(x, slope); },
                           "np.where(x[0] <= 0, {} * x[0], x[0])"),
       .domains = {away_from_0},
       .elementwise = true},
      {.name = "elu",
       .valid = with_slope([](const auto& x, double alpha) { return elu(x, alpha); },
                           "np.where(x[0] <= 0, {} * np.expm1(x[0]), x[0])"),
       .domains = {away_from_0},
       .elementwise = true},
      {.name = "gelu",
       .valid =
           unary([](const auto& x) { return gelu(x[0]); },
                 // With the digits that x / sqrt(2) loses: far below 0 they decide. Below -50 it is 0.
                 "(lambda a, e: 0.5 * np.maximum(x[0], -50) * (np.vectorize(math.erfc, otypes=[float])(a) - "
                 "1.1283791670955126 * np.exp(-a * a) * np.nan_to_num(e)))(-x[0] / math.sqrt(2), "
                 "np.double(x[0] / math.sqrt(2) - x[0].astype(np.longdouble) / np.sqrt(np.longdouble(2))))"),
       .elementwise = true},
  };
}

}  // namespace registry
