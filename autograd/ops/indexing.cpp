// Both ops copy rows, whatever they hold. The vjp of take hands the rows of dy on as they are, and they are
// added up once, at the end of the sweep.
#include <xgrad/autograd/ops/indexing.hpp>

#include <xgrad/autograd/tape.hpp>

namespace xgrad {

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

}  // namespace

// y_i = table[ids_i]                dtable[ids_i] += dy_i
template <class T>
Variable<T> take(const Variable<T>& table, const Ids& ids) {
  if (table.rank() == 0) throw Error("take", "needs a table with at least one axis, got a number");
  ids.check_range("take", "id", table.shape()[0]);
  const Shape row(table.shape().begin() + 1, table.shape().end());
  Shape shape = ids.shape();
  for (const auto dim : row) shape.push_back(dim);

  auto y = Array<T>::uninitialized(shape);
  T* out = y.mutable_data();
  const std::size_t width = row.size();
  for (const auto id : ids) {
    std::copy_n(table.value().data() + static_cast<std::size_t>(id) * width, width, out);
    out += width;
  }
  return record("take", y, wrt(table, [ids, shape = table.shape()](const Array<T>& dy) {
                  Shape rows = shape;
                  rows.set(0, ids.size());
                  return RowSparse<T>{shape, ids.reshaped({ids.size()}), dy.reshaped(rows)};
                }));
}

// y_r = 0 if marked else x_r        dx_r = 0 if marked else dy_r
template <class T>
Variable<T> reset_rows(const Variable<T>& x, const Ids& rows) {
  if (x.rank() == 0 || rows.shape() != Shape{x.shape()[0]})
    throw Error("reset_rows", "a mask of shape " + to_string(rows.shape()) + " does not fit x of shape " +
                                  describe(x) + ": it needs one entry per row");
  return record("reset_rows", with_rows_zeroed(x.value(), rows),
                wrt(x, [rows](const Array<T>& dy) { return with_rows_zeroed(dy, rows); }));
}

template Variable<float> take(const Variable<float>&, const Ids&);
template Variable<double> take(const Variable<double>&, const Ids&);
template Variable<Complex> take(const Variable<Complex>&, const Ids&);
template Variable<float> reset_rows(const Variable<float>&, const Ids&);
template Variable<double> reset_rows(const Variable<double>&, const Ids&);
template Variable<Complex> reset_rows(const Variable<Complex>&, const Ids&);

}  // namespace xgrad
