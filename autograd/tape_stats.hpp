// What a tape costs: figures to compute with, and a table to print (docs/tape.md). Open the tape under
// Statistics:
//
//   Statistics<float> statistics;                 // or statistics(Timing::on)
//   Tape<float> tape(statistics);
//   ...
//   std::cout << statistics.of(tape);
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <xgrad/autograd/kernels/storage.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/watcher.hpp>

namespace xgrad {

/// Whether the clock is looked at at every op. It costs some 50 ns an op.
enum class Timing { off, on };

/// What a tape costs: memory, operations and time, in total, by op and by scope.
struct TapeStats {
  /// The sums over all values, or over those of one op or scope.
  struct Row {
    std::string name;       ///< an op, or a scope (TapeNode::scope); of the total, "total"
    std::size_t nodes = 0;  ///< recorded values; "parameter" and "leaf" count as ops
    std::size_t edges = 0;  ///< inputs of these values that gradients flow to

    /// Bytes of the arrays that the vjps of these values hold, and so keep alive until the sweep; 0 after a
    /// sweep without `keep`. A block of storage counts once, for the value recorded first of those whose vjps
    /// hold it, and as a whole, even if only a row of it is held. Leaves and constants count, parameters,
    /// which live on anyway, do not; nor does what is made before the statistics begin and is no input of the
    /// op, what a vjp captured that is not an Array, such as ids, and what the allocator rounds up. Of a part
    /// that is computed again in the sweep (recompute, unroll within a budget), what it keeps counts.
    std::size_t saved_bytes = 0;

    /// Floating-point operations of the matrix products in the forward pass, 2 m n k for each, whatever the
    /// scalar. All products that this thread has computed since the last value was recorded count for the
    /// next one: an op computes its value, by whatever calls, before it records it.
    std::uint64_t forward_flops = 0;
    /// The same of the last sweep, 0 before the first: those of the vjps of these values. The products that
    /// make the gradient of a weight may be put off, to be one product of all time steps; they count for
    /// "parameter" or "leaf".
    std::uint64_t backward_flops = 0;
    /// Of backward_flops, those that compute again what the forward pass computed and did not save.
    std::uint64_t recomputed_flops = 0;

    /// Time on the clock with Timing::on, else 0. As with the operations, all that has passed since the last
    /// value was recorded, or the statistics began, counts for the next one.
    double forward_seconds = 0;
    /// The same of the last sweep, with what was put off.
    double backward_seconds = 0;
  };

  Row total;               ///< over all values
  std::vector<Row> by_op,  ///< the largest first: by bytes, then operations, then values, then by name
      by_scope;            ///< in the same order
  bool timed = false;      ///< with Timing::on
  /// What the tape itself takes, in bytes: its lists and the closures of the vjps, without arrays in these.
  std::size_t bookkeeping_bytes = 0;
  /// Vjps that cannot be copied, so that what they hold is not known and not in the sums.
  std::size_t unknown_vjps = 0;
};

/// Prints a table, with decimal units (1 kB = 1000 B) and three digits, and with milliseconds if there was a
/// clock. The empty scope is printed as "(top)".
std::ostream& operator<<(std::ostream& out, const TapeStats& stats);

/// Makes the statistics of one tape, which is opened under it.
template <class T>
class Statistics final : public Watcher<T> {
 public:
  /// With Timing::on, time is counted from here.
  explicit Statistics(Timing timing = Timing::off);

  /// The statistics of what `tape` has recorded so far, and of its last sweep.
  TapeStats of(const Tape<T>& tape) const;

  bool looks_at_elements() const override { return false; }
  Array<T> value(const Op& op, std::uint32_t node, const Array<T>& y,
                 std::span<const WatchedInput<T>> inputs) override;
  void sweep_begins() override;
  void done(std::uint32_t node, bool freed) override;

 private:
  struct Work {
    std::uint64_t flops = 0, recomputed = 0;
    double seconds = 0;
  };
  struct Saved {
    std::set<storage::Block*> blocks;
    std::size_t bytes = 0, unknown_vjps = 0;
  };
  struct Record {
    Work forward, backward;
    Saved saved;
  };

  void note_work(Work& work);
  double clock() const;  // 0 without one

  bool timed_;
  Work seen_;                                          // of this thread, when work was last noted
  std::unordered_map<std::uint32_t, Record> records_;  // by node
  std::unordered_set<storage::Block*> held_;
  storage::BlockWatch watch_;
};

}  // namespace xgrad
