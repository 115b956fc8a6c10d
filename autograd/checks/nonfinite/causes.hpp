// Which finite numbers made one that is not, and where in the window a number stands. An op is a closure to
// the engine, so which numbers enter an element is known by shape: where an input broadcasts to the result,
// the number at the element; else, as for reductions, the largest magnitude of the input. Matrix products are
// known by their kind: row n of x and column m of W enter y(n, m). Start with forward_causes.
#pragma once

#include <cstring>

#include <fmt/format.h>

#include <xgrad/autograd/checks/nonfinite/tracer.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::nonfinite {

/// The place of flat position `index` of an array of `shape`; see WindowPlace for the rule.
inline WindowPlace place_of(const Shape& shape, std::size_t index,
                            const std::optional<std::size_t>& time_step, const std::optional<Ids>& tokens) {
  WindowPlace place{time_step, {}, {}};
  const std::size_t leading = shape.rank() == 0 ? 0 : index / (shape.size() / shape[0]);
  if (!tokens) {
    if (time_step && shape.rank() >= 2) place.row = leading;
    return place;
  }
  const std::size_t T = tokens->shape()[0], N = tokens->shape()[1];
  const bool two_axes = shape.rank() >= 2 && shape[0] == T && shape[1] == N;
  if (time_step) {
    if (shape.rank() >= 1 && shape[0] == N) place.row = leading;
  } else if (two_axes || (shape.rank() >= 1 && shape[0] == T * N)) {
    const std::size_t position = index / (shape.size() / (T * N));
    place = {position / N, position % N, {}};
  }
  if (place.row && *place.time_step < T) place.token = (*tokens)[*place.time_step * N + *place.row];
  return place;
}

/// Where a row of the parameter `table`, read by `take` into y, stands in the table: the flat position there
/// of number `index` of y. Tokens, if they are as many as rows, say it, else equal numbers do.
template <class T>
std::size_t index_in_table(const Array<T>& table, const Array<T>& y, std::size_t index,
                           const std::optional<Ids>& tokens) {
  const std::size_t width = table.size() / table.shape()[0];
  const std::size_t r = index / width, column = index % width;
  const auto is_row = [&](std::size_t id) {
    return std::memcmp(table.data() + id * width, y.data() + r * width, width * sizeof(T)) == 0;
  };
  const bool known = tokens && tokens->size() * width == y.size();
  std::size_t id = known ? static_cast<std::size_t>((*tokens)[r]) : 0;
  if (id >= table.shape()[0] || !is_row(id))
    for (id = 0; id + 1 < table.shape()[0] && !is_row(id);) ++id;
  return id * width + column;
}

/// The position, among first, first + step, ... of `count` numbers, of the one with the largest magnitude.
template <class T>
std::size_t largest(const Array<T>& x, std::size_t first, std::size_t step, std::size_t count) {
  std::size_t best = first;
  for (std::size_t i = 0; i < count; ++i)
    if (std::abs(shown(x.data()[first + i * step])) > std::abs(shown(x.data()[best])))
      best = first + i * step;
  return best;
}

/// The flat position in x, which broadcasts to y, of what meets flat position `index` of y.
inline std::size_t broadcast_index(std::size_t index, const Shape& x, const Shape& y) {
  const kernels::Strides of_x = kernels::broadcast_strides(x, y), of_y = kernels::broadcast_strides(y, y);
  std::size_t result = 0;
  for (std::size_t axis = 0; axis < y.rank(); ++axis) result += index / of_y[axis] % y[axis] * of_x[axis];
  return result;
}

/// True if element `index` of y is row r of x: (..., K) times column m of W: (K, M). A matmul may also be of
/// stacks, of vectors or transposed, which shapes alone do not always show; then the sum itself must not be
/// finite.
template <class T>
bool is_row_times_column(const Array<T>& x, const Array<T>& W, const Array<T>& y, std::size_t index) {
  if (W.rank() != 2 || x.rank() == 0 || y.rank() != x.rank()) return false;
  const std::size_t K = W.shape()[0], M = W.shape()[1];
  if (x.shape().back() != K || y.shape().back() != M || y.size() / M * K != x.size()) return false;
  T sum(0);
  for (std::size_t k = 0; k < K; ++k) sum += x.data()[index / M * K + k] * W.data()[k * M + index % M];
  return K != M || !std::isfinite(scalar::real(sum));
}

