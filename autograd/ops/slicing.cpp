// A cut along one axis sees the array as (outer, axis, inner): it is `outer` runs of consecutive numbers.
// Cuts with steps are views.
#include <xgrad/autograd/ops/slicing.hpp>

#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/view.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/rows.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

// Entries [first, first + count) of one axis of an array of `shape`.
struct Cut {
  std::size_t outer, length, inner, first, count;

  Cut(const Shape& shape, std::size_t axis, std::size_t begin, std::size_t n)
      : outer(Shape(shape.begin(), shape.begin() + axis).size()),
        length(shape[axis]),
        inner(Shape(shape.begin() + axis + 1, shape.end()).size()),
        first(begin),
        count(n) {}

  // Calls `run(offset in the whole, offset in the cut, n)` for each run of consecutive numbers.
  template <class Run>
  void for_each_run(Run run) const {
    for (std::size_t o = 0; o < outer; ++o)
      run((o * length + first) * inner, o * count * inner, count * inner);
  }
};

template <class T>
Array<T> read(const Array<T>& whole, const Cut& cut, const Shape& shape) {
  if (cut.outer == 1 && whole.rank() > 0 && cut.length == whole.shape()[0] &&
      cut.inner * cut.length == whole.size())
    return whole.rows(cut.first, cut.first + cut.count).reshaped(shape);
  auto part = Array<T>::uninitialized(shape);
  T* const out = part.mutable_data();
  cut.for_each_run([&](std::size_t from, std::size_t to, std::size_t n) {
    std::copy_n(whole.data() + from, n, out + to);
  });
  return part;
}

template <class T>
void write(Array<T>& whole, const Cut& cut, const Array<T>& part) {
  T* const out = whole.mutable_data();
  cut.for_each_run(
      [&](std::size_t to, std::size_t from, std::size_t n) { std::copy_n(part.data() + from, n, out + to); });
}

template <class T>
void add(Array<T>& whole, const Cut& cut, const Array<T>& part) {
  T* const out = whole.mutable_data();
  cut.for_each_run([&](std::size_t to, std::size_t from, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) out[to + i] += part.data()[from + i];
  });
}

// y = x[..., first:first + count, ...]          dx[..., first:first + count, ...] = dy, 0 elsewhere
template <class T>
Variable<T> cut_from(const Op& op, const Variable<T>& x, const Cut& cut, const Shape& shape) {
  return record(op, read(x.value(), cut, shape),
                wrt(x, [cut](const Array<T>& dy, Array<T>& dx) { add(dx, cut, dy); }));
}

std::size_t wrap(const char* op, std::ptrdiff_t index, std::size_t end, const char* what,
                 const Shape& shape) {
  const auto n = static_cast<std::ptrdiff_t>(end);
  if (index < -n || index > n)
    throw Error(op, std::string(what) + " " + std::to_string(index) + " is outside an axis of size " +
                        std::to_string(end) + " of shape " + to_string(shape));
  return static_cast<std::size_t>(index < 0 ? index + n : index);
}

// y = xs laid one after the other along `axis`; `part` is their common shape up to the size of that axis.
template <class T>
Variable<T> join(const Op& op, const std::vector<Variable<T>>& xs, const Shape& shape, std::size_t axis,
                 const std::vector<std::size_t>& counts) {
  auto y = Array<T>::uninitialized(shape);
  const auto vjp_of = [](const Cut& cut, const Shape& part) {
    return [cut, part](const Array<T>& dy) { return read(dy, cut, part); };
  };
  std::vector<Wrt<T, decltype(vjp_of(Cut(shape, axis, 0, 0), shape))>> inputs;
  inputs.reserve(xs.size());
  std::size_t first = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const Cut cut(shape, axis, first, counts[i]);
    write(y, cut, xs[i].value());
    inputs.push_back({xs[i], vjp_of(cut, xs[i].shape())});
    first += counts[i];
  }
  return record(op, std::move(y), std::move(inputs));
}

std::ptrdiff_t signed_of(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }

// The entries of an axis of size n that a range names: where they begin, and how many.
struct Entries {
  std::ptrdiff_t first, step;
  std::size_t count;

  Entries(const Range& range, std::size_t axis, const Shape& shape) : step(range.step) {
    const std::size_t n = shape[axis];
    const auto bound = [&](std::ptrdiff_t index, const char* what) {
      return signed_of(wrap("slice", index, n, what, shape));
    };
    if (step == 0)
      throw Error("slice", fmt::format("a step of 0 along axis {} of shape {}", axis, to_string(shape)));
    const std::ptrdiff_t start = step > 0 ? 0 : signed_of(n) - 1, end = step > 0 ? signed_of(n) : -1;
    first = range.first ? bound(*range.first, "first") : start;
    if (step < 0 && first == signed_of(n)) first = start;  // as NumPy clips it
    const std::ptrdiff_t last = range.last ? bound(*range.last, "last") : end;
    const std::ptrdiff_t way = step > 0 ? last - first : first - last, size = step > 0 ? step : -step;
    count = way > 0 ? static_cast<std::size_t>((way + size - 1) / size) : 0;
  }
};

}  // namespace

