// Cuts are views; along the leading axis they share memory. What is joined is written through such views.
#include <xgrad/autograd/ops/slicing.hpp>

#include <limits>

#include <fmt/ranges.h>

#include <xgrad/autograd/numbers/view.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/row_products.hpp>

namespace xgrad {

using detail::refuse;
using kernels::View;

namespace {

// Entries [first, first + count) of one axis, as an array of `shape`.
template <class T>
Array<T> entries(const Array<T>& x, std::size_t axis, std::size_t first, std::size_t count,
                 const Shape& shape) {
  if (axis == 0) return x.rows(first, first + count).reshaped(shape);
  return kernels::read(x, View(x.shape(), axis, first, count)).reshaped(shape);
}

// y = x[..., first:first + count, ...]          dx[..., first:first + count, ...] = dy, 0 elsewhere
template <class T>
Variable<T> cut(const Op& op, const Variable<T>& x, std::size_t axis, std::size_t first, std::size_t count,
                const Shape& shape) {
  Array<T> y = entries(x.value(), axis, first, count, shape);
  // A few numbers would keep a large block. But a row that select takes of a sequence stays in its place,
  // where row_products.hpp looks for the others.
  const bool few = y.size() <= 16 && y.block() != nullptr && y.block()->size > 1024;
  if (few && (op == ops::slice || y.rank() == 0)) y = y.copy();
  return record(op, std::move(y),
                wrt(x, [axis, first, count](const Array<T>& dy, Array<T>& dx) {  // less to keep than the view
                  kernels::add(dx, View(dx.shape(), axis, first, count), dy);
                }));
}

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// Where `index` is along an axis; the last place is `end`, at or behind the last entry.
std::size_t place(const Op& op, const char* what, std::ptrdiff_t index, const Shape& shape, std::size_t axis,
                  std::ptrdiff_t end) {
  const std::ptrdiff_t n = signed_of(shape[axis]);
  if (index < -n || index > end)
    refuse(op, "{} {} is outside an axis of size {} of shape {}", what, index, n, shape);
  return static_cast<std::size_t>(index < 0 ? index + n : index);
}

// One end of the entries that slice takes.
std::ptrdiff_t bound(const char* what, std::ptrdiff_t index, const Shape& shape, std::size_t axis) {
  return signed_of(place(ops::slice, what, index, shape, axis, signed_of(shape[axis])));
}

// Leaves of an axis, which the view shows whole, what a range names.
void narrow(View& view, std::size_t axis, const Range& range, const Shape& shape) {
  const std::ptrdiff_t n = signed_of(shape[axis]), step = range.step;
  if (step == 0) refuse(ops::slice, "a step of 0 along axis {} of shape {}", axis, shape);
  const std::ptrdiff_t start = step > 0 ? 0 : n - 1, end = step > 0 ? n : -1;
  std::ptrdiff_t first = range.first ? bound("first", *range.first, shape, axis) : start;
  if (step < 0 && first == n) first = start;  // as NumPy clips it
  const std::ptrdiff_t last = range.last ? bound("last", *range.last, shape, axis) : end;
  const std::ptrdiff_t way = step > 0 ? last - first : first - last;
  const std::size_t size = step > 0 ? static_cast<std::size_t>(step) : 0 - static_cast<std::size_t>(step);
  view.shape.set(axis, way > 0 ? (static_cast<std::size_t>(way) - 1) / size + 1 : 0);
  if (way > 0) view.offset += static_cast<std::size_t>(first) * view.strides[axis];
  view.strides[axis] *= static_cast<std::size_t>(step);
}

// y = xs one after the other along an axis, which they have or, each being one entry, lack
template <class T>
Variable<T> join(const Op& op, const std::vector<Variable<T>>& xs, const Shape& shape, std::size_t axis) {
  auto y = Array<T>::uninitialized(shape);
  const auto vjp_of = [axis](std::size_t first, std::size_t count, const Shape& part) {
    return [=](const Array<T>& dy) { return entries(dy, axis, first, count, part); };
  };
  std::vector<Wrt<T, decltype(vjp_of(0, 0, shape))>> inputs;
  inputs.reserve(xs.size());
  std::size_t first = 0;
  for (const Variable<T>& x : xs) {
    const std::size_t count = x.rank() < shape.rank() ? 1 : x.shape()[axis];
    kernels::write(y, View(shape, axis, first, count), x.value());
    inputs.push_back({x, vjp_of(first, count, x.shape())});
    first += count;
  }
  return record(op, std::move(y), std::move(inputs));
}

}  // namespace

template <class T>
Variable<T> select(const Variable<T>& x, std::ptrdiff_t index, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("select", axis, x.shape());
  const std::size_t i = place(ops::select, "index", index, x.shape(), a, signed_of(x.shape()[a]) - 1);
  Shape shape;
  for (std::size_t d = 0; d < x.rank(); ++d)
    if (d != a) shape.push_back(x.shape()[d]);
  Variable<T> y = cut(ops::select, x, a, i, 1, shape);
  if (a == 0 && y.rank() > 0) detail::note_row(y, x, i);
  return y;
}

template <class T>
Variable<T> slice(const Variable<T>& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("slice", axis, x.shape());
  const std::ptrdiff_t begin = bound("first", first, x.shape(), a), end = bound("last", last, x.shape(), a);
  if (begin > end)
    refuse(ops::slice, "[{}, {}) runs backwards along axis {} of shape {}", first, last, a, x.shape());
  Shape shape = x.shape();
  shape.set(a, static_cast<std::size_t>(end - begin));
  return cut(ops::slice, x, a, static_cast<std::size_t>(begin), shape[a], shape);
}

// y = x[ranges]                     dx[ranges] = dy, 0 elsewhere
template <class T>
Variable<T> slice(const Variable<T>& x, const std::vector<Range>& ranges) {
  if (ranges.size() > x.rank()) refuse(ops::slice, "{} ranges were given for shape {}", ranges.size(), x);
  View view(x.shape());
  for (std::size_t a = 0; a < ranges.size(); ++a) narrow(view, a, ranges[a], x.shape());
  return record(ops::slice, kernels::read(x.value(), view),
                wrt(x, [view](const Array<T>& dy, Array<T>& dx) { kernels::add(dx, view, dy); }));
}

template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, const std::vector<std::size_t>& sizes,
                               std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("split", axis, x.shape());
  std::size_t rest = x.shape()[a];
  bool fit = true;
  for (const std::size_t size : sizes) {  // their sum could wrap
    fit = fit && size <= rest;
    rest -= size;
  }
  if (!fit || rest != 0)
    refuse("split", "sizes ({}) do not add up to axis {} of shape {}",
           fmt::format("{}", fmt::join(sizes, ", ")), a, x);
  std::vector<Variable<T>> parts;
  std::ptrdiff_t first = 0;
  for (const std::size_t size : sizes) {
    parts.push_back(slice(x, first, first + signed_of(size), axis));
    first += signed_of(size);
  }
  return parts;
}

