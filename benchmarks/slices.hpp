// What the benchmark of slicing times: T steps of one sequence, each read by an op and its gradient added
// back, beside the same reads and additions by hand. Both are a fixed time for a step, however long the
// sequence is.
#pragma once

#include <cstddef>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

struct Sequence {
  std::size_t N, T, D;
};

/// Selects each step of xs: (T, N, D), and sweeps back from all.
class Slices {
 public:
  explicit Slices(const Sequence& s) : T_(s.T), xs_(Array<float>::full({s.T, s.N, s.D}, 1)) {}

  void operator()() {
    Tape<float> tape;
    const auto xs = tape.leaf(xs_);
    Variable<float> h(Array<float>::zeros({xs.shape()[1], xs.shape()[2]}));
    for (std::size_t t = 0; t < T_; ++t) h += select(xs, static_cast<std::ptrdiff_t>(t));
    dxs_ = tape.gradient(h, {.seed = Array<float>::full(h.shape(), 1)})[xs];
  }

 private:
  std::size_t T_;
  Array<float> xs_, dxs_;
};

/// The numbers moved by the least: a sum over the steps, and a gradient of zeros to which each step's is
/// added.
class BareSlices {
 public:
  explicit BareSlices(const Sequence& s) : T_(s.T), xs_(Array<float>::full({s.T, s.N, s.D}, 1)) {}

  void operator()() {
    const std::size_t width = xs_.size() / T_;
    auto h = Array<float>::zeros({width}), dxs = Array<float>::zeros(xs_.shape());
    float *const sum = h.mutable_data(), *const dx = dxs.mutable_data();
    for (std::size_t t = 0; t < T_; ++t)
      for (std::size_t i = 0; i < width; ++i) sum[i] += xs_.data()[t * width + i];
    for (std::size_t t = T_; t-- > 0;)
      for (std::size_t i = 0; i < width; ++i) dx[t * width + i] += 1;
    h_ = h;
    dxs_ = dxs;
  }

 private:
  std::size_t T_;
  Array<float> xs_, h_, dxs_;
};

}  // namespace xgrad