template <class T>
Variable<T> select(const Variable<T>& x, std::ptrdiff_t index, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("select", axis, x.shape());
  const std::size_t i = wrap("select", index, x.shape()[a], "index", x.shape());
  if (i == x.shape()[a])
    throw Error("select", "index " + std::to_string(index) + " is outside an axis of size " +
                              std::to_string(i) + " of shape " + to_string(x.shape()));
  Shape shape;
  for (std::size_t d = 0; d < x.rank(); ++d)
    if (d != a) shape.push_back(x.shape()[d]);
  Variable<T> y = cut_from(ops::select, x, Cut(x.shape(), a, i, 1), shape);
  if (a == 0) detail::note_row(y, x, i);
  return y;
}

template <class T>
Variable<T> slice(const Variable<T>& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("slice", axis, x.shape());
  const std::size_t begin = wrap("slice", first, x.shape()[a], "first", x.shape());
  const std::size_t end = wrap("slice", last, x.shape()[a], "last", x.shape());
  if (begin > end)
    throw Error("slice", "[" + std::to_string(first) + ", " + std::to_string(last) +
                             ") runs backwards along axis " + std::to_string(a) + " of shape " +
                             to_string(x.shape()));
  Shape shape = x.shape();
  shape.set(a, end - begin);
  return cut_from(ops::slice, x, Cut(x.shape(), a, begin, end - begin), shape);
}

// y = x[ranges]                     dx[ranges] = dy, 0 elsewhere
template <class T>
Variable<T> slice(const Variable<T>& x, const std::vector<Range>& ranges) {
  if (ranges.size() > x.rank())
    throw Error("slice", fmt::format("{} ranges were given for shape {}", ranges.size(), describe(x)));
  kernels::View view(x.shape());
  for (std::size_t a = 0; a < ranges.size(); ++a) {
    const Entries entries(ranges[a], a, x.shape());
    view.shape.set(a, entries.count);
    if (entries.count > 0) view.offset += static_cast<std::size_t>(entries.first) * view.strides[a];
    view.strides[a] *= static_cast<std::size_t>(entries.step);
  }
  return record(ops::slice, kernels::read(x.value(), view),
                wrt(x, [view](const Array<T>& dy, Array<T>& dx) { kernels::add(dx, view, dy); }));
}

template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, const std::vector<std::size_t>& sizes,
                               std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("split", axis, x.shape());
  if (std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}) != x.shape()[a])
    throw Error("split", fmt::format("sizes ({}) do not add up to axis {} of shape {}",
                                     fmt::join(sizes, ", "), a, describe(x)));
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
  if (count == 0 || n % count != 0)
    throw Error("split", fmt::format("axis {} of shape {} does not divide into {} equal parts", a,
                                     describe(x), count));
  return split(x, std::vector<std::size_t>(count, n / count), axis);
}

// y = [x_0, x_1, ...]               dx_i = dy[i]
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis) {
  if (xs.empty()) throw Error("stack", "needs at least one variable");
  const Shape& part = xs[0].shape();
  for (std::size_t i = 1; i < xs.size(); ++i)
    if (xs[i].shape() != part)
      throw Error("stack", "variable " + std::to_string(i) + " has shape " + to_string(xs[i].shape()) +
                               ", expected that of variable 0, " + to_string(part));
  Shape shape = part;
  shape.push_back(0);
  const std::size_t a = normalize_axis("stack", axis, shape);
  for (std::size_t d = part.rank(); d > a; --d) shape.set(d, part[d - 1]);
  shape.set(a, xs.size());
  return join(ops::stack, xs, shape, a, std::vector<std::size_t>(xs.size(), 1));
}

// y = x_0 x_1 ... along an axis     dx_i = the part of dy that x_i became
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis) {
  if (xs.empty()) throw Error("concat", "needs at least one variable");
  Shape shape = xs[0].shape();
  const std::size_t a = normalize_axis("concat", axis, shape);
  std::vector<std::size_t> counts;
  std::size_t total = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    Shape expected = shape;
    if (xs[i].rank() == shape.rank()) expected.set(a, xs[i].shape()[a]);
    if (xs[i].shape() != expected)
      throw Error("concat", "variable " + std::to_string(i) + " has shape " + to_string(xs[i].shape()) +
                                ", expected that of variable 0, " + to_string(shape) +
                                ", except along axis " + std::to_string(a));
    counts.push_back(xs[i].shape()[a]);
    total += counts.back();
  }
  shape.set(a, total);
  return join(ops::concat, xs, shape, a, counts);
}

#define XGRAD_INSTANTIATE(T)                                                                      \
  template Variable<T> select(const Variable<T>&, std::ptrdiff_t, std::ptrdiff_t);                \
  template Variable<T> slice(const Variable<T>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t); \
  template Variable<T> slice(const Variable<T>&, const std::vector<Range>&);                      \
  template std::vector<Variable<T>> split(const Variable<T>&, std::size_t, std::ptrdiff_t);       \
  template std::vector<Variable<T>> split(const Variable<T>&, const std::vector<std::size_t>&,    \
                                          std::ptrdiff_t);                                        \
  template Variable<T> stack(const std::vector<Variable<T>>&, std::ptrdiff_t);                    \
  template Variable<T> concat(const std::vector<Variable<T>>&, std::ptrdiff_t);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
