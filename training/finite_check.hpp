// check_finite: a training run that ends, before the step that would ruin its parameters, with the reason why
// a number is not finite. Each step it is told the loss and the gradients' norm, which cost one look at two
// numbers; only when one of them is not finite is the window run again, from its inputs and the state it
// began with, which are both still there.
//
//   auto gradients = tape.gradient(loss);
//   check_finite(loss.item(), global_norm(gradients, parameters), forward, {.step = i});
//   sgd.step(gradients);
#pragma once

#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include <xgrad/autograd/nonfinite.hpp>

namespace xgrad {

/// A step of training met a loss or a gradient that is not finite. The text is the step, the epoch, loss,
/// norm and the report.
class NonfiniteError : public Error {
 public:
  /// An error whose text is "[check_finite] " and `text`.
  NonfiniteError(const std::string& text, NonfiniteReport found)
      : Error("check_finite", text), report(std::move(found)) {}
  NonfiniteReport report;  ///< where it came from
};

/// Which step it is, and what the window's replay needs; see NonfiniteOptions.
struct FiniteCheck {
  std::size_t step;                    ///< for the error's text
  std::optional<std::size_t> epoch{};  ///< for the error's text, if given
  NonfiniteOptions window{};           ///< for the replay
};

namespace detail {
[[noreturn]] void throw_nonfinite(double loss, double norm, const FiniteCheck& check, NonfiniteReport report);
}

/// Throws NonfiniteError if `loss` or `norm` is not finite; `forward()`, which returns the loss as a
/// variable, is then called once more to find out where it comes from. Call it before the optimizer's step.
template <class Forward>
void check_finite(double loss, double norm, Forward&& forward, const FiniteCheck& check) {
  if (std::isfinite(loss) && std::isfinite(norm)) return;
  detail::throw_nonfinite(loss, norm, check, find_nonfinite(forward, check.window));
}

}  // namespace xgrad