/// An element that counts: the one at the place itself, or the largest of several.
struct Element {
  std::size_t index;
  bool largest;
};

/// That of x for element `index` of y.
template <class T>
Element element_of(const Array<T>& x, const Shape& y, std::size_t index, bool elementwise) {
  if (elementwise && broadcast(x.shape(), y) == y) return {broadcast_index(index, x.shape(), y), false};
  return {largest(x, 0, 1, x.size()), true};
}

template <class T>
NonfiniteCause cause(std::string name, const Array<T>& x, Element element, const TracedOp<T>& op,
                     const std::optional<Ids>& tokens) {
  const WindowPlace where = place_of(x.shape(), element.index, op.step, tokens);
  const double value = shown(x.data()[element.index]);
  return {std::move(name), "", x.shape(), element.index, value, element.largest, where};
}

/// The same of argument j, which may be a parameter, and then has no row.
template <class T>
NonfiniteCause cause(const TracedOp<T>& op, std::size_t j, Element element,
                     const std::vector<std::string>& paths, const std::optional<Ids>& tokens) {
  NonfiniteCause result = cause(fmt::format("argument {}", j), op.inputs[j].value, element, op, tokens);
  if (op.inputs[j].parameter != TracedInput<T>::none) {
    result.path = paths[op.inputs[j].parameter];
    result.where = {result.where.time_step, {}, {}};
  }
  return result;
}

/// The inputs' elements that made element `index` of the op's value. `paths` are those of the trace.
template <class T>
std::vector<NonfiniteCause> forward_causes(const TracedOp<T>& op, const std::vector<std::string>& paths,
                                           std::size_t index, const std::optional<Ids>& tokens) {
  std::vector<NonfiniteCause> causes;
  const bool product = op.op.kind() == OpKind::product;
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    const Array<T>& x = op.inputs[j].value;
    if (x.size() == 0) continue;
    const bool bias = j + 1 == op.inputs.size() && j % 2 == 0, weight = j % 2 == 1;
    Element element = element_of(x, op.y.shape(), index, !product || bias);
    if (product && !bias) {
      const Array<T>&left = op.inputs[j - j % 2].value, &W = op.inputs[j - j % 2 + 1].value;
      if (!(op.op == ops::matmul) || is_row_times_column(left, W, op.y, index)) {
        const std::size_t M = op.y.shape().back(), K = W.shape()[0];
        element.index = K == 0 ? 0 : weight ? largest(x, index % M, M, K) : largest(x, index / M * K, 1, K);
      }
    }
    causes.push_back(cause(op, j, element, paths, tokens));
  }
  return causes;
}

/// The numbers of dy, the output and the inputs that made element `index` of the vjp's contribution.
template <class T>
std::vector<NonfiniteCause> backward_causes(const TracedOp<T>& op, const std::vector<std::string>& paths,
                                            const Array<T>& dy, std::size_t argument, std::size_t index,
                                            const std::optional<Ids>& tokens) {
  std::vector<NonfiniteCause> causes;
  const bool elementwise =
      op.op.kind() != OpKind::product && op.inputs[argument].value.shape() == op.y.shape();
  const auto element = [&](const Array<T>& x) { return element_of(x, op.y.shape(), index, elementwise); };
  if (dy.size() > 0) causes.push_back(cause("dy", dy, element(dy), op, tokens));
  if (op.y.size() > 0) causes.push_back(cause("y", op.y, element(op.y), op, tokens));
  for (std::size_t j = 0; j < op.inputs.size(); ++j)
    if (op.inputs[j].value.size() > 0)
      causes.push_back(cause(op, j, element(op.inputs[j].value), paths, tokens));
  return causes;
}

}  // namespace xgrad::nonfinite
