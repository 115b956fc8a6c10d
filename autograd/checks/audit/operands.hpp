// Hypotheses on products: a vjp uses another value than the operand that belongs there, a matrix is
// transposed, or what is multiplied with the matrix is not the gradient from above. Those on elementwise
// products are in elementwise.cpp, those on products of matrices in operands.cpp. Internal to audit.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <xgrad/autograd/checks/audit/candidates.hpp>

namespace xgrad::auditing {

/// The vjp of one op, with a value in place of an operand; nothing if that does not fit.
using Build = std::function<std::optional<Map>(std::size_t op, const Array<Complex>& value)>;

/// Adds: for all ops of a role, input j's vjp is built with that value.
void offer(const Recording& recording, std::size_t role, std::size_t j, AuditDefect defect, double cost,
           const std::string& text, const Value& value, const Build& build, Changes& to);

/// Adds: the vjp of input j uses, in place of operand k, any other value of its shape, of this step or a
/// neighbour's.
void offer_operands(const Recording& recording, std::size_t role, std::size_t j, std::size_t k,
                    const Build& build, Changes& to);

/// "'Wh'", "the step before's tanh of each step"
std::string input_name(const Recording& recording, const RecordedOp& op, std::size_t k);

/// elementwise.cpp
void add_elementwise_operands(const Recording& recording, std::size_t role, Changes& to);

}  // namespace xgrad::auditing
