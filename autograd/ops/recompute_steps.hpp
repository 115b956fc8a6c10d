// recompute_steps: a recurrence of which the tape saves what fits into a budget of bytes; the sweep computes
// the rest again. The steps run in blocks of a few, each on a tape of its own. Of most blocks nothing is kept
// but, of some, the state before them; the recordings of the last ones are kept as they are. The sweep walks
// back block by block and, where there is no recording, runs forward again from the nearest state that was
// kept, by the schedule in revolve.hpp. unroll() is how it is used; start at the function. Internal.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <xgrad/autograd/tape.hpp>

namespace xgrad::detail {

/// What some steps of a recurrence return.
template <class T>
struct StepsResult {
  Variable<T> ys;                  ///< outputs, (steps, ...)
  std::vector<Variable<T>> state;  ///< parts of the state after the last one
};

/// Runs the steps that xs: (steps, ...) has, of which the first is step `first`, from a state.
template <class T>
using RunSteps = std::function<StepsResult<T>(const Variable<T>& xs, std::size_t first,
                                              const std::vector<Variable<T>>& state)>;

/// Steps in a block. Gradients of what all steps share are summed block by block, whatever is kept, so that
/// they do not depend on the budget.
inline constexpr std::size_t steps_in_block = 8;

/// run(xs, 0, state), of which at most `memory` bytes are saved beside xs and ys: arrays, and what the tape
/// itself takes. What `run` does must follow from its arguments; it may use parameters and variables of the
/// tape. Throws Error if a single block does not fit.
template <class T>
StepsResult<T> recompute_steps(const RunSteps<T>& run, const Variable<T>& xs,
                               const std::vector<Variable<T>>& state, std::size_t memory);

}  // namespace xgrad::detail
