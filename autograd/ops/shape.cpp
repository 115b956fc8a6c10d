// Most of these are views: the vjp reads or writes the gradient through the same view.
#include <xgrad/autograd/ops/shape.hpp>

#include <cstdlib>
#include <limits>

#include <fmt/ranges.h>

#include <xgrad/autograd/numbers/view.hpp>
#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

using detail::refuse;

// y = x in another shape            dx = dy in x's shape
template <class T>
Variable<T> reshape(const Variable<T>& x, const Sizes& sizes) {
  std::string asked;
  std::ptrdiff_t unknown = -1;
  Shape shape;  // with 1 in the place of what is unknown
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    asked += (i > 0 ? ", " : "") + std::to_string(sizes[i]);
    if (sizes[i] < -1 || (sizes[i] == -1 && unknown >= 0))
      refuse(ops::reshape, "the sizes ({}...) must not be negative, except for one -1", asked);
    if (sizes[i] == -1) unknown = static_cast<std::ptrdiff_t>(i);
    shape.push_back(static_cast<std::size_t>(std::abs(sizes[i])));
  }
  const std::size_t known = shape.size();
  if (unknown >= 0 && known > 0) shape.set(static_cast<std::size_t>(unknown), x.size() / known);
  if (shape.size() != x.size() || (unknown >= 0 && known == 0))
    refuse(ops::reshape, "shape {} holds {} numbers, which do not fit ({})", x, x.size(), asked);
  return record(ops::reshape, x.value().reshaped(shape),
                wrt(x, [shape = x.shape()](const Array<T>& dy) { return dy.reshaped(shape); }));
}

template <class T>
Variable<T> squeeze(const Variable<T>& x, const Axes& axes) {
  const std::vector<bool> named = axes.mask("squeeze", x.shape());
  Shape shape;
  for (std::size_t a = 0; a < x.rank(); ++a) {
    const bool drop = named[a] && (x.shape()[a] == 1 || !axes.all());
    if (drop && x.shape()[a] != 1)
      refuse("squeeze", "axis {} of shape {} has size {}, expected 1", a, x, x.shape()[a]);
    if (!drop) shape.push_back(x.shape()[a]);
  }
  return reshape(x, shape);
}

template <class T>
Variable<T> expand_dims(const Variable<T>& x, std::ptrdiff_t axis) {
  Shape shape = x.shape();
  shape.push_back(1);
  const std::size_t a = normalize_axis("expand_dims", axis, shape);
  for (std::size_t d = x.rank(); d > a; --d) shape.set(d, x.shape()[d - 1]);
  shape.set(a, 1);
  return reshape(x, shape);
}

// y = x with axes permuted          dx = dy with axes permuted back
template <class T>
Variable<T> transpose(const Variable<T>& x, const std::vector<std::ptrdiff_t>& order) {
  std::vector<std::size_t> axes(x.rank()), back(x.rank(), Shape::max_rank);
  if (!order.empty() && order.size() != x.rank())
    refuse(ops::transpose, "{} axes were given for shape {}", order.size(), x);
  for (std::size_t i = 0; i < axes.size(); ++i)
    axes[i] = order.empty() ? axes.size() - 1 - i : normalize_axis("transpose", order[i], x.shape());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (back[axes[i]] != Shape::max_rank)
      refuse(ops::transpose, "axis {} of shape {} is named twice", axes[i], x);
    back[axes[i]] = i;
  }
  return record(ops::transpose, kernels::transposed(x.value(), axes),
                wrt(x, [back](const Array<T>& dy) { return kernels::transposed(dy, back); }));
}

// y = x with axes reversed          dx = dy with axes reversed
template <class T>
Variable<T> flip(const Variable<T>& x, const Axes& axes) {
  kernels::View view(x.shape());
  const std::vector<bool> reverse = axes.mask("flip", x.shape());
  for (std::size_t a = 0; a < x.rank(); ++a) {
    if (!reverse[a] || x.size() == 0) continue;
    view.offset += (x.shape()[a] - 1) * view.strides[a];
    view.strides[a] = -view.strides[a];
  }
  return record(ops::flip, kernels::read(x.value(), view),
                wrt(x, [view](const Array<T>& dy) { return kernels::read(dy, view); }));
}

// y = x, repeated                   dx = dy, which the tape sums over what was repeated
template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape) {
  if (broadcast(x.shape(), shape) != shape)
    refuse(ops::broadcast_to, "shape {} does not broadcast to {}", x, shape);
  auto y = Array<T>::uninitialized(shape);
  kernels::map_into(y, kernels::formulas::Copy(), x.value());
  return record(ops::broadcast_to, y, wrt(x, [](const Array<T>& dy) { return dy; }));
}

// y = value, with x inside          dx = dy inside
template <class T>
Variable<T> pad(const Variable<T>& x, const std::vector<Padding>& padding, double value) {
  if (padding.size() != x.rank())
    refuse(ops::pad, "{} paddings were given for shape {}, expected one for each axis", padding.size(), x);
  Shape shape = x.shape();
  for (std::size_t a = 0; a < x.rank(); ++a) {
    for (const std::size_t n : {padding[a].before, padding[a].after})
      if (n > std::numeric_limits<std::uint32_t>::max())
        refuse(ops::pad,
               "{} entries beside axis {} of shape {}, expected less than 2^32 (was a negative number "
               "converted?)",
               n, a, x);
    shape.set(a, padding[a].before + shape[a] + padding[a].after);
  }
  kernels::View inside(shape);
  inside.shape = x.shape();
  for (std::size_t a = 0; a < x.rank(); ++a) inside.offset += padding[a].before * inside.strides[a];
  auto y = Array<T>::full(shape, static_cast<T>(value));
  kernels::write(y, inside, x.value());
  return record(ops::pad, y, wrt(x, [inside](const Array<T>& dy) { return kernels::read(dy, inside); }));
}

XGRAD_INSTANTIATE_OPS(reshape, squeeze, expand_dims, transpose, flip, broadcast_to, pad)

}  // namespace xgrad
