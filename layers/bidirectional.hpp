// Bidirectional: a sequence read forwards and backwards.
#pragma once

#include <utility>

#include <xgrad/layers/unroll.hpp>

namespace xgrad {

/// The states of the two cells of a Bidirectional.
template <class S>
struct BidirectionalState {
  S forward,     ///< of the cell that reads the sequence from its first step
      backward;  ///< of the cell that reads it from its last step
};
/// S is the type of the states.
template <class S>
BidirectionalState(S, S) -> BidirectionalState<S>;

/// Two cells, of which one reads the sequence from its end, their outputs side by side (Schuster & Paliwal
/// 1997). It needs whole sequences, so it has no single step and is used by unroll() alone, also in a Stack:
///     xs: (T, N, D)   ys: (T, N, width()), width() = 2H for cells of width H
/// The cells are Cell(p / "forward", D, H, args...) and Cell(p / "backward", D, H, args...). With a mask the
/// backward cell begins each sequence at that sequence's own end.
template <class Cell>
struct Bidirectional {
  using value_type = ScalarOf<Cell>;  ///< the scalar of the cell
  using T = value_type;               ///< the same

  std::size_t H;  ///< the width that the cells were built with
  Cell forward,   ///< reads the sequence from its first step
      backward;   ///< reads it from its last step

  /// Declares the parameters in the scope of `p`, for inputs of width D and cells of width `hidden`.
  template <class... Args>
  Bidirectional(const Parameters<T>& p, std::size_t D, std::size_t hidden, const Args&... args)
      : H(hidden), forward(p / "forward", D, hidden, args...), backward(p / "backward", D, hidden, args...) {}

  /// The width of both outputs together.
  std::size_t width() const { return output_width(forward, H) + output_width(backward, H); }
  /// The cells' initial states for a batch of N.
  auto zero(std::size_t N) const {
    return BidirectionalState{zero_state<T>(forward, N, H), zero_state<T>(backward, N, H)};
  }

  /// All steps of both cells, each with half of a budget of bytes.
  ///     xs: (T, N, D)   ys: (T, N, width()), first the part of `forward`
  template <class S>
  Unrolled<T, BidirectionalState<S>> unroll(const Variable<T>& xs, BidirectionalState<S> state,
                                            const Sequences& sequences = {}) const {
    const Sequences half = detail::with_share(sequences, 2);
    auto ahead = xgrad::unroll(forward, xs, std::move(state.forward), half);
    auto behind = xgrad::unroll(backward, flip(xs, 0), std::move(state.backward), reversed(half));
    return {concat({ahead.ys, flip(behind.ys, 0)}, -1), {std::move(ahead.state), std::move(behind.state)}};
  }

  /// The cells with their dropout at work, for one window; see cell.hpp.
  Bidirectional for_training(RandomKey with) const {
    Bidirectional result = *this;
    result.forward = xgrad::for_training(forward, with.fold(0));
    result.backward = xgrad::for_training(backward, with.fold(1));
    return result;
  }
};

}  // namespace xgrad
