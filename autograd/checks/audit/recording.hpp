// Recording: the trace of a forward pass, so that it can be swept back in many ways. Ops are grouped into
// *roles*: the ops that do the same in different time steps of a loop. Internal to audit.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/direction.hpp>
#include <xgrad/autograd/checks/trace.hpp>
#include <xgrad/autograd/tape_node.hpp>

namespace xgrad::auditing {

using Numbers = Array<Complex>;
using RecordedInput = TracedInput<Complex>;
inline constexpr std::size_t none = RecordedInput::none;

struct RecordedOp : TracedOp<Complex> {
  std::size_t loop = none;  ///< which loop over time it is in
  std::size_t role = none;
  bool accumulator = false;  ///< adds a step's term to a sum over time, and nothing else
};

/// The ops, by number, that do the same: one for each step, in order of time; one if it is outside of all
/// loops.
using Role = std::vector<std::size_t>;

class Recording {
 public:
  /// Runs f at the values. Throws Error if it returns more than one number.
  Recording(const ParameterFunction<Complex>& f, const Values& values, std::vector<std::string> paths);

  const std::vector<RecordedOp>& ops() const { return ops_; }
  const std::vector<Role>& roles() const { return roles_; }
  const std::vector<std::string>& paths() const { return paths_; }
  const Values& values() const { return values_; }
  std::size_t loss() const { return loss_; }    ///< the op that made it
  std::size_t steps() const { return steps_; }  ///< one more than the largest time step

  /// The role's op in its last step, where no state is a constant.
  const RecordedOp& last(std::size_t role) const { return ops_[roles_[role].back()]; }
  /// The op of the role at a step, or outside of all, or none.
  std::size_t at(std::size_t role, std::optional<std::size_t> step) const;
  /// True if input j of the op was made at another step of the same loop: it carries the state.
  bool crosses_time(const RecordedOp& op, std::size_t j) const;
  /// The ops, by number, that read the value of `op`.
  std::vector<std::size_t> readers(std::size_t op) const;
  /// All ops between parameter number p and the loss, as a mask.
  std::vector<bool> downstream(std::size_t p) const;
  /// "tanh of each step", "matmul with 'Wy'", "multiply 2 of 3 of each step"
  std::string describe(std::size_t role) const;
  /// Input j of the op: "'Wh'", "the step before's tanh of each step", or `constant` if it is one.
  std::string describe(const RecordedOp& op, std::size_t j, const char* constant) const;

 private:
  void find_roles(const std::vector<TapeNode>& nodes);
  void find_accumulators();

  std::vector<std::string> paths_;
  Values values_;
  std::optional<Graph<Complex>> graph_;  // owns the vjps
  std::vector<RecordedOp> ops_;
  std::vector<Role> roles_;
  std::size_t loss_ = none, steps_ = 0;
};

/// Throws Error unless the forward pass has returned one number.
void check_loss(const Shape& loss);

}  // namespace xgrad::auditing
