// Sequences: what is said of a batch when it is unrolled: where a sequence ends, where another one begins,
// and how much memory that may take.
#pragma once

#include <optional>
#include <vector>

#include <xgrad/autograd/array.hpp>

namespace xgrad {

/// Where the rows of a batch have padding and where documents begin, by default nowhere; and a budget of
/// bytes, by default none.
struct Sequences {
  /// (T, N), 0 where a row is padding: its state stays what it was, its output is 0, and no gradient comes
  /// from there or goes there, whatever the inputs are.
  std::optional<Ids> mask{};
  /// (T, N), nonzero where a new document begins: the row's state becomes the initial one before this step.
  std::optional<Ids> reset{};
  /// Bytes that the tape may save for all steps, beside inputs and outputs; what does not fit is computed
  /// again in the sweep. See unroll().
  std::optional<std::size_t> memory{};
};

/// The mask of sequences that begin at step 0 and have these lengths.
///     lengths: (N,), each in [0, T]   result: (T, N), 1 where a sequence has a step
/// Throws Error naming a length outside, and for lengths of another rank.
Ids length_mask(const Ids& lengths, std::size_t T);

/// The same sequences read from the last step to the first, for a pass that goes backwards.
Sequences reversed(const Sequences& sequences);

namespace detail {

/// No padding and no reset.
extern const Sequences all_rows;

/// Throws Error unless xs: (T, N, ...) has a step, and mask and reset, where they are given, are (T, N).
void check_sequences(const Shape& xs, const Sequences& sequences);
/// Row t of `flags`, if there are flags and one of this row is nonzero, or zero, as `wanted` says.
std::optional<Ids> row_with(const std::optional<Ids>& flags, std::size_t t, bool wanted);
/// Whether `flags` has a zero.
bool has_zero(const std::optional<Ids>& flags);
/// What is said of step t, as of a sequence of that step alone.
Sequences step_of(const Sequences& sequences, std::size_t t);
/// What is said of steps [first, last), as of a sequence of these steps alone.
Sequences steps_of(const Sequences& sequences, std::size_t first, std::size_t last);
/// The same with the budget divided among `parts` that save at the same time.
Sequences with_share(const Sequences& sequences, std::size_t parts);
/// How many of `all` (T N) tokens are not padding.
std::size_t present_count(const Sequences& sequences, std::size_t all);
/// `ids` with an id that stands elsewhere, or 0 if there is none, at padding: what stands there may be any
/// number, and no row of a table is read for it alone. Throws Error, naming `op` and `what` they are, unless
/// ids and mask have one shape.
Ids fill_padding(const char* op, const char* what, const Ids& ids, const Ids& mask);
/// The flat positions of what is not padding, and the ids there.     result, ids: (M,)
struct Present {
  Ids positions, ids;
};
Present present_ids(const Ids& ids, const Ids& mask);
/// Throws Error unless every part of a state has N rows: a state of another batch would broadcast, or fail
/// deep inside.
void check_rows(const std::vector<Shape>& parts, std::size_t N);
/// Throws Error if a cell has returned a state of other shapes than it took.
void check_unchanged(const std::vector<Shape>& before, const std::vector<Shape>& after);

}  // namespace detail

}  // namespace xgrad
