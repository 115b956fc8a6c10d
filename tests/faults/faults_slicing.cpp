// Wrong copies of the ops that cut arrays and join them.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// dx[first:last] += part, or = part, of the leading axis
template <class T>
void add_rows(Array<T>& dx, std::size_t first, const Array<T>& part, bool overwrites = false) {
  T* const out = dx.mutable_data() + first * (dx.size() / dx.shape()[0]);
  for (std::size_t i = 0; i < part.size(); ++i)
    out[i] = overwrites ? part.data()[i] : out[i] + part.data()[i];
}

// y = xs one after the other, with part(dy, i) for dx_i
template <class T, class Part>
Variable<T> joined(const char* op, const Array<T>& y, const std::vector<Variable<T>>& xs, Part part) {
  const auto vjp_of = [&](std::size_t i) { return [=](const Array<T>& dy) { return part(dy, i); }; };
  std::vector<Wrt<T, decltype(vjp_of(0))>> inputs;
  for (std::size_t i = 0; i < xs.size(); ++i) inputs.push_back({xs[i], vjp_of(i)});
  return record(op, y, std::move(inputs));
}

}  // namespace

std::vector<Fault> slicing_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};
  using Where = std::vector<Argument>;

  // y = x[i]                          dx[i] += dy
  plant("select step 2: dx[1] += dy", M::time_shift, "my_select", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2, 3});
          return record("my_select", x.value().row(2),
                        wrt(x, [=](const Array<T>& dy, Array<T>& dx) { add_rows(dx, wrong ? 1 : 2, dy); }));
        });
  plant("select along axis 0: dx along axis 1", M::wrong_axis, "my_select", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3});
          return record("my_select", x.value().row(1), wrt(x, [=](const Array<T>& dy) {
                          Array<T> dx = Array<T>::zeros({3, 3});
                          add_rows(dx, 1, dy);
                          return wrong ? transposed(dx) : dx;
                        }));
        });
  plant("select: dx is filled with zeros first", M::overwritten, "my_select", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3});
          return with_another_use(record("my_select", x.value().row(2),
                                         wrt(x,
                                             [=](const Array<T>& dy, Array<T>& dx) {
                                               if (wrong) dx = Array<T>::zeros({4, 3});
                                               add_rows(dx, 2, dy);
                                             })),
                                  x);
        });

  // y = x[first:last]                 dx[first:last] += dy
  plant("slice [2, 4): dx[1:3] += dy", M::time_shift, "my_slice", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {5, 2});
          return record("my_slice", x.value().rows(2, 4),
                        wrt(x, [=](const Array<T>& dy, Array<T>& dx) { add_rows(dx, wrong ? 1 : 2, dy); }));
        });
  plant("slice [1, 4): dx[1:3] += dy[:2], the last row left out", M::wrong_term, "my_slice", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {5, 2});
          return record("my_slice", x.value().rows(1, 4), wrt(x, [=](const Array<T>& dy, Array<T>& dx) {
                          add_rows(dx, 1, dy.rows(0, wrong ? 2 : 3));
                        }));
        });
  plant("slice [1, 4): dx[1:4] = dy", M::overwritten, "my_slice", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {5, 2});
          return with_another_use(
              record("my_slice", x.value().rows(1, 4),
                     wrt(x, [=](const Array<T>& dy, Array<T>& dx) { add_rows(dx, 1, dy, wrong); })),
              x);
        });

  plant("slice [1, 4): dx[1:4] += (1 + 1e-6) dy", M::slight_factor, "my_slice", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {5, 2});
          return record("my_slice", x.value().rows(1, 4), wrt(x, [=](const Array<T>& dy, Array<T>& dx) {
                          add_rows(dx, 1, wrong ? (1 + 1e-6) * dy : dy);
                        }));
        });

  // y = [x_0, x_1, ...]               dx_i = dy[i]
  plant("stack: dx_i = dy[i - 1]", M::time_shift, "my_stack", Where{{1, "b"}, {2, "c"}, {3, "d"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const std::vector<Variable<T>> xs{p.input("a", {2}), p.input("b", {2}), p.input("c", {2}),
                                            p.input("d", {2})};
          const auto y = value_of([&] { return stack(xs); });
          return joined("my_stack", y, xs, [=](const Array<T>& dy, std::size_t i) {
            return dy.row(wrong && i > 0 ? i - 1 : i);
          });
        });
  plant("stack along axis 0: dx_i along axis 1", M::wrong_axis, "my_stack",
        Where{{0, "a"}, {1, "b"}, {2, "c"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const std::vector<Variable<T>> xs{p.input("a", {3}), p.input("b", {3}), p.input("c", {3})};
          const auto y = value_of([&] { return stack(xs); });
          return joined("my_stack", y, xs, [=](const Array<T>& dy, std::size_t i) {
            return (wrong ? transposed(dy) : dy).row(i);
          });
        });

  // y = x_0 x_1                       dx_i = the part of dy that x_i became
  plant("concat: dx_1 = dy[0:2], the offset forgotten", M::wrong_term, "my_concat", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const std::vector<Variable<T>> xs{p.input("a", {2, 3}), p.input("b", {2, 3})};
          const auto y = value_of([&] { return concat(xs); });
          return joined("my_concat", y, xs, [=](const Array<T>& dy, std::size_t i) {
            const std::size_t first = wrong ? 0 : 2 * i;
            return dy.rows(first, first + 2);
          });
        });
  plant("concat: dx_1 = dy[1:4] for dy[2:5]", M::time_shift, "my_concat", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const std::vector<Variable<T>> xs{p.input("a", {2, 3}), p.input("b", {3, 3})};
          const auto y = value_of([&] { return concat(xs); });
          return joined("my_concat", y, xs, [=](const Array<T>& dy, std::size_t i) {
            return i == 0 ? dy.rows(0, 2) : wrong ? dy.rows(1, 4) : dy.rows(2, 5);
          });
        });
  plant("concat along axis 1: dx_i as if along axis 0", M::wrong_axis, "my_concat", Where{{0, "a"}, {1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const std::vector<Variable<T>> xs{p.input("a", {2, 1}), p.input("b", {2, 1})};
          const auto y = value_of([&] { return concat(xs, 1); });
          return joined("my_concat", y, xs, [=](const Array<T>& dy, std::size_t i) {
            return (wrong ? dy : transposed(dy)).rows(i, i + 1).reshaped({2, 1});
          });
        });

  // y = x[first::step]                dx[first::step] += dy
  const auto strided = []<class T>(const Parameters<T>& p, std::ptrdiff_t first, std::ptrdiff_t step,
                                   auto row_of) {
    const auto x = p.input("x", {7, 2});
    const auto y = value_of([&] { return slice(Variable<T>(x.value()), {{.first = first, .step = step}}); });
    return record("my_slice", y, wrt(x, [=](const Array<T>& dy, Array<T>& dx) {
                    for (std::size_t r = 0; r < dy.shape()[0]; ++r)
                      add_rows(dx, row_of(r), dy.rows(r, r + 1));
                  }));
  };
  plant("slice [::2]: dx[r] += dy[r], consecutive rows", M::wrong_term, "my_slice", x_is_wrong,
        [strided](const auto& p, bool wrong) {
          return strided(p, 0, 2, [=](std::size_t r) { return wrong ? r : 2 * r; });
        });
  plant("slice [1::2]: dx[0::2] += dy", M::time_shift, "my_slice", x_is_wrong,
        [strided](const auto& p, bool wrong) {
          return strided(p, 1, 2, [=](std::size_t r) { return 2 * r + (wrong ? 0 : 1); });
        });
  plant("slice [::-2]: dx[::2] += dy, walked forwards", M::wrong_term, "my_slice", x_is_wrong,
        [strided](const auto& p, bool wrong) {
          return strided(p, -1, -2, [=](std::size_t r) { return wrong ? 2 * r : 6 - 2 * r; });
        });

  // y_i = part i of x                 dx's part i += dy_i
  const auto halves = []<class T>(const Parameters<T>& p, auto place_of, bool overwrites) {
    const auto x = p.input("x", {4, 2});
    const auto part = [&](std::size_t i) {
      return record("my_split", x.value().rows(2 * i, 2 * i + 2),
                    wrt(x, [=](const Array<T>& dy, Array<T>& dx) {
                      if (overwrites) dx = Array<T>::zeros({4, 2});
                      add_rows(dx, place_of(i), dy);
                    }));
    };
    return part(0) * tanh(part(1));
  };
  plant("split: the gradients of the halves swapped", M::wrong_term, "my_split", x_is_wrong,
        [halves](const auto& p, bool wrong) {
          return halves(
              p, [=](std::size_t i) { return wrong ? 2 - 2 * i : 2 * i; }, false);
        });
  plant("split: the parts counted as of one row", M::time_shift, "my_split", x_is_wrong,
        [halves](const auto& p, bool wrong) {
          return halves(
              p, [=](std::size_t i) { return wrong ? i : 2 * i; }, false);
        });
  plant("split: each part fills dx with zeros first", M::overwritten, "my_split", x_is_wrong,
        [halves](const auto& p, bool wrong) {
          return halves(
              p, [](std::size_t i) { return 2 * i; }, wrong);
        });
  return faults;
}

}  // namespace xgrad::faults
