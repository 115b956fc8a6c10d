// One op forward and back, on 2^14 and 2^20 floats, and what stands beside it: exp for an elementwise op,
// along the last axis for one along the first, a plain loop for one that moves elements. Start with
// `op_workloads`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

/// An op on (n, n) floats that is timed, and what stands beside it.
struct OpWorkload {
  using Function = std::function<Variable<float>(const Variable<float>&, const Variable<float>&)>;
  std::string name, beside;
  std::function<void()> step, rival;
};

/// The value and the gradients of f(x, y) by x and y.
class OpStep {
 public:
  OpStep(std::size_t n, OpWorkload::Function f)
      : f_(std::move(f)), x_(numbers(n, 1)), y_(numbers(n, 2)), ones_(Array<float>::full({n, n}, 1)) {}

  void operator()() {
    Tape<float> tape;
    const auto x = tape.leaf(x_), y = tape.leaf(y_);
    const auto z = f_(x, y);
    if (z.shape() == ones_.shape())
      gradients_ = tape.gradient(z, {.seed = ones_});
    else
      gradients_ = tape.gradient(z, {.seed = Array<float>::full(z.shape(), 1)});
  }

 private:
  // In (0.1, 1.1), the domain of every function.
  static Array<float> numbers(std::size_t n, std::uint32_t seed) {
    std::vector<double> values(n * n);
    Random random(seed);
    uniform(0.1, 1.1)(random, values);
    return Array<double>({n, n}, values).cast<float>();
  }

  OpWorkload::Function f_;
  Array<float> x_, y_, ones_;
  Gradients<float> gradients_;
};

/// Each element from place ids[i] of its row, or of its column, and back, in loops.
class BareGather {
 public:
  BareGather(std::size_t n, std::vector<std::size_t> ids, int axis)
      : n_(n), ids_(std::move(ids)), axis_(axis), x_(n * n, 1), y_(n * n), dx_(n * n) {}
  void operator()() {
    std::fill(dx_.begin(), dx_.end(), 0.0F);
    const std::size_t step = axis_ == 0 ? n_ : 1;
    for (std::size_t row = 0; row < n_; ++row)
      for (std::size_t j = 0; j < n_; ++j)
        y_[row * n_ + j] = x_[(axis_ == 0 ? j : row * n_) + ids_[row * n_ + j] * step];
    for (std::size_t row = 0; row < n_; ++row)
      for (std::size_t j = 0; j < n_; ++j) dx_[(axis_ == 0 ? j : row * n_) + ids_[row * n_ + j] * step] += 1;
  }

 private:
  std::size_t n_;
  std::vector<std::size_t> ids_;
  int axis_;
  std::vector<float> x_, y_, dx_;
};

/// Sums along rows and, of ones, back along rows, in loops.
class BareCumsum {
 public:
  explicit BareCumsum(std::size_t n) : n_(n), x_(n * n, 1), y_(n * n), dx_(n * n) {}
  void operator()() {
    for (std::size_t row = 0; row < n_ * n_; row += n_) {
      float total = 0;
      for (std::size_t i = 0; i < n_; ++i) y_[row + i] = total += x_[row + i];
    }
    for (std::size_t row = 0; row < n_ * n_; row += n_) {
      float total = 0;
      for (std::size_t i = n_; i-- > 0;) dx_[row + i] = total += x_[row + i];
    }
  }

 private:
  std::size_t n_;
  std::vector<float> x_, y_, dx_;
};

