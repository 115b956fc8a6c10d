// Wrong copies of take and reset_rows.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// y_i = table[ids_i]                dtable[ids_i] += dy_i, as rows(dy): a RowSparse<T> or an Array<T>
template <class T, class Rows>
Variable<T> my_take(const Variable<T>& table, const Ids& ids, Rows rows) {
  const auto y = value_of([&] { return take(table, ids); });
  return record("my_take", y, wrt(table, rows));
}

template <class T>
RowSparse<T> row_sparse(const Shape& table, const Ids& ids, const Array<T>& rows) {
  return {table, ids, rows};
}

// x with row r (or column r) zero where rows[r] is `marked`
template <class T>
Array<T> zeroed(const Array<T>& x, const Ids& rows, bool marked, bool columns) {
  Array<T> y = x.copy();
  T* const out = y.mutable_data();
  const std::size_t width = x.shape()[1];
  for (std::size_t i = 0; i < y.size(); ++i)
    if ((rows[columns ? i % width : i / width] != 0) == marked) out[i] = T(0);
  return y;
}

}  // namespace

std::vector<Fault> indexing_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> table_is_wrong{{0, "table"}}, x_is_wrong{{0, "x"}};

  plant("take: dtable[ids_i] = dy_i for dtable[ids_i] += dy_i", M::overwritten, "my_take", table_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {4, 2});
          const Ids ids{1, 3, 1};
          return with_another_use(my_take(table, ids,
                                          [=](const Array<T>& dy, Array<T>& dtable) {
                                            T* const out = dtable.mutable_data();
                                            for (std::size_t i = 0; i < dy.size(); ++i) {
                                              T& to = out[static_cast<std::size_t>(ids[i / 2]) * 2 + i % 2];
                                              to = wrong ? dy.data()[i] : to + dy.data()[i];
                                            }
                                          }),
                                  table);
        });
  plant("take: dtable[ids_i + 1] += dy_i, ids counted from 1", M::time_shift, "my_take", table_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {5, 2});
          return my_take(table, {0, 3, 1}, [=](const Array<T>& dy) {
            return row_sparse({5, 2}, wrong ? Ids{1, 4, 2} : Ids{0, 3, 1}, dy);
          });
        });
  plant("take: the last id is left out", M::wrong_term, "my_take", table_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {4, 2});
          return my_take(table, {0, 3, 1}, [=](const Array<T>& dy) {
            return wrong ? row_sparse({4, 2}, {0, 3}, dy.rows(0, 2)) : row_sparse({4, 2}, {0, 3, 1}, dy);
          });
        });
  plant("take: dtable is divided by the number of ids", M::factor, "my_take", table_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {4, 2});
          return my_take(table, {0, 3, 1}, [=](const Array<T>& dy) {
            return row_sparse({4, 2}, {0, 3, 1}, wrong ? dy / 3 : dy);
          });
        });
  plant("take: (1 + 1e-6) dy_i for dy_i", M::slight_factor, "my_take", table_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {4, 2});
          return my_take(table, {0, 3, 1}, [=](const Array<T>& dy) {
            return row_sparse({4, 2}, {0, 3, 1}, wrong ? (1 + 1e-6) * dy : dy);
          });
        });
  plant("take: the ids of a (N, T) window for those of a (T, N) window", M::transposed, "my_take",
        table_is_wrong, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {6, 2});
          return my_take(table, Ids({2, 2}, {0, 4, 1, 3}), [=](const Array<T>& dy) {
            return row_sparse({6, 2}, wrong ? Ids{0, 1, 4, 3} : Ids{0, 4, 1, 3}, dy.reshaped({4, 2}));
          });
        });
  plant("take: each row's gradient is averaged over its reads, 0/0 where it has none", M::not_finite,
        "my_take", table_is_wrong, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto table = p.weight("table", {4, 2});
          return my_take(table, {0, 3, 1}, [=](const Array<T>& dy) {
            const Array<T> dtable = row_sparse({4, 2}, {0, 3, 1}, dy).dense();
            return wrong ? dtable / Array<T>({4, 1}, {T(1), T(1), T(0), T(1)}) : dtable;
          });
        });

  // y_r = 0 if marked else x_r        dx_r = 0 if marked else dy_r
  plant("reset_rows: dx = dy, nothing is cut", M::wrong_term, "my_reset_rows", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2});
          const Ids rows{0, 1, 0};
          return record(
              "my_reset_rows", zeroed(x.value(), rows, true, false),
              wrt(x, [=](const Array<T>& dy) { return wrong ? dy : zeroed(dy, rows, true, false); }));
        });
  plant("reset_rows: dx = 0 where not marked", M::wrong_term, "my_reset_rows", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2});
          const Ids rows{0, 1, 0};
          return record("my_reset_rows", zeroed(x.value(), rows, true, false),
                        wrt(x, [=](const Array<T>& dy) { return zeroed(dy, rows, !wrong, false); }));
        });
  plant("reset_rows: dx = 0 in the marked columns", M::wrong_axis, "my_reset_rows", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3});
          const Ids rows{0, 1, 0};
          return record("my_reset_rows", zeroed(x.value(), rows, true, false),
                        wrt(x, [=](const Array<T>& dy) { return zeroed(dy, rows, true, wrong); }));
        });
  return faults;
}

}  // namespace xgrad::faults
