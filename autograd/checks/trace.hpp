// Trace<T>: the forward pass of a tape as a list of its ops, with every value and every vjp: what the audit
// and the search for non-finite numbers look at afterwards. A watcher that only takes notes. Internal. Start
// with `value`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/autograd/watcher.hpp>

namespace xgrad {

template <class T>
struct TracedInput {
  static constexpr std::size_t none = ~std::size_t{0};

  Array<T> value;
  std::uint32_t node = no_node;
  std::size_t source = none;     ///< the op that made it, an index of ops()
  std::size_t parameter = none;  ///< or the parameter that it is, an index of paths(); a leaf has neither
  Vjp<T>* vjp = nullptr;         ///< null for a constant
};

template <class T>
struct TracedOp {
  Op op;
  std::uint32_t node;               ///< of its value; no_node if all inputs are constants
  std::optional<std::size_t> step;  ///< of time
  Array<T> y;
  std::vector<TracedInput<T>> inputs;

  /// The contribution of dy to dL / d input j.
  Array<T> vjp(std::size_t j, const Array<T>& dy) const {
    GradientSum<T> sum;
    const Shape& shape = inputs[j].value.shape();
    VjpTarget<T> target(sum, op.name(), static_cast<unsigned>(j), shape, y.shape());
    inputs[j].vjp->run(dy, target);
    return sum.take_dense(shape);
  }
};

template <class T>
class Trace : public Watcher<T> {
 public:
  /// `paths` are known parameters; others are added when they are read. Ops on constants alone may be left
  /// out.
  explicit Trace(std::vector<std::string> paths = {}, bool with_constants = true)
      : with_constants_(with_constants), paths_(std::move(paths)) {}

  const std::vector<TracedOp<T>>& ops() const { return ops_; }
  const std::vector<std::string>& paths() const { return paths_; }
  /// The op that made the value at `node`, or none.
  std::size_t op_of(std::uint32_t node) const {
    return node < op_of_.size() ? op_of_[node] : TracedInput<T>::none;
  }

  Array<T> value(const Op& op, std::uint32_t node, const Array<T>& y,
                 std::span<const WatchedInput<T>> inputs) override {
    if (node == no_node && !with_constants_) return y;
    TracedOp<T> traced{op, node, TimeStep::current(), y, {}};
    for (const auto& input : inputs)
      traced.inputs.push_back({input.x.value(), input.node, op_of(input.node), parameter(input.x),
                               input.node == no_node ? nullptr : input.vjp});
    if (node != no_node) {
      op_of_.resize(node + 1, TracedInput<T>::none);
      op_of_[node] = ops_.size();
    }
    ops_.push_back(std::move(traced));
    return y;
  }

 private:
  std::size_t parameter(const Variable<T>& x) {
    if (x.parameter() == nullptr) return TracedInput<T>::none;
    const auto found = std::find(paths_.begin(), paths_.end(), x.parameter()->path);
    const auto index = static_cast<std::size_t>(found - paths_.begin());
    if (found == paths_.end()) paths_.push_back(x.parameter()->path);
    return index;
  }

  bool with_constants_;
  std::vector<TracedOp<T>> ops_;
  std::vector<std::size_t> op_of_;  // by node
  std::vector<std::string> paths_;
};

}  // namespace xgrad
