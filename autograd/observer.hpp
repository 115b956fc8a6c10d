// Observer<T>: how a diagnosis watches a tape in any scalar. A Tape<T> opened with an observer shows it every op as it is
// recorded, those on constants alone included, and in the sweep every contribution of a vjp and every sum of them.
// Unlike a Probe it only looks: values and gradients are those of an ordinary tape. nonfinite/tracer.hpp is one.
#pragma once

#include <cstdint>
#include <span>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// One input of an op under the observer.
template <class T>
struct ObservedInput {
  const Variable<T>& x;
  std::uint32_t node;  ///< its place on the tape; Observer::no_node for a constant
};

template <class T>
class Observer {
 public:
  static constexpr std::uint32_t no_node = ~std::uint32_t{0};

  virtual ~Observer() = default;
  /// Sees that `op` made the value `y`, which gets the place `output` on the tape, or no_node if all inputs are constants.
  virtual void see(const char* op, std::uint32_t output, const Array<T>& y,
                   std::span<const ObservedInput<T>> inputs) = 0;
  /// Sees what the vjp of argument number `argument` of the op that made `output` adds to the gradient of `input`.
  virtual void see_contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument,
                                const Array<T>& dy, const GradientSum<T>& dx) = 0;
  /// Sees the whole gradient of the value at `node`; the first of a sweep is its seed. A parameter or leaf is a leaf.
  virtual void see_gradient(std::uint32_t node, const Gradient<T>& gradient, bool leaf) = 0;
};

}  // namespace xgrad
