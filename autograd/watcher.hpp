// Watcher<T>: who looks on while a tape records and is swept. `Tape<T> tape(watcher)` shows it every op with
// its value and vjps, and in the sweep every contribution of a vjp and every gradient; it may put another
// value or gradient in the place of what it sees. Derive from it and override what you want to see.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include <xgrad/autograd/gradients.hpp>
#include <xgrad/autograd/op.hpp>
#include <xgrad/autograd/variable.hpp>
#include <xgrad/autograd/vjp.hpp>

namespace xgrad {

/// One input of an op, as its watcher sees it.
template <class T>
struct WatchedInput {
  const Variable<T>& x;  ///< the input
  std::uint32_t node;    ///< its index on the tape; no_node for a constant
  Vjp<T>* vjp;  ///< lives until a sweep without keep or the tape's end; that of a constant only for the call
};

/// Looks on while a tape records and is swept. By default nothing is replaced.
template <class T>
class Watcher {
 public:
  virtual ~Watcher() = default;

  /// True if it looks at elements. Then every op is made by itself, from inputs that stay as they are; else
  /// the ops are fused as they are on a tape that nobody watches.
  virtual bool looks_at_elements() const { return true; }

  /// The same op on absolute values, a function of its inputs.
  using Absolute = std::function<Variable<T>(std::span<const Variable<T>>)>;
  /// Sees, before its value, of an op that adds, what its rounding is measured against; see `summing`. Not
  /// called unless it looks at elements.
  virtual void sums(Absolute absolute) { (void)absolute; }

  /// Sees that `op` made y, at index `node` of the tape, or no_node if all inputs are constants. What it
  /// returns, of the shape of y, is the value that the program goes on with.
  virtual Array<T> value(const Op& op, std::uint32_t node, const Array<T>& y,
                         std::span<const WatchedInput<T>> inputs) {
    (void)op, (void)node, (void)inputs;
    return y;
  }
  /// Sees dL/dy of the value at `node`, complete; the first of a sweep is its seed. What it returns, of the
  /// same shape, is handed on to the inputs or, for a parameter or leaf, is the result.
  virtual Gradient<T> gradient(std::uint32_t node, Gradient<T> dy, bool leaf) {
    (void)node, (void)leaf;
    return dy;
  }
  /// Sees what the vjp of an argument of the op that made `output` adds to the gradient of `input`. Not
  /// called unless it looks at elements.
  virtual void contribution(std::uint32_t output, std::uint32_t input, std::uint32_t argument,
                            const Array<T>& dy, const GradientSum<T>& dx) {
    (void)output, (void)input, (void)argument, (void)dy, (void)dx;
  }
  /// The sweep begins.
  virtual void sweep_begins() {}
  /// The sweep is done with the value at `node`; its vjps are freed unless they are kept.
  virtual void done(std::uint32_t node, bool freed) { (void)node, (void)freed; }
};

}  // namespace xgrad
