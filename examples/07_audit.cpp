// Is a backward pass that somebody wrote by hand right? Here is one for a small recurrent network, as it
// might be found in old code: forward and back without a library. It runs, and training with it makes the
// loss fall. It has two mistakes: the slope of tanh is taken of what tanh returned, and nothing flows back
// through time.
#include <cmath>
#include <iostream>
#include <vector>

#include <xgrad/autograd/audit.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/time_step.hpp>

using namespace xgrad;

constexpr std::size_t T = 6, D = 2, H = 3;

// x_t[d], and what the first unit should be at step t.
double input(std::size_t t, std::size_t d) { return std::sin(static_cast<double>(3 * t + 5 * d)); }
double target(std::size_t t) { return std::cos(static_cast<double>(t)); }

// The old code: h_t = tanh(U x_t + W h_{t-1}), L = 1/2 sum_t (h_t[0] - target_t)^2; dU and dW in row-major
// order.
Values old_backward(const Values& values) {
  const double *U = values.at("U").data(), *W = values.at("W").data();
  std::vector<std::vector<double>> h(T + 1, std::vector<double>(H, 0));
  std::vector<double> dU(H * D, 0), dW(H * H, 0);
  for (std::size_t t = 0; t < T; ++t) {
    for (std::size_t i = 0; i < H; ++i) {
      double a = 0;
      for (std::size_t d = 0; d < D; ++d) a += U[i * D + d] * input(t, d);
      for (std::size_t k = 0; k < H; ++k) a += W[i * H + k] * h[t][k];
      h[t + 1][i] = std::tanh(a);
    }
    const double slope = 1 - std::pow(std::tanh(h[t + 1][0]), 2);
    const double delta = (h[t + 1][0] - target(t)) * slope;
    for (std::size_t d = 0; d < D; ++d) dU[d] += delta * input(t, d);
    for (std::size_t k = 0; k < H; ++k) dW[k] += delta * h[t][k];
  }
  return {{"U", Array<double>({H, D}, dU)}, {"W", Array<double>({H, H}, dW)}};
}

int main() {
  const auto forward = [](auto p) {  // the same network, forward only; p: Parameters<T>
    const auto U = p.weight("U", {H, D}), W = p.weight("W", {H, H});
    auto h = p.constant(Array<double>::zeros({H}));
    auto loss = p.constant(Array<double>(0.0));
    for (std::size_t t = 0; t < T; ++t) {
      const TimeStep now(t);
      h = tanh(matmul(U, p.constant(Array<double>({D}, {input(t, 0), input(t, 1)}))) + matmul(W, h));
      loss += 0.5 * square(select(h, 0) - target(t));
    }
    return loss;
  };
  const auto report = audit(forward, old_backward);
  std::cout << report << "\n";
  return report.findings.size() == 2 ? 0 : 1;
}
