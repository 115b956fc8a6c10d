// See causes.hpp.
#include <xgrad/autograd/checks/nonfinite/causes.hpp>

#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include <xgrad/autograd/checks/nonfinite/numbers.hpp>
#include <xgrad/autograd/ops/identities.hpp>

namespace xgrad::nonfinite {

namespace {

bool is_product(const Op& op) { return op.kind() == OpKind::product; }

bool broadcasts_to(const Shape& x, const Shape& y) { return broadcast(x, y) == y; }

// The flat position in x, which broadcasts to y, of what meets flat position `index` of y.
std::size_t broadcast_index(std::size_t index, const Shape& x, const Shape& y) {
  std::size_t result = 0, stride = 1;
  for (std::size_t axis = 0; axis < y.rank(); ++axis) {
    const std::size_t from_end = y[y.rank() - 1 - axis];
    const std::size_t i = index % from_end;
    index /= from_end;
    if (axis >= x.rank()) continue;
    const std::size_t size = x[x.rank() - 1 - axis];
    if (size != 1) result += i * stride;
    stride *= size;
  }
  return result;
}

template <class T>
NonfiniteCause cause(std::string name, const Array<T>& x, std::size_t index, bool is_largest,
                     const TracedOp<T>& op, const std::optional<Ids>& tokens) {
  NonfiniteCause result;
  result.name = std::move(name);
  result.shape = x.shape();
  result.index = index;
  result.value = shown(x.data()[index]);
  result.largest = is_largest;
  result.where = place_of(x.shape(), index, op.step, tokens);
  return result;
}

template <class T>
NonfiniteCause largest_of(std::string name, const Array<T>& x, const TracedOp<T>& op,
                          const std::optional<Ids>& tokens) {
  return cause(std::move(name), x, largest(x, 0, 1, x.size()), true, op, tokens);
}

// True if element `index` of y is row r of x: (..., K) times column m of W: (K, M). A matmul may also be of
// stacks, of vectors or transposed, which shapes alone do not always show; then the sum itself must not be
// finite.
template <class T>
bool is_row_times_column(const Array<T>& x, const Array<T>& W, const Array<T>& y, std::size_t index) {
  if (W.rank() != 2 || x.rank() == 0 || y.rank() != x.rank()) return false;
  const std::size_t K = W.shape()[0], M = W.shape()[1];
  if (x.shape().back() != K || y.shape().back() != M || y.size() / M * K != x.size()) return false;
  T sum(0);
  for (std::size_t k = 0; k < K; ++k) sum += x.data()[index / M * K + k] * W.data()[k * M + index % M];
  return K != M || !std::isfinite(scalar::real(sum));
}

// Adds the path of a parameter, which has no row.
template <class T>
void name_argument(NonfiniteCause& cause, const TracedOp<T>& op, std::size_t j,
                   const std::vector<std::string>& paths) {
  if (op.inputs[j].parameter == TracedInput<T>::none) return;
  cause.path = paths[op.inputs[j].parameter];
  cause.where = {cause.where.time_step, {}, {}};
}

}  // namespace

WindowPlace place_of(const Shape& shape, std::size_t index, const std::optional<std::size_t>& time_step,
                     const std::optional<Ids>& tokens) {
  WindowPlace place{time_step, {}, {}};
  const std::size_t leading = shape.rank() == 0 ? 0 : index / (shape.size() / shape[0]);
  if (!tokens) {
    if (time_step && shape.rank() >= 2) place.row = leading;
    return place;
  }
  const std::size_t T = tokens->shape()[0], N = tokens->shape()[1];
  if (time_step) {
    if (shape.rank() >= 1 && shape[0] == N) place.row = leading;
  } else {
    std::optional<std::size_t> position;
    if (shape.rank() >= 2 && shape[0] == T && shape[1] == N) {
      position = index / (shape.size() / (T * N));
    } else if (shape.rank() >= 1 && shape[0] == T * N) {
      position = leading;
    }
    if (position) place = {*position / N, *position % N, {}};
  }
  if (place.row && *place.time_step < T) place.token = (*tokens)[*place.time_step * N + *place.row];
  return place;
}

template <class T>
std::vector<NonfiniteCause> forward_causes(const TracedOp<T>& op, const std::vector<std::string>& paths,
                                           std::size_t index, const std::optional<Ids>& tokens) {
  std::vector<NonfiniteCause> causes;
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    const Array<T> x = op.inputs[j].value;
    if (x.size() == 0) continue;
    const std::string name = fmt::format("argument {}", j);
    const bool is_bias = j + 1 == op.inputs.size() && j % 2 == 0;
    const std::size_t first = j - j % 2;  // of the operands of a product
    if (is_product(op.op) && !is_bias &&
        (!(op.op == ops::matmul) ||
         is_row_times_column(op.inputs[first].value, op.inputs[first + 1].value, op.y, index))) {
      const std::size_t M = op.y.shape().back(), K = op.inputs[first + 1].value.shape()[0];
      const bool is_weight = j % 2 == 1;
      const std::size_t at = K == 0      ? 0
                             : is_weight ? largest(x, index % M, M, K)
                                         : largest(x, index / M * K, 1, K);
      causes.push_back(cause(name, x, at, true, op, tokens));
    } else if ((!is_product(op.op) || is_bias) && broadcasts_to(x.shape(), op.y.shape())) {
      causes.push_back(cause(name, x, broadcast_index(index, x.shape(), op.y.shape()), false, op, tokens));
    } else {
      causes.push_back(largest_of(name, x, op, tokens));
    }
    name_argument(causes.back(), op, j, paths);
  }
  return causes;
}

