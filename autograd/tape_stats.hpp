// TapeStats: what a tape costs, as Tape::stats() tells it: numbers to compute with, and a table to print with `<<`. Which
// op keeps the memory, which part of the model does the work and takes the time: start with `by_op` and `by_scope`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace xgrad {

/// Whether a tape looks at the clock at every op: `Tape<float> tape(Timing::on);`. It costs some 50 ns an op.
enum class Timing { off, on };

struct TapeStats {
  struct Row {
    std::string name;       ///< an op, or a scope (TapeNode::scope); of the total, "total"
    std::size_t nodes = 0;  ///< recorded values; "parameter" and "leaf" count as ops
    std::size_t edges = 0;  ///< inputs of these values that gradients flow to

    /// Bytes of the blocks of numbers that the vjps of these values hold, and so keep alive until the sweep; 0 after a
    /// sweep without `keep`. A block counts once, for the value recorded first of those whose vjps hold it, and as a
    /// whole, even if only a row of it is held. The blocks of parameters do not count: they live on anyway. Leaves and
    /// constants do, where a vjp holds them. Ids, and whatever else a vjp captured that is not an Array, do not count,
    /// nor does what the allocator rounds up.
    std::size_t saved_bytes = 0;

    /// Floating-point operations of the matrix products in the forward pass, 2 m n k for each, whatever the scalar.
    /// All products that this thread has computed since the last value was recorded count for the next one: an op
    /// computes its value, by whatever calls, before it records it.
    std::uint64_t forward_flops = 0;
    /// The same of the last sweep, 0 before the first: those of the vjps of these values.
    std::uint64_t backward_flops = 0;

    /// Time on the clock, of a tape with Timing::on, else 0. As with the operations, all that has passed since the last value
    /// was recorded, or the tape was opened, counts for the next one.
    double forward_seconds = 0;
    /// The same of the last sweep. What makes the gradients of parameters may be put off to its end, and counts for "parameter".
    double backward_seconds = 0;
  };

  Row total;
  std::vector<Row> by_op,
      by_scope;        ///< the largest first: by bytes, then operations, then values, then by name
  bool timed = false;  ///< the tape has a clock
  /// What the tape itself takes, in bytes: its lists and the closures of the vjps, without the numbers these hold.
  std::size_t bookkeeping_bytes = 0;
  /// Vjps that cannot be copied, so that what they hold is not known and not in the sums. (Vjps are opaque closures:
  /// what one holds shows when it is copied.)
  std::size_t unknown_vjps = 0;
};

/// Prints a table, with decimal units (1 kB = 1000 B) and three digits, and with milliseconds if the tape has a clock. The empty scope is printed as "(top)".
std::ostream& operator<<(std::ostream& out, const TapeStats& stats);

}  // namespace xgrad
