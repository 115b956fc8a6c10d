// The hypotheses: all single changes of a recording's sweep that stand for a mistake people make. Each family
// has its file. Of equally cheap ones that explain the same, the first is preferred. Internal to audit.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/audit/change.hpp>

namespace xgrad::auditing {

/// All families, in the order below.
Changes candidates(const Recording& recording);

void add_flow_changes(const Recording& recording, Changes& to);   ///< flow.cpp: through time
void add_slope_changes(const Recording& recording, Changes& to);  ///< slopes.cpp: of activations
void add_loss_changes(const Recording& recording, Changes& to);   ///< loss.cpp: another loss
void add_forward_changes(const Recording& recording,
                         Changes& to);  ///< forward.cpp: products that read another value
void add_block_changes(const Recording& recording, Changes& to);  ///< blocks.cpp: swapped gates
void add_path_changes(const Recording& recording,
                      Changes& to);  ///< paths.cpp: paths that lack, or have a factor
void add_operand_changes(const Recording& recording,
                         Changes& to);  ///< operands.cpp: wrong operands in products

/// Adds a change, unless it is empty; notes which op it touches.
void add(Changes& to, Change change);

/// True for tanh, sigmoid and the like: one input, and a slope for each element.
bool is_activation(const RecordedOp& op);

/// A value that an op of a step could have been confused with another: of the same step, or a parameter.
struct Value {
  std::string name;
  Shape shape;
  std::size_t role;                                                 ///< that makes it, or none
  std::function<std::optional<Array<Complex>>(std::size_t op)> at;  ///< at the step of `op`
};
/// All values of that shape that a step of the role reads or makes, and parameters.
std::vector<Value> values_like(const Recording& recording, std::size_t role, const Shape& shape);

/// One product of matrices, of an op matmul or affine: which inputs are its operands.
struct ProductPlace {
  std::size_t x, W;
};
std::vector<ProductPlace> products_of(const RecordedOp& op);

/// The vjp of such a product for operand `x` or `W`, as if the operands had been these. Nothing if they do
/// not fit.
std::optional<Map> product_vjp(const RecordedOp& op, const ProductPlace& place, bool of_x,
                               const Array<Complex>& x, const Array<Complex>& W);

}  // namespace xgrad::auditing
