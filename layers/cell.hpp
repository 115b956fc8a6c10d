// The protocol of a recurrent cell. `cell(x, state)` returns Step{y, state}, or one variable that is both
// output and new state. `cell.zero(N)` gives the initial state for a batch of N; a cell whose state is one
// variable of its width may leave it out. Any type that does this is a cell: nothing is inherited or
// registered.
#pragma once

#include <utility>

#include <xgrad/layers/state.hpp>

namespace xgrad {

/// What one step returns: the output and the state that the next step takes.
template <class Y, class S>
struct Step {
  Y y;
  S state;
};
template <class Y, class S>
Step(Y, S) -> Step<Y, S>;

/// One step of any cell, always as a Step.     x: (N, D)
template <class Cell, class T, class S>
auto step(const Cell& cell, const Variable<T>& x, const S& state) {
  auto result = cell(x, state);
  if constexpr (detail::is_variable<decltype(result)>) {
    static_assert(
        detail::is_variable<S>,
        "a cell that returns one variable has a state of one variable: return Step{y, state} instead");
    return Step{result, result};
  } else {
    return result;
  }
}

/// The initial state of a cell for a batch of N: cell.zero(N), or zeros of shape (N, H).
template <class T, class Cell>
auto zero_state(const Cell& cell, std::size_t N, std::size_t H) {
  if constexpr (requires { cell.zero(N); }) {
    return cell.zero(N);
  } else {
    return Variable<T>(Array<T>::zeros({N, H}));
  }
}

}  // namespace xgrad
