// unroll: a recurrent cell applied along a sequence. The tape sees plain steps, so backpropagation through
// time (Werbos 1990) is nothing but its sweep. Here is also all that is done to the rows of a batch on the
// way: states are checked, frozen at padding and begun afresh at a new document.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/ops/recompute_steps.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/layers/cell.hpp>
#include <xgrad/layers/sequences.hpp>

namespace xgrad {

/// Outputs of all steps and the state after the last.
template <class T, class S>
struct Unrolled {
  Variable<T> ys;  ///< (T, N, ...)
  S state;         ///< after the last step
};
/// T and S are those of the outputs and of the state.
template <class T, class S>
Unrolled(Variable<T>, S) -> Unrolled<T, S>;

namespace detail {

/// Flags of leading axes, as a mask for arrays of more axes.     flags: (N,) or (T, N)   result: (N, 1, ...)
Ids mask_of_rank(const Ids& flags, std::size_t rank);

/// 1 where the flags are 0, and 0 elsewhere.
Ids opposite(const Ids& flags);

/// Where `rows` (N,) is nonzero the rows of `a`, else those of `b`.     a, b: (N, ...)
template <class T>
Variable<T> choose_rows(const Ids& rows, const Variable<T>& a, const Variable<T>& b) {
  return where(mask_of_rank(rows, a.rank()), a, b);
}
/// y with the rows of padding set to 0.     present: (N,), 0 for padding   y: (N, ...); or with T before both
template <class T>
Variable<T> mask_rows(const Ids& present, const Variable<T>& y) {
  return where(mask_of_rank(present, y.rank()), y, 0);
}
/// A sequence's inputs or outputs with those of padding set to 0.     xs: (T, N, ...)
template <class T>
Variable<T> mask_steps(const Variable<T>& xs, const Sequences& sequences) {
  return has_zero(sequences.mask) ? mask_rows(*sequences.mask, xs) : xs;
}
/// Throws `error` anew, with the step in its text.
[[noreturn]] void fail_at_step(const Error& error, std::size_t t, std::size_t steps);

// The state with the marked rows begun afresh: as the cell begins, or with zeros.
template <class T, class Cell, class S>
S begin_rows(const Cell& cell, const S& state, const Ids& rows) {
  if constexpr (requires { cell.zero(rows.size()); }) {
    return combine<T>(S(cell.zero(rows.size())), state,
                      [&](const auto& a, const auto& b) { return choose_rows<T>(rows, a, b); });
  } else {
    return reset_rows(state, rows);
  }
}

// One step of a cell with what is done to the rows of the batch around it. A row of padding is computed like
// the others, from inputs of 0 and an initial state: from NaN, or from numbers that overflow, its gradient
// of 0 would become NaN on the way back.     x: (N, ...), 0 at padding
template <class T, class Cell, class S>
Step<Variable<T>, S> step_of_batch(const Cell& cell, const Variable<T>& x, std::size_t t, S state,
                                   const Sequences& sequences) {
  if (const auto begins = row_with(sequences.reset, t, true)) state = begin_rows<T>(cell, state, *begins);
  const auto present = row_with(sequences.mask, t, false);
  std::optional<S> read;  // in place of the state
  if (present) read = begin_rows<T>(cell, state, opposite(*present));
  Step<Variable<T>, S> next = xgrad::step(cell, x, read ? *read : state);
  if (t == 0) check_unchanged(shapes(state), shapes(next.state));
  if (present) {
    next.y = mask_rows(*present, next.y);
    next.state = combine<T>(std::move(next.state), state,
                            [&](const auto& a, const auto& b) { return choose_rows<T>(*present, a, b); });
  }
  return next;
}

// The steps of xs, of which the first is step `first` of `steps`. `sequences` is of all steps.
template <class T, class Cell, class S>
Unrolled<T, S> run_steps(const Cell& cell, const Variable<T>& xs, std::size_t first, std::size_t steps,
                         S state, const Sequences& sequences) {
  std::vector<Variable<T>> ys(xs.shape()[0]);
  for (std::size_t i = 0; i < ys.size(); ++i) {
    const std::size_t t = first + i;
    const TimeStep now(t);
    try {
      auto next =
          step_of_batch(cell, select(xs, static_cast<std::ptrdiff_t>(i)), t, std::move(state), sequences);
      ys[i] = std::move(next.y);
      state = std::move(next.state);
    } catch (const Error& error) {
      fail_at_step(error, t, steps);
    }
  }
  return {stack(ys), std::move(state)};
}

// All steps within the budget.
template <class T, class Cell, class S>
Unrolled<T, S> unroll_within(const Cell& cell, const Variable<T>& xs, S state, const Sequences& sequences) {
  const std::vector<Variable<T>> begin = parts<T>(state);
  const auto with_parts = [](S typed, const std::vector<Variable<T>>& values) {
    std::size_t i = 0;
    for_each_part(typed, [&](auto& part) { part = values[i++]; });
    return typed;
  };
  const RunSteps<T> run = [=, steps = xs.shape()[0]](const Variable<T>& some, std::size_t first,
                                                     const std::vector<Variable<T>>& values) {
    const Variable<T> read = mask_steps(some, steps_of(sequences, first, first + some.shape()[0]));
    auto result = run_steps(cell, read, first, steps, with_parts(state, values), sequences);
    return StepsResult<T>{std::move(result.ys), parts<T>(result.state)};
  };
  auto result = recompute_steps(run, xs, begin, *sequences.memory);
  return {std::move(result.ys), with_parts(std::move(state), result.state)};
}

}  // namespace detail

/// Runs `cell` over time-major xs, from `state`.
///     xs: (T, N, D)   ys: (T, N, H)   parts of the state: (N, ...)
/// `sequences` says which rows are padding and where documents begin. What stands in padding, NaN included,
/// enters neither values nor gradients. That costs a pass over xs, and each step that has padding or the
/// beginning of a document passes over the state; without them it costs nothing. Something that runs over
/// whole sequences in its own way has a member `unroll` of these arguments.
///
/// With `{.memory = bytes}` the tape saves at most so many bytes beside xs and ys, and the sweep computes the
/// rest again: a backpropagation through thousands of steps in little memory (Gruslys et al. 2016,
/// arXiv:1606.03401). Steps run in blocks of eight; what a block saves is the least budget. The gradients are
/// the same bits for every budget, and differ from those without one only in how sums over time are rounded.
/// The cell may use parameters and variables of the tape; what it does must follow from them, as dropout by
/// a key does. Where nothing records, or a watcher looks at elements, as in gradcheck, all is as without it.
///
/// Throws Error if there is no step, if the state has not N rows, if the cell changes the shape of its state,
/// if the mask or the resets are not (T, N), or if one block does not fit the budget; an error inside the
/// cell names the time step.
template <class Cell, class T, class S>
Unrolled<T, S> unroll(const Cell& cell, const Variable<T>& xs, S state,
                      const Sequences& sequences = detail::all_rows) {
  detail::check_sequences(xs.shape(), sequences);
  if constexpr (requires { cell.unroll(xs, state, sequences); }) {
    return cell.unroll(xs, std::move(state), sequences);
  } else {
    detail::check_rows(shapes(state), xs.shape()[1]);
    if (sequences.memory) return detail::unroll_within(cell, xs, std::move(state), sequences);
    return detail::run_steps(cell, detail::mask_steps(xs, sequences), 0, xs.shape()[0], std::move(state),
                             sequences);
  }
}

}  // namespace xgrad
