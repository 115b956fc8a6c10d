// TapeNode: one recorded value of a tape, as data. Tape::nodes() lists them all, for programs that look at
// what was recorded: statistics, pictures, reports. No layer says what its scope is; that follows from the
// paths of the parameters that the ops read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <xgrad/autograd/shape.hpp>

namespace xgrad {

/// One recorded value of a tape.
struct TapeNode {
  /// A recorded value that the op read.
  struct Input {
    std::uint32_t node;      ///< its index in the list, less than the index of this node
    std::uint32_t argument;  ///< which argument of the op it is; arguments that are constants are not listed
  };

  std::string_view op;           ///< as recorded; "parameter" or "leaf" where no op made the value
  Shape shape;                   ///< of the value
  std::size_t scalar_bytes = 0;  ///< bytes per element
  /// The TimeStep that was open when it was recorded; parameters have none.
  std::optional<std::size_t> time_step{};
  std::vector<Input> inputs{};  ///< in the order of the arguments
  std::string parameter{};      ///< the path of a parameter, "cell/Wh"; else empty
  bool leaf = false;            ///< a parameter, or made by Tape::leaf

  /// The part of the model it belongs to: for the parameter "cell/Wh" it is "cell"; for an op that reads
  /// parameters, their deepest common scope ("cell" for "cell/f/W" and "cell/U"); for any other op, the
  /// deepest common scope of its inputs, where leaves, and what is computed from leaves alone, do not count.
  /// Empty where that is the top, or nothing counts.
  std::string scope{};

  /// Bytes of its elements.
  std::size_t bytes() const { return shape.size() * scalar_bytes; }
};

/// The deepest scope that holds both: "cell" for "cell/f" and "cell/g/x", "" for "cell" and "cellar".
std::string_view common_scope(std::string_view a, std::string_view b);

}  // namespace xgrad
