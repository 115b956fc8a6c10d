// A tape folded over time: the values of an unrolled loop that are the same at every step become one, so that a model of 35
// steps is one picture of its cell. Folding works on the list of Tape::nodes(); tape_dot.hpp draws the result.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <xgrad/autograd/tape_node.hpp>

namespace xgrad {

struct FoldedTape {
  struct Node {
    TapeNode value;  ///< the last of the values folded here; its inputs are indices of the unfolded list
    std::size_t count = 1;  ///< how many they are
  };
  struct Edge {
    std::size_t from, to;                   ///< indices of `nodes`
    std::optional<std::ptrdiff_t> delay{};  ///< if state is carried: steps from value to use, 1 from t-1 to t
    std::size_t count = 1;                  ///< how many edges of the tape are folded here
    std::optional<std::size_t> time_step{};  ///< of the use, or else of the value, if it is one edge alone
  };

  std::vector<Node> nodes;  ///< in the order in which the first value of each was recorded
  std::vector<Edge> edges;
};

/// Folds values of different time steps of one loop that are the same: they have op, scope and shape in common, their
/// inputs within the step are folded together, so are those from outside the loop, and among all such values of
/// their step they have the same position. Inputs from other steps need not agree: each source is an edge of its own. At
/// the first step, where the state comes from elsewhere or is a constant, inputs that follow from the state may be
/// missing, and the scope may differ.
/// A loop is a run of values over which the time step goes on and does not come back.
FoldedTape fold(const std::vector<TapeNode>& nodes);

/// The same, of each node: the loop that it is in, or `outside`, and its group, which it shares with those it is folded with.
struct TimeGroups {
  static constexpr std::size_t outside = ~std::size_t{0};
  std::vector<std::size_t> loop, group;
};
TimeGroups time_groups(const std::vector<TapeNode>& nodes);

}  // namespace xgrad
