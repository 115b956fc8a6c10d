// What the benchmarks of output layers time: loss and gradients of a layer alone, for the outputs of a window
// of 700 tokens that follow Zipf's law.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include <xgrad/layers/adaptive_softmax.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/sampled_softmax.hpp>

namespace xgrad {

/// A full, "adaptive" or "sampled" layer over V tokens, for outputs of width 100.
class OutputStep {
 public:
  static constexpr std::size_t rows = 700, width = 100;

  OutputStep(const std::string& kind, std::size_t V) : targets_(zipf(V)) {
    if (kind == "adaptive")
      layer_.emplace<AdaptiveSoftmax<float>>(parameters_, width, V);
    else if (kind == "sampled")
      layer_.emplace<SampledSoftmax<float>>(parameters_, width, V);
    else
      layer_.emplace<Affine<float>>(parameters_, width, V);
    std::vector<double> values(rows * width);
    Random random(1);
    uniform(-1, 1)(random, values);
    ys_ = Array<double>({rows, width}, values).cast<float>();
  }

  void operator()() {
    Tape<float> tape;
    const auto ys = tape.leaf(ys_);
    const auto loss = std::visit([&](const auto& layer) { return loss_of(layer, ys); }, layer_);
    gradients_ = tape.gradient(loss);
    ++step_;
  }

 private:
  Variable<float> loss_of(const Affine<float>& layer, const Variable<float>& ys) const {
    return softmax_cross_entropy(layer(ys), targets_);
  }
  Variable<float> loss_of(const AdaptiveSoftmax<float>& layer, const Variable<float>& ys) const {
    return layer.loss(ys, targets_);
  }
  Variable<float> loss_of(const SampledSoftmax<float>& layer, const Variable<float>& ys) const {
    return layer.loss(ys, targets_, Reduction::mean, RandomKey(1).fold(step_));
  }
  Variable<float> loss_of(std::monostate, const Variable<float>& ys) const { return sum(ys); }

  // Token r with a probability near 1 / (r + 1).
  static Ids zipf(std::size_t V) {
    Random random(2);
    std::vector<Ids::value_type> ids(rows);
    for (auto& id : ids)
      id = static_cast<Ids::value_type>(std::pow(static_cast<double>(V), random.uniform())) - 1;
    return Ids(std::move(ids));
  }

  Parameters<float> parameters_;
  std::variant<std::monostate, Affine<float>, AdaptiveSoftmax<float>, SampledSoftmax<float>> layer_;
  Ids targets_;
  Array<float> ys_;
  Gradients<float> gradients_;
  std::uint64_t step_ = 0;
};

}  // namespace xgrad