template <class T>
std::vector<NonfiniteCause> backward_causes(const TracedOp<T>& op, const std::vector<std::string>& paths,
                                            const Array<T>& dy, std::size_t argument, std::size_t index,
                                            const std::optional<Ids>& tokens) {
  std::vector<NonfiniteCause> causes;
  const bool there = !is_product(op.op) && op.inputs[argument].value.shape() == op.y.shape();
  const auto add = [&](std::string name, const Array<T>& x) {
    if (x.size() == 0) return;
    if (there && broadcasts_to(x.shape(), op.y.shape())) {
      causes.push_back(
          cause(std::move(name), x, broadcast_index(index, x.shape(), op.y.shape()), false, op, tokens));
    } else {
      causes.push_back(largest_of(std::move(name), x, op, tokens));
    }
  };
  add("dy", dy);
  add("y", op.y);
  for (std::size_t j = 0; j < op.inputs.size(); ++j) {
    const std::size_t before = causes.size();
    add(fmt::format("argument {}", j), op.inputs[j].value);
    if (causes.size() > before) name_argument(causes.back(), op, j, paths);
  }
  return causes;
}

template <class T>
std::size_t index_in_table(const Array<T>& table, const Array<T>& y, std::size_t index,
                           const std::optional<Ids>& tokens) {
  const std::size_t width = table.size() / table.shape()[0];
  const std::size_t r = index / width, column = index % width;
  const auto is_row = [&](std::size_t id) {
    return std::memcmp(table.data() + id * width, y.data() + r * width, width * sizeof(T)) == 0;
  };
  if (tokens && tokens->size() * width == y.size()) {
    const auto id = static_cast<std::size_t>((*tokens)[r]);
    if (id < table.shape()[0] && is_row(id)) return id * width + column;
  }
  std::size_t id = 0;
  while (id + 1 < table.shape()[0] && !is_row(id)) ++id;
  return id * width + column;
}

#define XGRAD_INSTANTIATE(T)                                                                                \
  template std::vector<NonfiniteCause> forward_causes(const TracedOp<T>&, const std::vector<std::string>&,  \
                                                      std::size_t, const std::optional<Ids>&);              \
  template std::vector<NonfiniteCause> backward_causes(const TracedOp<T>&, const std::vector<std::string>&, \
                                                       const Array<T>&, std::size_t, std::size_t,           \
                                                       const std::optional<Ids>&);                          \
  template std::size_t index_in_table(const Array<T>&, const Array<T>&, std::size_t,                        \
                                      const std::optional<Ids>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(Complex)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::nonfinite
