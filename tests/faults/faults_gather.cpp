// Wrong copies of gather and scatter_add.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

std::size_t index(const Ids& ids, std::size_t i) { return static_cast<std::size_t>(ids[i]); }

// dx[place(i)] += dy_i, or = dy_i, from zeros
template <class T, class Place>
Array<T> scattered(const Array<T>& dy, Place place, const Shape& shape, bool overwrites = false) {
  Array<T> dx = Array<T>::zeros(shape);
  T* const out = dx.mutable_data();
  for (std::size_t i = 0; i < dy.size(); ++i)
    out[place(i)] = overwrites ? dy.data()[i] : out[place(i)] + dy.data()[i];
  return dx;
}

// x: (2, 5)   ids: (2, 3)
template <class T, class Dx>
Variable<T> my_gather(const Parameters<T>& p, const Ids& ids, Dx dx_of) {
  const auto x = p.input("x", {2, 5});
  return record("my_gather", value_of([&] { return gather(Variable<T>(x.value()), ids); }), wrt(x, dx_of));
}

}  // namespace

std::vector<Fault> gather_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y_nm = x_n[ids_nm]                dx_n[ids_nm] += dy_nm
  plant("gather: dx_n[ids_nm] = dy_nm, where an id comes twice", M::overwritten, "my_gather", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const Ids ids({2, 3}, {1, 3, 1, 0, 2, 0});
          return my_gather(p, ids, [=](const Array<T>& dy) {
            return scattered(
                dy, [=](std::size_t i) { return i / 3 * 5 + index(ids, i); }, {2, 5}, wrong);
          });
        });
  plant("gather: dx_n[ids_nm + 1] += dy_nm", M::time_shift, "my_gather", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const Ids ids({2, 3}, {1, 3, 1, 0, 2, 3});
          return my_gather(p, ids, [=](const Array<T>& dy) {
            const std::size_t by = wrong ? 1 : 0;
            return scattered(dy, [=](std::size_t i) { return i / 3 * 5 + index(ids, i) + by; }, {2, 5});
          });
        });
  plant("gather: the ids of row 0 for all rows", M::wrong_term, "my_gather", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const Ids ids({2, 3}, {1, 3, 4, 0, 2, 3});
          return my_gather(p, ids, [=](const Array<T>& dy) {
            return scattered(dy, [=](std::size_t i) { return i / 3 * 5 + index(ids, wrong ? i % 3 : i); },
                             {2, 5});
          });
        });
  plant("gather along axis 1: dx[ids_nm, m] for dx[n, ids_nm]", M::wrong_axis, "my_gather", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3});
          const Ids ids({3, 3}, {1, 0, 2, 0, 2, 1, 2, 2, 1});
          return record("my_gather", value_of([&] { return gather(Variable<T>(x.value()), ids); }),
                        wrt(x, [=](const Array<T>& dy) {
                          const auto place = [=](std::size_t i) {
                            return wrong ? index(ids, i) * 3 + i % 3 : i / 3 * 3 + index(ids, i);
                          };
                          return scattered(dy, place, {3, 3});
                        }));
        });

  // out_n[ids_nm] = x + sum y_nm      dx = dout               dy_nm = dout_n[ids_nm]
  const auto my_scatter_add = []<class T>(const Parameters<T>& p, auto dx_of, auto dy_of) {
    const auto x = p.input("x", {2, 4}), y = p.input("y", {2, 4});
    const Ids ids({2, 4}, {1, 3, 1, 0, 2, 3, 0, 0});
    const auto out =
        value_of([&] { return scatter_add(Variable<T>(x.value()), ids, Variable<T>(y.value())); });
    return record("my_scatter_add", out, wrt(x, [=](const Array<T>& dout) { return dx_of(dout, ids); }),
                  wrt(y, [=](const Array<T>& dout) { return dy_of(dout, ids); }));
  };
  const auto gathered = []<class T>(const Array<T>& dout, const Ids& ids) {
    return value_of([&] { return gather(Variable<T>(dout), ids); });
  };
  plant("scatter_add: dy = dout, not gathered", M::wrong_term, "my_scatter_add",
        std::vector<Argument>{{1, "y"}},
        [my_scatter_add, gathered]<class T>(const Parameters<T>& p, bool wrong) {
          return my_scatter_add(
              p, [](const Array<T>& dout, const Ids&) { return dout; },
              [=](const Array<T>& dout, const Ids& ids) { return wrong ? dout : gathered(dout, ids); });
        });
  plant("scatter_add: dx = 0 where something was added", M::wrong_term, "my_scatter_add", x_is_wrong,
        [my_scatter_add, gathered]<class T>(const Parameters<T>& p, bool wrong) {
          return my_scatter_add(
              p,
              [=](const Array<T>& dout, const Ids& ids) {
                Array<T> dx = dout;
                for (std::size_t i = 0; wrong && i < 8; ++i)
                  dx.mutable_data()[i / 4 * 4 + index(ids, i)] = T(0);
                return dx;
              },
              gathered);
        });
  return faults;
}

}  // namespace xgrad::faults
