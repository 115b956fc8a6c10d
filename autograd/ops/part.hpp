// What the ops share that run a part of a model on a tape of its own, and run it again in the sweep:
// recompute.hpp and recompute_steps.hpp. Their inputs are known when they are called; which parameters and
// variables of the outer tape the part uses beside these, its runs tell. Start with `PartArguments`.
// Internal.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <xgrad/autograd/kernels/product.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/ops/slicing.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::detail {

/// Floating-point operations of products that this thread has computed for a second time, of those that
/// kernels::flops() counts.
inline constinit thread_local std::uint64_t recomputed_flops = 0;

/// Counts the products that are computed while it is in scope as computed again.
class ComputesAgain {
 public:
  ComputesAgain() = default;
  ~ComputesAgain() { recomputed_flops = before_ + kernels::flops() - begin_; }
  ComputesAgain(const ComputesAgain&) = delete;
  ComputesAgain& operator=(const ComputesAgain&) = delete;

 private:
  std::uint64_t before_ = recomputed_flops, begin_ = kernels::flops();
};

/// The arguments of an op that runs a part: its inputs, counted by the op, then the parameters and captured
/// variables that the part uses, in the order in which they were first seen.
template <class T>
class PartArguments {
 public:
  /// That argument `argument` is the value at `node` of a part's tape.
  struct Use {
    std::size_t argument;
    std::uint32_t node;
  };

  explicit PartArguments(std::size_t inputs) : inputs_(inputs) {}

  /// What the tape of a run has used, of which what is new becomes an argument.
  std::vector<Use> note(const Tape<T>& tape) {
    std::vector<Use> uses;
    const std::vector<Variable<T>> parameters = tape.parameters();
    std::size_t i = 0;
    for (const auto& use : tape.graph().uses) {
      if (use.node == no_node) continue;
      const auto [place, fresh] = argument_of_.try_emplace(use.parameter.get(), inputs_ + others_.size());
      if (fresh) others_.push_back(parameters[i]);
      uses.push_back({place->second, use.node});
      ++i;
    }
    for (const Captured<T>& captured : tape.captured()) {
      if (captured.node == no_node) continue;
      std::size_t k = 0;
      while (k < captured_.size() && !captured_[k].captured.x.same_as(captured.x)) ++k;
      if (k == captured_.size()) {
        captured_.push_back({captured, inputs_ + others_.size()});
        others_.push_back(captured.x);
      }
      uses.push_back({captured_[k].argument, captured.node});
    }
    return uses;
  }
  /// Those that are not inputs.
  const std::vector<Variable<T>>& others() const { return others_; }
  /// The captured ones, for a tape of a run in the sweep.
  std::vector<Captured<T>> captured() const {
    std::vector<Captured<T>> result;
    for (const auto& known : captured_) result.push_back(known.captured);
    return result;
  }

 private:
  struct Known {
    Captured<T> captured;
    std::size_t argument;
  };

  std::size_t inputs_;
  std::vector<Variable<T>> others_;
  std::unordered_map<const Parameter<T>*, std::size_t> argument_of_;
  std::vector<Known> captured_;
};

/// True if an element is not 0. Of several results in one value, those that nothing depends on have zeros as
/// their gradients, and are not to reach anything.
template <class T>
bool flows(const Array<T>& dy) {
  return std::any_of(dy.begin(), dy.end(), [](const T& element) { return !(element == T(0)); });
}

/// Values of these shapes, whose elements lie one after the other in `all`.
template <class T>
std::vector<Variable<T>> taken_apart(const Variable<T>& all, const std::vector<Shape>& shapes) {
  std::vector<Variable<T>> parts;
  std::ptrdiff_t begin = 0;
  for (const Shape& shape : shapes) {
    const auto end = begin + static_cast<std::ptrdiff_t>(shape.size());
    parts.push_back(reshape(slice(all, begin, end), shape));
    begin = end;
  }
  return parts;
}

/// The gradients of all arguments of an op, which one pass computes together. Each vjp asks for its own once
/// in a sweep of the outer tape; a second time is another sweep.
template <class T>
class SharedGradients {
 public:
  /// That of argument i, of this shape, none if nothing flows there; `compute(sums)` is called for a new
  /// sweep, to fill the sums of `count` arguments.
  template <class F>
  std::optional<Gradient<T>> take(std::size_t i, std::size_t count, const Shape& shape, F compute) {
    if (sums_.empty() || !sums_[i]) {
      std::vector<GradientSum<T>> sums(count);
      compute(sums);
      sums_.assign(std::make_move_iterator(sums.begin()), std::make_move_iterator(sums.end()));
      left_ = count;
    }
    std::optional<Gradient<T>> result;
    if (!sums_[i]->empty()) result = sums_[i]->take(shape);
    sums_[i].reset();
    if (--left_ == 0) sums_.clear();
    return result;
  }

 private:
  std::vector<std::optional<GradientSum<T>>> sums_;
  std::size_t left_ = 0;
};

/// The vjp of one argument of an op whose part is a `Part`, with members gradient(argument, dy) and
/// saved_bytes().
template <class T, class Part>
struct PartVjp {
  std::shared_ptr<Part> part;
  std::size_t argument;
  std::vector<Array<T>> saved;  ///< arrays that the part keeps, for who counts what vjps hold

  std::optional<Gradient<T>> operator()(const Array<T>& dy) const { return part->gradient(argument, dy); }
  std::size_t saved_bytes() const { return part->saved_bytes(); }
};

}  // namespace xgrad::detail
