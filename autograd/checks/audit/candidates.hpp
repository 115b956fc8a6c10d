// The hypotheses: all single changes of a recording's sweep that stand for mistakes people make, by families.
// Of equally cheap ones that explain the same, the first is preferred. Internal to audit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <xgrad/autograd/checks/audit/sweep.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::auditing {

/// All families, in the order below.
Changes candidates(const Recording& recording);

void add_flow_changes(const Recording& recording, Changes& to);     ///< paths.cpp: through time
void add_slope_changes(const Recording& recording, Changes& to);    ///< slopes.cpp: of activations
void add_loss_changes(const Recording& recording, Changes& to);     ///< loss.cpp: another loss
void add_forward_changes(const Recording& recording, Changes& to);  ///< forward.cpp: another forward pass
void add_block_changes(const Recording& recording, Changes& to);    ///< blocks.cpp: swapped gates
void add_path_changes(const Recording& recording, Changes& to);     ///< paths.cpp: cut, or with a factor
void add_operand_changes(const Recording& recording, Changes& to);  ///< operands.cpp: of products

// What they have in common.

/// Adds a change, unless it is empty; notes which op it touches.
void add(Changes& to, Change change);
/// The same, once these edges have the factor.
void add(Changes& to, Change change, const std::vector<Edge>& edges, double factor);
/// The same, once input j of each op of a role has the vjp that `make` says; where that is empty, its own.
void add(Changes& to, Change change, const Recording& recording, std::size_t role, std::size_t j,
         const std::function<Map(const RecordedOp& op)>& make);

/// dL/dy times these numbers.
Map times(const Numbers& numbers);
/// The op's own vjp for input j, of dL/dy times these numbers.
Map vjp_times(const RecordedOp& op, std::size_t j, const Numbers& numbers);

/// True for tanh, sigmoid and the like: one input, and a slope for each element.
bool is_activation(const RecordedOp& op);

/// Some of the steps of a sequence.
struct SomeSteps {
  const char *where, *losses;
  bool (*contain)(std::size_t t, std::size_t T);
};
inline constexpr SomeSteps some_steps[] = {
    {"at all steps but the last", "the losses of all steps but the last are",
     [](std::size_t t, std::size_t T) { return t + 1 < T; }},
    {"at the last step", "the loss of the last step is",
     [](std::size_t t, std::size_t T) { return t + 1 == T; }},
    {"at the first step", "the loss of the first step is",
     [](std::size_t t, std::size_t) { return t == 0; }}};

/// A value that an op of a step could have been confused with another: of the same step, a neighbour's, or a
/// parameter.
struct Value {
  std::string name;
  std::size_t role, input = none;  ///< what ops of the role make, or read as this input
  std::ptrdiff_t shift = 0;        ///< that many steps later
};
/// All values of that shape that a step of the role reads or makes, and parameters.
std::vector<Value> values_like(const Recording& recording, std::size_t role, const Shape& shape);
/// What an op of the role makes, or reads as input k, one step before it or after.
Value neighbour(std::size_t role, bool after, std::size_t k = none);
/// At the step of `op`; where there is none it is empty, and zeros if it is a neighbour's.
Numbers value_at(const Recording& recording, const Value& value, const RecordedOp& op);

/// The pairs of inputs that an op multiplies as matrices, matmul or affine, in both orders.
std::vector<std::pair<std::size_t, std::size_t>> products_of(const RecordedOp& op);

/// The vjp of input j of a product, elementwise or of matrices, if input k, its other operand, had been
/// `value`; empty if that does not fit.
Map vjp_beside(const RecordedOp& op, std::size_t j, std::size_t k, const Numbers& value);

/// An op recorded by itself, on leaves, with its vjps.
template <class F, class... Xs>
std::shared_ptr<const TracedOp<Complex>> alone(F f, const Xs&... xs) {
  struct Kept {
    Trace<Complex> trace;
    std::optional<Graph<Complex>> graph;  // owns the vjps
  };
  const auto kept = std::make_shared<Kept>();
  Tape<Complex> tape(kept->trace);
  f(tape.leaf(xs)...);
  kept->graph.emplace(tape.release());
  return {kept, &kept->trace.ops().front()};
}

}  // namespace xgrad::auditing
