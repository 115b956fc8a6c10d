// unroll: a recurrent cell applied along a sequence. The tape sees plain steps, so backpropagation through
// time (Werbos 1990) is nothing but its sweep. Here is also all that is done to the rows of a batch on the
// way: states are checked, frozen at padding and begun afresh at a new document.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/ops.hpp>
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

}  // namespace detail

/// Runs `cell` over time-major xs, from `state`.
///     xs: (T, N, D)   ys: (T, N, H)   parts of the state: (N, ...)
/// `sequences` says which rows are padding and where documents begin. What stands in padding, NaN included,
/// enters neither values nor gradients. That costs a pass over xs, and each step that has padding or the
/// beginning of a document passes over the state; without them it costs nothing. Something that runs over
/// whole sequences in its own way has a member `unroll` of these arguments.
/// Throws Error if there is no step, if the state has not N rows, if the cell changes the shape of its state,
/// or if the mask or the resets are not (T, N); an error inside the cell names the time step.
template <class Cell, class T, class S>
Unrolled<T, S> unroll(const Cell& cell, const Variable<T>& xs, S state,
                      const Sequences& sequences = detail::all_rows) {
  detail::check_sequences(xs.shape(), sequences);
  if constexpr (requires { cell.unroll(xs, state, sequences); }) {
    return cell.unroll(xs, std::move(state), sequences);
  } else {
    detail::check_rows(shapes(state), xs.shape()[1]);
    const std::size_t steps = xs.shape()[0];
    const Variable<T> read = detail::mask_steps(xs, sequences);
    std::vector<Variable<T>> ys(steps);
    for (std::size_t t = 0; t < steps; ++t) {
      const TimeStep now(t);
      try {
        auto next = detail::step_of_batch(cell, select(read, static_cast<std::ptrdiff_t>(t)), t,
                                          std::move(state), sequences);
        ys[t] = std::move(next.y);
        state = std::move(next.state);
      } catch (const Error& error) {
        detail::fail_at_step(error, t, steps);
      }
    }
    return {stack(ys), std::move(state)};
  }
}

}  // namespace xgrad
