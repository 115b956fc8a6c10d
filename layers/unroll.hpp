// unroll: a recurrent cell applied along a sequence. The tape sees plain steps, so backpropagation through
// time (Werbos 1990) is nothing but its sweep.
#pragma once

#include <string>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/layers/cell.hpp>

namespace xgrad {

/// Outputs of all steps and the state after the last.
template <class T, class S>
struct Unrolled {
  Variable<T> ys;  // (T, N, ...)
  S state;
};

/// Runs `cell` over time-major xs, from `state`.     xs: (T, N, D)   ys: (T, N, H)
/// Throws Error if there is no step; an error inside the cell names the time step.
template <class Cell, class T, class S>
Unrolled<T, S> unroll(const Cell& cell, const Variable<T>& xs, S state) {
  if (xs.rank() < 2 || xs.shape()[0] == 0)
    throw Error("unroll", "needs xs: (T, N, D) with at least one step, got shape " + to_string(xs.shape()));
  const std::size_t steps = xs.shape()[0];
  std::vector<Variable<T>> ys;
  ys.reserve(steps);
  for (std::size_t t = 0; t < steps; ++t) {
    const TimeStep now(t);
    try {
      auto next = xgrad::step(cell, select(xs, static_cast<std::ptrdiff_t>(t)), state);
      ys.push_back(std::move(next.y));
      state = std::move(next.state);
    } catch (const Error& error) {
      throw error.with_context("at time step " + std::to_string(t) + " of " + std::to_string(steps));
    }
  }
  return {stack(ys), std::move(state)};
}

}  // namespace xgrad
