// unroll: a recurrent cell applied along a sequence. The tape sees plain steps, so backpropagation through
// time (Werbos 1990) is nothing but its sweep. Here is also all that is done to the rows of a batch on the way: states are
// checked, frozen at padding and begun afresh at a new document.
#pragma once

#include <string>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/layers/cell.hpp>
#include <xgrad/layers/sequences.hpp>

namespace xgrad {

/// Outputs of all steps and the state after the last.
template <class T, class S>
struct Unrolled {
  Variable<T> ys;  // (T, N, ...)
  S state;
};
template <class T, class S>
Unrolled(Variable<T>, S) -> Unrolled<T, S>;

namespace detail {

// Flags of leading axes, as a mask for arrays of more axes.     flags: (N,) or (T, N)   result: (N, 1, ...)
inline Ids mask_of_rank(const Ids& flags, std::size_t rank) {
  Shape shape = flags.shape();
  while (shape.rank() < rank) shape.push_back(1);
  return flags.reshaped(shape);
}

// Where `rows` (N,) is nonzero the rows of `a`, else those of `b`.     parts: (N, ...)
template <class T, class S>
S choose_rows(const Ids& rows, S a, const S& b) {
  return combine<T>(std::move(a), b, [&rows](const Variable<T>& x, const Variable<T>& y) {
    return where(mask_of_rank(rows, x.rank()), x, y);
  });
}

// The state with the marked rows begun afresh: as the cell begins, or with zeros.
template <class T, class Cell, class S>
S begin_rows(const Cell& cell, const S& state, const Ids& rows) {
  if constexpr (requires { cell.zero(rows.size()); }) {
    return choose_rows<T, S>(rows, cell.zero(rows.size()), state);
  } else {
    return reset_rows(state, rows);
  }
}

// The outputs with those of padding set to 0.     ys: (T, N, ...)
template <class T>
Variable<T> mask_outputs(const Variable<T>& ys, const Sequences& sequences) {
  if (!has_zero(sequences.mask)) return ys;
  return where(mask_of_rank(*sequences.mask, ys.rank()), ys, 0);
}

// What unroll does to a batch around each step of a cell.
template <class T, class S>
class Batch {
 public:
  Batch(const Variable<T>& xs, const S& state, const Sequences& sequences) : sequences_(sequences) {
    check_sequences(xs.shape(), sequences);
    for (const auto& part : parts<T>(state)) shapes_.push_back(part.shape());
    check_rows(shapes_, xs.shape()[1]);
  }

  template <class Cell>
  Step<Variable<T>, S> step(const Cell& cell, const Variable<T>& x, std::size_t t, S state) const {
    if (const auto begins = row_with(sequences_.reset, t, true)) state = begin_rows<T>(cell, state, *begins);
    auto next = xgrad::step(cell, x, state);
    if (t == 0) check_same(next.state);
    if (const auto present = row_with(sequences_.mask, t, false)) {
      next.y = where(mask_of_rank(*present, next.y.rank()), next.y, 0);
      next.state = choose_rows<T>(*present, std::move(next.state), state);
    }
    return next;
  }

 private:
  void check_same(const S& state) const {
    std::vector<Shape> now;
    for (const auto& part : parts<T>(state)) now.push_back(part.shape());
    check_unchanged(shapes_, now);
  }

  const Sequences& sequences_;
  std::vector<Shape> shapes_;  // of the state's parts
};

}  // namespace detail

/// Runs `cell` over time-major xs, from `state`.     xs: (T, N, D)   ys: (T, N, H)   parts of the state: (N, ...)
/// `sequences` says which rows are padding and where documents begin; each step that has such rows costs one pass over the
/// state, others nothing. Something that runs over whole sequences in its own way has a member `unroll` of these arguments.
/// Throws Error if there is no step, or if the state has not N rows; an error inside the cell names the time step.
template <class Cell, class T, class S>
Unrolled<T, S> unroll(const Cell& cell, const Variable<T>& xs, S state, const Sequences& sequences = {}) {
  if (xs.rank() < 2 || xs.shape()[0] == 0)
    throw Error("unroll", "needs xs: (T, N, D) with at least one step, got shape " + to_string(xs.shape()));
  if constexpr (requires { cell.unroll(xs, state, sequences); }) {
    return cell.unroll(xs, std::move(state), sequences);
  } else {
    const std::size_t steps = xs.shape()[0];
    const detail::Batch<T, S> batch(xs, state, sequences);
    std::vector<Variable<T>> ys;
    ys.reserve(steps);
    for (std::size_t t = 0; t < steps; ++t) {
      const TimeStep now(t);
      try {
        auto next = batch.step(cell, select(xs, static_cast<std::ptrdiff_t>(t)), t, std::move(state));
        ys.push_back(std::move(next.y));
        state = std::move(next.state);
      } catch (const Error& error) {
        throw error.with_context("at time step " + std::to_string(t) + " of " + std::to_string(steps));
      }
    }
    return {stack(ys), std::move(state)};
  }
}

}  // namespace xgrad
