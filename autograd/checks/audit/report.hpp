// What an audit found: a struct for programs, a table and a list for people.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/shape.hpp>

namespace xgrad {

/// The mistakes that are told apart.
enum class AuditDefect {
  not_finite,       ///< NaN or infinity in the hand-written numbers
  repeated_step,    ///< one step's term stands for the sum over time
  missing_step,     ///< one step's term is missing, or counted twice
  sign,             ///< the wrong sign
  factor,           ///< a constant factor, such as the one between sum and mean
  upstream_signal,  ///< what flows in from above is wrong
  other_loss,       ///< the gradient of another loss
  missing_slope,    ///< the slope of an activation is left out
  activated_slope,  ///< the slope is taken of the activated value, 1 - tanh(h)^2 instead of 1 - h^2
  wrong_slope,      ///< the slope of an activation is another one
  other_forward,    ///< the gradient of another forward pass
  time_shift,       ///< one step off in time: the previous state instead of the current one, or the reverse
  wrong_operand,    ///< a product uses another value than its operand
  transposed,       ///< a matrix is transposed
  permuted_blocks,  ///< blocks, such as those of gates, are swapped
  clipped,          ///< large numbers are cut off
  weight_decay,     ///< a multiple of the parameter is added
  few_elements,     ///< a few elements are wrong and all others right
  missing_term,     ///< a path of the gradient is missing
  truncated_flow,   ///< the flow through time ends after some steps
  missing_flow,     ///< nothing flows through time, or not on one path of the state
  unknown,          ///< no hypothesis reproduces the numbers
};
/// "missing flow through time", ...
std::string to_string(AuditDefect defect);

/// A mistake. The list of them is in the order in which to repair: the first can be judged and repaired by
/// itself.
struct AuditFinding {
  AuditDefect defect = AuditDefect::unknown;
  std::string text;                ///< where, and what stands there instead
  std::vector<std::string> paths;  ///< of the gradients that it makes wrong
  double factor = 1;               ///< for sign and factor: hand-written over true
  bool reproduced = true;          ///< these findings together give the hand-written numbers of `paths`
};

enum class AuditVerdict { right, wrong, not_given, not_finite };

/// One parameter or input.
struct AuditRow {
  std::string path;
  Shape shape;
  AuditVerdict verdict = AuditVerdict::not_given;
  double error = 0;            ///< |hand - true| / |true| in the Frobenius norm
  double cosine = 1;           ///< of the angle between the two; 0 if one is zero
  double ratio = 1;            ///< |hand| / |true|
  std::size_t index = 0;       ///< flat position of the worst element
  double hand = 0, exact = 0;  ///< the worst element
  /// With per-step terms: the latest step, which comes first in the sweep back, whose term departs.
  std::optional<std::size_t> first_wrong_step{};
  std::vector<std::size_t> findings{};  ///< which of the report's findings make it wrong, in their order
  std::string remark{};                 ///< what else is known: "is the gradient of 'cross entropy'"
};

struct AuditReport {
  double loss = 0;
  std::size_t ops = 0;                 ///< of the forward pass, all proved right
  std::vector<AuditRow> rows;          ///< in the order of declaration
  std::vector<AuditFinding> findings;  ///< in the order of repair

  /// True if all gradients that were given are right.
  bool right() const;
  /// The row of a path. Throws Error if there is none.
  const AuditRow& operator[](const std::string& path) const;
};

std::string to_string(const AuditReport& report);
std::ostream& operator<<(std::ostream& out, const AuditReport& report);

}  // namespace xgrad