template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, std::size_t count, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("split", axis, x.shape()), n = x.shape()[a];
  if (count == 0 || n % count != 0 || count > std::numeric_limits<std::uint32_t>::max())
    refuse("split", "axis {} of shape {} does not divide into {} equal parts", a, x, count);
  return split(x, std::vector<std::size_t>(count, n / count), axis);
}

// y = [x_0, x_1, ...]               dx_i = dy[i]
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis) {
  if (xs.empty()) refuse(ops::stack, "needs at least one variable");
  const Shape& part = xs[0].shape();
  for (std::size_t i = 1; i < xs.size(); ++i)
    if (xs[i].shape() != part)
      refuse(ops::stack, "variable {} has shape {}, expected that of variable 0, {}", i, xs[i].shape(), part);
  Shape shape = part;
  shape.push_back(0);
  const std::size_t a = normalize_axis("stack", axis, shape);
  for (std::size_t d = part.rank(); d > a; --d) shape.set(d, part[d - 1]);
  shape.set(a, xs.size());
  return join(ops::stack, xs, shape, a);
}

// y = x_0 x_1 ... along an axis     dx_i = the part of dy that x_i became
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis) {
  if (xs.empty()) refuse(ops::concat, "needs at least one variable");
  Shape shape = xs[0].shape();
  const std::size_t a = normalize_axis("concat", axis, shape);
  std::size_t total = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    Shape expected = shape;
    if (xs[i].rank() == shape.rank()) expected.set(a, xs[i].shape()[a]);
    if (xs[i].shape() != expected)
      refuse(ops::concat, "variable {} has shape {}, expected that of variable 0, {}, except along axis {}",
             i, xs[i].shape(), shape, a);
    total += xs[i].shape()[a];
  }
  shape.set(a, total);
  return join(ops::concat, xs, shape, a);
}

XGRAD_INSTANTIATE_OPS(select)
#define XGRAD_INSTANTIATE(T)                                                                      \
  template Variable<T> slice(const Variable<T>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t); \
  template Variable<T> slice(const Variable<T>&, const std::vector<Range>&);                      \
  template std::vector<Variable<T>> split(const Variable<T>&, std::size_t, std::ptrdiff_t);       \
  template std::vector<Variable<T>> split(const Variable<T>&, const std::vector<std::size_t>&,    \
                                          std::ptrdiff_t);                                        \
  template Variable<T> stack(const std::vector<Variable<T>>&, std::ptrdiff_t);                    \
  template Variable<T> concat(const std::vector<Variable<T>>&, std::ptrdiff_t);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
