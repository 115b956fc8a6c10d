// Every cut along an axis sees the array as (outer, axis, inner): a slice is `outer` runs of consecutive
// numbers.
#include <xgrad/autograd/ops/shape.hpp>

#include <numeric>

#include <xgrad/autograd/kernels/strided.hpp>
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
Variable<T> cut_from(const char* op, const Variable<T>& x, const Cut& cut, const Shape& shape) {
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
Variable<T> join(const char* op, const std::vector<Variable<T>>& xs, const Shape& shape, std::size_t axis,
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

template <class T>
Array<T> transposed(const Array<T>& x, const std::vector<std::size_t>& axes) {
  Shape shape;
  for (const std::size_t axis : axes) shape.push_back(x.shape()[axis]);
  auto y = Array<T>::uninitialized(shape);
  const kernels::Strides x_strides = kernels::broadcast_strides(x.shape(), x.shape());
  kernels::Strides from{};
  for (std::size_t i = 0; i < axes.size(); ++i) from[i] = x_strides[axes[i]];
  T* const out = y.mutable_data();
  const kernels::StridedWalk<2> walk(shape, {kernels::broadcast_strides(shape, shape), from});
  walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
    for (std::size_t i = 0; i < n; ++i) out[offsets[0] + i * steps[0]] = x.data()[offsets[1] + i * steps[1]];
  });
  return y;
}

}  // namespace

// y = x in another shape            dx = dy in x's shape
template <class T>
Variable<T> reshape(const Variable<T>& x, const Sizes& sizes) {
  std::string asked;
  std::ptrdiff_t unknown = -1;
  std::size_t known = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    asked += (i > 0 ? ", " : "") + std::to_string(sizes[i]);
    if (sizes[i] < -1 || (sizes[i] == -1 && unknown >= 0))
      throw Error("reshape", "the sizes (" + asked + "...) must not be negative, except for one -1");
    if (sizes[i] == -1) unknown = static_cast<std::ptrdiff_t>(i);
    known *= sizes[i] == -1 ? 1 : static_cast<std::size_t>(sizes[i]);
  }
  Shape shape;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    shape.push_back(sizes[i] == -1 ? (known == 0 ? 0 : x.size() / known)
                                   : static_cast<std::size_t>(sizes[i]));
  if (shape.size() != x.size() || (unknown >= 0 && known == 0))
    throw Error("reshape", "shape " + describe(x) + " holds " + std::to_string(x.size()) +
                               " numbers, which do not fit (" + asked + ")");
  return record("reshape", x.value().reshaped(shape),
                wrt(x, [shape = x.shape()](const Array<T>& dy) { return dy.reshaped(shape); }));
}

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
  return cut_from("select", x, Cut(x.shape(), a, i, 1), shape);
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
  return cut_from("slice", x, Cut(x.shape(), a, begin, end - begin), shape);
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
  return join("stack", xs, shape, a, std::vector<std::size_t>(xs.size(), 1));
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
  return join("concat", xs, shape, a, counts);
}

// y = x with axes permuted          dx = dy with axes permuted back
template <class T>
Variable<T> transpose(const Variable<T>& x, const std::vector<std::ptrdiff_t>& order) {
  std::vector<std::size_t> axes(x.rank()), back(x.rank(), Shape::max_rank);
  if (order.empty()) {
    for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = axes.size() - 1 - i;
  } else {
    if (order.size() != x.rank())
      throw Error("transpose", std::to_string(order.size()) + " axes were given for shape " + describe(x));
    for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = normalize_axis("transpose", order[i], x.shape());
  }
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (back[axes[i]] != Shape::max_rank)
      throw Error("transpose",
                  "axis " + std::to_string(axes[i]) + " of shape " + describe(x) + " is named twice");
    back[axes[i]] = i;
  }
  return record("transpose", transposed(x.value(), axes),
                wrt(x, [back](const Array<T>& dy) { return transposed(dy, back); }));
}

template Variable<float> reshape(const Variable<float>&, const Sizes&);
template Variable<double> reshape(const Variable<double>&, const Sizes&);
template Variable<Complex> reshape(const Variable<Complex>&, const Sizes&);
template Variable<float> select(const Variable<float>&, std::ptrdiff_t, std::ptrdiff_t);
template Variable<double> select(const Variable<double>&, std::ptrdiff_t, std::ptrdiff_t);
template Variable<Complex> select(const Variable<Complex>&, std::ptrdiff_t, std::ptrdiff_t);
template Variable<float> slice(const Variable<float>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);
template Variable<double> slice(const Variable<double>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);
template Variable<Complex> slice(const Variable<Complex>&, std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t);
template Variable<float> stack(const std::vector<Variable<float>>&, std::ptrdiff_t);
template Variable<double> stack(const std::vector<Variable<double>>&, std::ptrdiff_t);
template Variable<Complex> stack(const std::vector<Variable<Complex>>&, std::ptrdiff_t);
template Variable<float> concat(const std::vector<Variable<float>>&, std::ptrdiff_t);
template Variable<double> concat(const std::vector<Variable<double>>&, std::ptrdiff_t);
template Variable<Complex> concat(const std::vector<Variable<Complex>>&, std::ptrdiff_t);
template Variable<float> transpose(const Variable<float>&, const std::vector<std::ptrdiff_t>&);
template Variable<double> transpose(const Variable<double>&, const std::vector<std::ptrdiff_t>&);
template Variable<Complex> transpose(const Variable<Complex>&, const std::vector<std::ptrdiff_t>&);

}  // namespace xgrad