inline std::vector<OpWorkload> op_workloads(std::size_t n) {
  using V = const Variable<float>&;
  using Function = OpWorkload::Function;
  const auto step = [n](Function f) { return std::function<void()>(OpStep(n, std::move(f))); };
  const auto exp_of = [](V x, V) { return exp(x); };
  std::vector<OpWorkload> result;
  const auto beside_exp = [&](const std::string& name, const Function& f) {
    result.push_back({"Elementwise/" + name, "exp", step(f), step(exp_of)});
  };
  const std::pair<const char*, Variable<float> (*)(V)> functions[] = {
      {"expm1", expm1},       {"log", log},
      {"log1p", log1p},       {"sin", sin},
      {"cos", cos},           {"erf", erf},
      {"square", square},     {"sqrt", sqrt},
      {"rsqrt", rsqrt},       {"abs", abs},
      {"tanh", tanh},         {"sigmoid", sigmoid},
      {"softplus", softplus}, {"log_sigmoid", log_sigmoid},
      {"relu", relu},         {"gelu", gelu}};
  for (const auto& [name, function] : functions) beside_exp(name, [f = function](V x, V) { return f(x); });
  beside_exp("leaky_relu", [](V x, V) { return leaky_relu(x); });
  beside_exp("elu", [](V x, V) { return elu(x); });
  beside_exp("clip", [](V x, V) { return clip(x, 0.3, 0.7); });
  beside_exp("pow of a number", [](V x, V) { return pow(x, 1.3); });
  beside_exp("pow", [](V x, V y) { return pow(x, y); });
  beside_exp("add", [](V x, V y) { return x + y; });
  beside_exp("multiply", [](V x, V y) { return x * y; });
  beside_exp("divide", [](V x, V y) { return x / y; });
  beside_exp("maximum", [](V x, V y) { return maximum(x, y); });
  beside_exp("minimum", [](V x, V y) { return minimum(x, y); });

  std::vector<Ids::value_type> mask(n * n), places(n * n);
  for (std::size_t i = 0; i < n * n; ++i) {
    const std::size_t scattered = i * 2654435761U % 4294967291U;
    mask[i] = static_cast<Ids::value_type>(scattered / 1024 % 2);
    places[i] = static_cast<Ids::value_type>(scattered % n);
  }
  const Ids marked({n, n}, mask), chosen({n, n}, places);
  beside_exp("where", [marked](V x, V y) { return where(marked, x, y); });
  result.push_back({"Where/functions", "functions", step([marked](V x, V) {
                      return where(
                          marked, x, [](V u) { return exp(u); }, [](V u) { return tanh(u); });
                    }),
                    [first = OpStep(n / 2, [](V x, V) { return exp(x); }),
                     second = OpStep(n / 2, [](V x, V) { return tanh(x); })]() mutable {
                      for (int i = 0; i < 2; ++i) first(), second();  // each on half of the elements
                    }});

  const auto by_axis = [&](const std::string& name, auto f) {
    result.push_back({"Axis 0/" + name, "axis 1", step([f](V x, V) { return f(x, 0); }),
                      step([f](V x, V) { return f(x, 1); })});
  };
  by_axis("sum", [](V x, int axis) { return sum(x, axis); });
  by_axis("mean", [](V x, int axis) { return mean(x, axis); });
  by_axis("prod", [](V x, int axis) { return prod(x, axis); });
  by_axis("variance", [](V x, int axis) { return variance(x, axis); });
  by_axis("max", [](V x, int axis) { return max(x, axis); });
  by_axis("min", [](V x, int axis) { return min(x, axis); });
  by_axis("norm", [](V x, int axis) { return norm(x, axis); });
  by_axis("logsumexp", [](V x, int axis) { return logsumexp(x, axis); });
  by_axis("softmax", [](V x, int axis) { return softmax(x, axis); });
  by_axis("log_softmax", [](V x, int axis) { return log_softmax(x, axis); });
  for (const int axis : {0, 1})
    result.push_back({"Logsumexp/axis " + std::to_string(axis), "softmax",
                      step([axis](V x, V) { return logsumexp(x, axis); }),
                      step([axis](V x, V) { return softmax(x, axis); })});
  for (const int axis : {0, 1}) {
    result.push_back({"Cumsum/axis " + std::to_string(axis), "a loop along rows",
                      step([axis](V x, V) { return cumsum(x, axis); }), BareCumsum(n)});
    result.push_back({"Gather/axis " + std::to_string(axis), "a loop",
                      step([axis, chosen](V x, V) { return gather(x, chosen, axis); }),
                      BareGather(n, {places.begin(), places.end()}, axis)});
  }
  beside_exp("transpose", [](V x, V) { return transpose(x); });
  return result;
}

}  // namespace xgrad
