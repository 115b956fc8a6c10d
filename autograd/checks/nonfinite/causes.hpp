// Which finite numbers made one that is not, and where in the window a number stands. An op is a closure to
// the engine, so which numbers enter an element is known by shape: where an input broadcasts to the result,
// the number at the element; else, as for reductions, the largest magnitude of the input. Matrix products are
// known by their kind: row n of x and column m of W enter y(n, m).
#pragma once

#include <xgrad/autograd/checks/nonfinite/tracer.hpp>

namespace xgrad::nonfinite {

/// The place of flat position `index` of an array of `shape`; see WindowPlace for the rule.
WindowPlace place_of(const Shape& shape, std::size_t index, const std::optional<std::size_t>& time_step,
                     const std::optional<Ids>& tokens);

/// The inputs' elements that made element `index` of the op's value. `paths` are those of the trace.
template <class T>
std::vector<NonfiniteCause> forward_causes(const TracedOp<T>& op, const std::vector<std::string>& paths,
                                           std::size_t index, const std::optional<Ids>& tokens);

/// The numbers of dy, the output and the inputs that made element `index` of the vjp's contribution.
template <class T>
std::vector<NonfiniteCause> backward_causes(const TracedOp<T>& op, const std::vector<std::string>& paths,
                                            const Array<T>& dy, std::size_t argument, std::size_t index,
                                            const std::optional<Ids>& tokens);

/// Where a row of the parameter `table`, read by `take` into row r of its value, stands in the table: the
/// flat position of its number in column c; tokens, if they are as many as rows, say it, else equal numbers
/// do.
template <class T>
std::size_t index_in_table(const Array<T>& table, const Array<T>& y, std::size_t index,
                           const std::optional<Ids>& tokens);

}  // namespace xgrad::nonfinite
