// The vjp of take hands the rows of dy on as they are, and they are added up once, at the end of the sweep.
#include <xgrad/autograd/ops/indexing.hpp>

#include <algorithm>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

using detail::refuse;

namespace {

template <class T>
Array<T> with_rows_zeroed(const Array<T>& x, const Ids& rows) {
  Array<T> y = x.copy();
  const std::size_t width = rows.size() == 0 ? 0 : x.size() / rows.size();
  T* const out = y.mutable_data();
  for (std::size_t r = 0; r < rows.size(); ++r)
    if (rows[r] != 0) std::fill_n(out + r * width, width, T(0));
  return y;
}

// The elements of an array of shape `x` that gather and scatter_add name: `f(i, k)` for element i of the ids,
// which names element k of the array.
class AlongAxis {
 public:
  template <class T>
  AlongAxis(const Op& op, const Variable<T>& x, const Ids& ids, std::ptrdiff_t axis) : ids_(ids) {
    const Shape& shape = x.shape();
    const std::size_t a = normalize_axis(op.name(), axis, shape);
    Shape expected = ids.shape();
    if (expected.rank() == shape.rank()) expected.set(a, shape[a]);
    if (expected != shape)
      refuse(op, "ids of shape {} do not fit x of shape {}: all axes but axis {} must agree", ids.shape(), x,
             a);
    ids.check_range(op.name(), "id", shape[a]);
    n_ = shape[a];
    count_ = ids.shape()[a];
    inner_ = shape.stride(a);
  }

  template <class F>
  void for_each(F f) const {
    const auto* id = ids_.begin();
    const std::size_t row = count_ * inner_;
    for (std::size_t i = 0, from = 0; i < ids_.size(); i += row, from += n_ * inner_)
      for (std::size_t k = 0; k < row; k += inner_)
        for (std::size_t j = 0; j < inner_; ++j, ++id)
          f(i + k + j, from + static_cast<std::size_t>(*id) * inner_ + j);
  }
  template <class T>
  Array<T> gathered(const Array<T>& x) const {
    return kernels::filled<T>(
        ids_.shape(), [&](T* out) { for_each([&](std::size_t i, std::size_t k) { out[i] = x.data()[k]; }); });
  }
  template <class T>
  void add(const Array<T>& y, Array<T>& x) const {
    kernels::add_terms(x.mutable_data(), x.size(), y.data(), count_, [this](auto f) { this->for_each(f); });
  }

 private:
  Ids ids_;
  std::size_t n_, count_, inner_;
};

}  // namespace

// y_i = table[ids_i]                dtable[ids_i] += dy_i
template <class T>
Variable<T> take(const Variable<T>& table, const Ids& ids) {
  if (table.rank() == 0) refuse(ops::take, "needs a table with at least one axis, got a number");
  ids.check_range("take", "id", table.shape()[0]);
  const Shape row(table.shape().begin() + 1, table.shape().end());
  Shape shape = ids.shape();
  for (const auto dim : row) shape.push_back(dim);

  const std::size_t width = row.size();
  const T* const numbers = table.value_of_rows(ids).data();
  const auto y = kernels::filled<T>(shape, [&](T* out) {
    kernels::parallel_rows(ids.size(), width, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i)
        std::copy_n(numbers + static_cast<std::size_t>(ids[i]) * width, width, out + i * width);
    });
  });
  return record(ops::take, y, wrt(table, [ids, shape = table.shape()](const Array<T>& dy) {
                  Shape rows = shape;
                  rows.set(0, ids.size());
                  return RowSparse<T>{shape, ids.reshaped({ids.size()}), dy.reshaped(rows)};
                }));
}

// y_r = 0 if marked else x_r        dx_r = 0 if marked else dy_r
template <class T>
Variable<T> reset_rows(const Variable<T>& x, const Ids& rows) {
  if (x.rank() == 0 || rows.shape() != Shape{x.shape()[0]})
    refuse(ops::reset_rows, "a mask of shape {} does not fit x of shape {}: it needs one entry per row",
           rows.shape(), x);
  return record(ops::reset_rows, with_rows_zeroed(x.value(), rows),
                wrt(x, [rows](const Array<T>& dy) { return with_rows_zeroed(dy, rows); }));
}

// y_i = x[ids_i]                    dx[ids_i] += dy_i
template <class T>
Variable<T> gather(const Variable<T>& x, const Ids& ids, std::ptrdiff_t axis) {
  const AlongAxis along(ops::gather, x, ids, axis);
  return record(ops::gather, along.gathered(x.value()),
                wrt(x, [along](const Array<T>& dy, Array<T>& dx) { along.add(dy, dx); }));
}

// z = x, z[ids_i] += y_i            dx = dz                 dy_i = dz[ids_i]
template <class T>
Variable<T> scatter_add(const Variable<T>& x, const Ids& ids, const Variable<T>& y, std::ptrdiff_t axis) {
  const AlongAxis along(ops::scatter_add, x, ids, axis);
  if (y.shape() != ids.shape())
    refuse(ops::scatter_add, "ids of shape {} do not fit y of shape {}, expected the same", ids.shape(), y);
  Array<T> z = x.value().copy();
  along.add(y.value(), z);
  const auto absolute = [&] {
    return [ids, axis](const auto& xs) {
      return scatter_add(detail::size_of(xs[0]), ids, detail::size_of(xs[1]), axis);
    };
  };
  return record(summing(ops::scatter_add, absolute), z, wrt(x, [](const Array<T>& dz) { return dz; }),
                wrt(y, [along](const Array<T>& dz) { return along.gathered(dz); }));
}

template <class T>
Variable<T> one_hot(const Ids& ids, std::size_t count) {
  ids.check_range("one_hot", "id", count);
  Shape shape = ids.shape();
  shape.push_back(count);
  auto y = Array<T>::zeros(shape);
  T* const out = y.mutable_data();
  for (std::size_t i = 0; i < ids.size(); ++i) out[i * count + static_cast<std::size_t>(ids[i])] = T(1);
  y.written();
  return y;
}

XGRAD_INSTANTIATE_OPS(take, reset_rows, gather, scatter_add, one_hot)

}  // namespace xgrad
