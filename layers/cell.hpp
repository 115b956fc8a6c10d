// The protocol of a recurrent cell. `cell(x, state)` returns Step{y, state}, or one variable that is both
// output and new state. `cell.zero(N)` gives the initial state for a batch of N; a cell whose state is one
// variable of its width may leave it out. Any type that does this is a cell: nothing is inherited or
// registered.
//
// Two members more are for wrappers, which take a cell and are one (cell_wrapper.hpp): `width()`, where the
// output is not as wide as the H that the cell was built with, and `for_training(key)`, where training
// computes something else than evaluation.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <xgrad/autograd/random.hpp>
#include <xgrad/layers/state.hpp>

namespace xgrad {

/// What one step returns: the output and the state that the next step takes.
template <class Y, class S>
struct Step {
  Y y;      ///< the output
  S state;  ///< what the next step takes
};
/// Y and S are the types of the output and of the state.
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

/// The size of the last axis of the outputs of a cell that was built with H.
template <class Cell>
std::size_t output_width(const Cell& cell, std::size_t H) {
  if constexpr (requires { cell.width(); }) {
    return cell.width();
  } else {
    return H;
  }
}

/// A cell or model as it is trained, for one window: with dropout whose draws follow from `key`. It shares
/// its parameters with the one it is made of, which is for evaluation; one that has no dropout is returned as
/// it is. Give each window a key of its own: `for_training(cell, run.fold(window))`.
template <class Cell>
Cell for_training(const Cell& cell, RandomKey key) {
  if constexpr (requires { cell.for_training(key); }) {
    return cell.for_training(key);
  } else {
    return cell;
  }
}

namespace detail {

template <class T>
concept IsScalar = std::is_floating_point_v<T> || std::same_as<T, Complex>;

// The scalar of a cell: its value_type, or else its first template argument, or the scalar of that.
template <class Cell>
struct ScalarOf {};
template <IsScalar T>
struct ScalarOf<T> {
  using type = T;
};
template <class Cell>
requires(!IsScalar<Cell> && requires { typename Cell::value_type; }) struct ScalarOf<Cell> {
  using type = typename Cell::value_type;
};
template <template <class...> class Cell, class First, class... Rest>
requires(!IsScalar<Cell<First, Rest...>> && !requires {
  typename Cell<First, Rest...>::value_type;
}) struct ScalarOf<Cell<First, Rest...>> : ScalarOf<First> {
};

}  // namespace detail

/// The scalar that a cell computes in. A cell that is not a template over it says it by a member
/// `value_type`.
template <class Cell>
using ScalarOf = typename detail::ScalarOf<Cell>::type;

}  // namespace xgrad
