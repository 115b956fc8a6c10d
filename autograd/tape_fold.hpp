// A tape folded over time: the values of an unrolled loop that are the same at every step become one, so that
// a model of 35 steps is one picture of its cell, which tape_dot.hpp draws.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <xgrad/autograd/tape_node.hpp>

namespace xgrad {

/// A tape in which values that are the same at every time step are one.
struct FoldedTape {
  /// Values that are folded into one; or a single value.
  struct Node {
    TapeNode value;  ///< the last of the values folded here; its inputs are indices of the unfolded list
    std::size_t count = 1;  ///< how many they are
  };
  /// The edges of the tape between two of these nodes that carry over the same number of steps.
  struct Edge {
    std::size_t from,                       ///< the value that is read, an index of `nodes`
        to;                                 ///< the value computed from it, an index of `nodes`
    std::optional<std::ptrdiff_t> delay{};  ///< if state is carried: steps from value to use, 1 from t-1 to t
    std::size_t count = 1;                  ///< how many edges of the tape are folded here
    std::optional<std::size_t> time_step{};  ///< of the use, or else of the value, if it is one edge alone
  };

  std::vector<Node> nodes;  ///< in the order in which the first value of each was recorded
  std::vector<Edge> edges;  ///< in the order in which the first edge of each was recorded
};

/// Folds values of different time steps of one loop that are the same: they have op, scope and shape in
/// common, their inputs within the step are folded together, so are those from outside the loop, and among
/// all such values of their step they have the same position. Inputs from other steps need not agree: each
/// source is an edge of its own. At the first step, where the state comes from elsewhere or is a constant,
/// inputs that follow from the state may be missing, and the scope may differ. What one step computes for
/// several from what stands outside of the loop, such as a product of all rows of a sequence, stands outside,
/// too.
/// A loop is a run of values over which the time step goes on and does not come back.
FoldedTape fold(const std::vector<TapeNode>& nodes);

/// The loop and the group of each node of a tape.
struct TimeGroups {
  static constexpr std::size_t outside = ~std::size_t{0};  ///< the loop of a node that is in none
  std::vector<std::size_t> loop,                           ///< of each node, counted from 0, or `outside`
      group;  ///< of each node; equal for those that are folded into one
};
/// Which nodes `fold` would fold into one, without folding them.
TimeGroups time_groups(const std::vector<TapeNode>& nodes);

}  // namespace xgrad
