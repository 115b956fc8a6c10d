// A tape as a picture: text in the language of Graphviz, which `dot -Tsvg` draws. An unrolled model is folded
// over time (tape_fold.hpp), so 35 steps of a recurrent cell are one picture of the cell.
#pragma once

#include <string>
#include <vector>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

/// The picture as Graphviz DOT text. An oval is an op with the shape of its result; "x35" says that it stands
/// for that many values. A box is a parameter, with its path; underlined text is a leaf. They are grouped by
/// scope. An arrow carries the shape and the bytes of one value, "4 of 35" in front says that only so many of
/// the ops take it, "35 x" that one op takes so many, and "t = 0" at which time step alone. A dashed arrow
/// carries state: "t-1" from the step before.
std::string to_dot(const std::vector<TapeNode>& nodes);

/// The picture of what `tape` has recorded so far.
template <class T>
std::string to_dot(const Tape<T>& tape) {
  return to_dot(tape.nodes());
}

}  // namespace xgrad
