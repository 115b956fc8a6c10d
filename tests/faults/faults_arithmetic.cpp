// Wrong copies of the arithmetic ops.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

template <class T>
Array<T> pass(const Array<T>& dy) {
  return dy;
}

}  // namespace

std::vector<Fault> arithmetic_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  using Where = std::vector<Argument>;

  // y = a - b                         da = dy                 db = -dy
  plant("subtract: db = dy for -dy", M::sign, "my_subtract", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3});
          return record("my_subtract", a.value() - b.value(), wrt(a, pass<T>),
                        wrt(b, [=](const Array<T>& dy) { return wrong ? dy : -dy; }));
        });

  // y = -a                            da = -dy
  plant("negate: da = dy for -dy", M::sign, "my_negate", Where{{0, "a"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3});
          return record("my_negate", -a.value(),
                        wrt(a, [=](const Array<T>& dy) { return wrong ? dy : -dy; }));
        });

  // y = a / b                         da = dy / b             db = -dy y / b
  plant("divide: db = dy y / b for -dy y / b", M::sign, "my_divide", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3}, uniform(0.5, 2));
          const Array<T> y = a.value() / b.value();
          return record(
              "my_divide", y, wrt(a, [=](const Array<T>& dy) { return dy / b.value(); }),
              wrt(b, [=](const Array<T>& dy) { return wrong ? dy * y / b.value() : -(dy * y / b.value()); }));
        });
  plant("divide: db = -dy y for -dy y / b", M::wrong_term, "my_divide", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3}, uniform(0.5, 2));
          const Array<T> y = a.value() / b.value();
          return record(
              "my_divide", y, wrt(a, [=](const Array<T>& dy) { return dy / b.value(); }),
              wrt(b, [=](const Array<T>& dy) { return wrong ? -(dy * y) : -(dy * y / b.value()); }));
        });

  // y = a b                           da = dy b               db = dy a
  plant("multiply: db = dy b for dy a", M::wrong_term, "my_multiply", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3});
          return record("my_multiply", a.value() * b.value(),
                        wrt(a, [=](const Array<T>& dy) { return dy * b.value(); }),
                        wrt(b, [=](const Array<T>& dy) { return dy * (wrong ? b : a).value(); }));
        });
  plant("multiply: da = (1 + 1e-6) dy b for dy b", M::slight_factor, "my_multiply", Where{{0, "a"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3});
          return record("my_multiply", a.value() * b.value(),
                        wrt(a, [=](const Array<T>& dy) { return (wrong ? 1 + 1e-6 : 1) * dy * b.value(); }),
                        wrt(b, [=](const Array<T>& dy) { return dy * a.value(); }));
        });
  plant("multiply: db is overwritten", M::overwritten, "my_multiply", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 3});
          return with_another_use(
              record("my_multiply", a.value() * b.value(),
                     wrt(a, [=](const Array<T>& dy) { return dy * b.value(); }),
                     wrt(b, [=](const Array<T>& dy, Array<T>& db) { add_to(db, dy * a.value(), wrong); })),
              b);
        });
  plant("multiply: db of a column is that of the first column", M::broadcast_sum, "my_multiply",
        Where{{1, "b"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}), b = p.input("b", {2, 1});
          return record("my_multiply", a.value() * b.value(),
                        wrt(a, [=](const Array<T>& dy) { return dy * b.value(); }),
                        wrt(b, [=](const Array<T>& dy) {
                          const Array<T> db = dy * a.value();
                          return wrong ? transposed(transposed(db).rows(0, 1)) : db;
                        }));
        });

  plant("multiply a column with a row: the column of da as a row's numbers", M::wrong_axis, "my_multiply",
        Where{{0, "a"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 1}), b = p.input("b", {1, 3});
          return record("my_multiply", a.value() * b.value(),
                        wrt(a,
                            [=](const Array<T>& dy) {
                              const Array<T> da = dy * b.value();
                              return sum_over(wrong ? transposed(da) : da, 1, keepdims);
                            }),
                        wrt(b, [=](const Array<T>& dy) { return dy * a.value(); }));
        });
  // y = a + b                         da = dy                 db = dy
  plant("add: db of a row is that of the first row", M::broadcast_sum, "my_add", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {4, 3}), b = p.input("b", {3});
          return record("my_add", a.value() + b.value(), wrt(a, pass<T>),
                        wrt(b, [=](const Array<T>& dy) { return wrong ? dy.row(0) : dy; }));
        });
  plant("add: db of a row is the mean of all rows, not their sum", M::factor, "my_add", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {4, 3}), b = p.input("b", {3});
          return record("my_add", a.value() + b.value(), wrt(a, pass<T>), wrt(b, [=](const Array<T>& dy) {
                          return wrong ? value_of([&] { return mean(Variable<T>(dy), 0); }) : dy;
                        }));
        });
  plant("add: db of a row is the sum over the columns", M::wrong_axis, "my_add", Where{{1, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 3}), b = p.input("b", {3});
          return record("my_add", a.value() + b.value(), wrt(a, pass<T>),
                        wrt(b, [=](const Array<T>& dy) { return sum_over(dy, wrong ? 1 : 0); }));
        });

  // y = scale a + shift               da = scale dy
  plant("scale_shift: da = dy for scale dy", M::factor, "my_scale_shift", Where{{0, "a"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3});
          return record("my_scale_shift", 2.5 * a.value() + 1,
                        wrt(a, [=](const Array<T>& dy) { return wrong ? dy : 2.5 * dy; }));
        });
  // y = pi/180 a                      da = pi/180 dy
  plant("scale_shift, degrees to radians: da = 0.01745 dy", M::rounded_constant, "my_scale_shift",
        Where{{0, "a"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3}, uniform(0, 90));
          const double scale = std::acos(-1.0) / 180;
          return record("my_scale_shift", scale * a.value(),
                        wrt(a, [=](const Array<T>& dy) { return (wrong ? 0.01745 : scale) * dy; }));
        });
  return faults;
}

}  // namespace xgrad::faults
