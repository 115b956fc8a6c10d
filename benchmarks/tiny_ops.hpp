// A chain of ops on 4 x 4 numbers, forward and back: what the tape itself costs, beside the same by hand.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

inline constexpr std::size_t tiny_ops = 999;  // a third each of multiply, add and tanh

class TinyOps {
 public:
  void operator()() {
    Tape<float> tape;
    const auto x = tape.leaf(x_);
    Variable<float> y = x;
    for (std::size_t i = 0; i < tiny_ops; i += 3) y = tanh(y * x + x);
    dx_ = tape.gradient(y, {.seed = x_})[x];
  }

 private:
  Array<float> x_ = Array<float>::full({4, 4}, 0.5F), dx_;
};

/// y = tanh(y x + x) and its gradient in plain loops, the values kept in an array.
class BareTinyOps {
 public:
  void operator()() {
    for (std::size_t k = 0; k < 16; ++k) ys_[0][k] = 0.5F;
    for (std::size_t i = 0; i < steps; ++i)
      for (std::size_t k = 0; k < 16; ++k) ys_[i + 1][k] = std::tanh(ys_[i][k] * 0.5F + 0.5F);
    std::array<float, 16> dy;
    dy.fill(0.5F);
    dx_.fill(0);
    for (std::size_t i = steps; i-- > 0;)
      for (std::size_t k = 0; k < 16; ++k) {
        const float dz = dy[k] * (1 - ys_[i + 1][k] * ys_[i + 1][k]);
        dx_[k] += dz * (ys_[i][k] + 1);
        dy[k] = dz * 0.5F;
      }
  }

 private:
  static constexpr std::size_t steps = tiny_ops / 3;
  std::array<std::array<float, 16>, steps + 1> ys_;
  std::array<float, 16> dx_;
};

}  // namespace xgrad
