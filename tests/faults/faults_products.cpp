// Wrong copies of the products beside plain matmul: batched, of transposed operands, of vectors.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// a b, over the leading axes
template <class T>
Array<T> batched(const Array<T>& a, const Array<T>& b, Transpose transpose = Transpose::none) {
  return value_of([&] { return matmul(Variable<T>(a), Variable<T>(b), transpose); });
}

// y = a b with the right da         da = dy b^T             db = db_of(dy)
template <class T, class Db>
Variable<T> my_matmul(const Variable<T>& a, const Variable<T>& b, Db db_of) {
  return record("my_matmul", batched(a.value(), b.value()),
                wrt(a, [=](const Array<T>& dy) { return batched(dy, b.value(), Transpose::second); }),
                wrt(b, db_of));
}

}  // namespace

std::vector<Fault> products_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> a_is_wrong{{0, "a"}}, b_is_wrong{{1, "b"}};

  // y_n = a_n b_n                     da_n = dy_n b_n^T       db_n = a_n^T dy_n
  plant("batched matmul, one b for all: db of the last in the batch", M::broadcast_sum, "my_matmul",
        b_is_wrong, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 2, 4}), b = p.input("b", {1, 4, 2});
          return my_matmul(a, b, [=](const Array<T>& dy) {
            const Array<T> dbs = batched(a.value(), dy, Transpose::first);
            return wrong ? dbs.rows(2, 3) : sum_over(dbs, 0, keepdims);
          });
        });
  plant("batched matmul, one b for all: db overwritten by each of the batch", M::overwritten, "my_matmul",
        b_is_wrong, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 2, 4}), b = p.input("b", {1, 4, 2});
          return with_another_use(my_matmul(a, b,
                                            [=](const Array<T>& dy, Array<T>& db) {
                                              const Array<T> dbs = batched(a.value(), dy, Transpose::first);
                                              for (std::size_t n = 0; n < 3; ++n)
                                                add_to(db, dbs.rows(n, n + 1), wrong);
                                            }),
                                  b);
        });
  plant("batched matmul: a_n+1 for a_n in db_n, the batch one off", M::time_shift, "my_matmul", b_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 2, 4}), b = p.input("b", {3, 4, 2});
          return my_matmul(a, b, [=](const Array<T>& dy) {
            const Array<T> as = a.value();
            const auto next = value_of([&] {
              return concat({Variable<T>(as.rows(1, 3)), Variable<T>(as.rows(0, 1))});
            });
            return batched(wrong ? next : as, dy, Transpose::first);
          });
        });
  plant("batched matmul: a with all axes reversed for a_n^T in db_n", M::transposed, "my_matmul", b_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 3, 3}), b = p.input("b", {3, 3, 3});
          return my_matmul(a, b, [=](const Array<T>& dy) {
            return wrong ? batched(transposed(a.value()), dy) : batched(a.value(), dy, Transpose::first);
          });
        });
  plant("batched matmul: a_n dy_n for a_n^T dy_n in db_n", M::transposed, "my_matmul", b_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {2, 3, 3}), b = p.input("b", {2, 3, 2});
          return my_matmul(a, b, [=](const Array<T>& dy) {
            return batched(a.value(), dy, wrong ? Transpose::none : Transpose::first);
          });
        });

  // y = a b^T                         da = dy b               db = dy^T a
  const auto times_transposed = []<class T>(const Parameters<T>& p, auto da_of, auto db_of) {
    const auto a = p.input("a", {3, 3}), b = p.input("b", {3, 3});
    return record("my_matmul", product(a.value(), transposed(b.value())),
                  wrt(a, [=](const Array<T>& dy) { return da_of(dy, b.value()); }),
                  wrt(b, [=](const Array<T>& dy) { return db_of(dy, a.value()); }));
  };
  plant("matmul, a b^T: db = a^T dy for dy^T a, as of a b", M::transposed, "my_matmul", b_is_wrong,
        [times_transposed](const auto& p, bool wrong) {
          return times_transposed(
              p, [](const auto& dy, const auto& b) { return product(dy, b); },
              [=](const auto& dy, const auto& a) {
                return wrong ? product(transposed(a), dy) : product(transposed(dy), a);
              });
        });
  plant("matmul, a b^T: da = dy b^T for dy b, as of a b", M::transposed, "my_matmul", a_is_wrong,
        [times_transposed](const auto& p, bool wrong) {
          return times_transposed(
              p, [=](const auto& dy, const auto& b) { return product(dy, wrong ? transposed(b) : b); },
              [](const auto& dy, const auto& a) { return product(transposed(dy), a); });
        });
  // y = a^T b                         da = b dy^T             db = a dy
  plant("matmul, a^T b: da = dy b^T, not transposed back", M::transposed, "my_matmul", a_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3, 3}), b = p.input("b", {3, 3});
          return record("my_matmul", product(transposed(a.value()), b.value()),
                        wrt(a,
                            [=](const Array<T>& dy) {
                              const Array<T> back = product(dy, transposed(b.value()));
                              return wrong ? back : transposed(back);
                            }),
                        wrt(b, [=](const Array<T>& dy) { return product(a.value(), dy); }));
        });

  // y = <a, b>                        da = dy b               db = dy a
  plant("dot: da = dy a for dy b", M::wrong_term, "my_dot", a_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {4}), b = p.input("b", {4});
          return record("my_dot", sum_over(a.value() * b.value(), 0),
                        wrt(a, [=](const Array<T>& dy) { return dy * (wrong ? a : b).value(); }),
                        wrt(b, [=](const Array<T>& dy) { return dy * a.value(); }));
        });
  // y_ij = a_i b_j                    da = dy b               db = dy^T a
  plant("outer: db = dy a for dy^T a", M::transposed, "my_outer", b_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto a = p.input("a", {3}), b = p.input("b", {3});
          const Array<T> as = a.value().reshaped({3, 1}), bs = b.value().reshaped({3, 1});
          return record("my_outer", product(as, transposed(bs)),
                        wrt(a, [=](const Array<T>& dy) { return product(dy, bs).reshaped({3}); }),
                        wrt(b, [=](const Array<T>& dy) {
                          return product(wrong ? dy : transposed(dy), as).reshaped({3});
                        }));
        });
  return faults;
}

}  // namespace xgrad::faults
