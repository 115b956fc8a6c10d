// Wrong copies of matmul and affine. Shapes that a mistake does not change are square.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// y = x W                           dx = dx_of(dy)          dW = dW_of(dy)
template <class T, class Dx, class DW>
Variable<T> my_matmul(const Variable<T>& x, const Variable<T>& W, Dx dx_of, DW dW_of) {
  return record("my_matmul", product(x.value(), W.value()), wrt(x, dx_of), wrt(W, dW_of));
}

// y = x W + b                       dx = dy W^T             dW = dW_of(dy)          db = db_of(dy)
template <class T, class DW, class Db>
Variable<T> my_affine(const Variable<T>& x, const Variable<T>& W, const Variable<T>& b, DW dW_of, Db db_of) {
  return record("my_affine", product(x.value(), W.value()) + b.value(),
                wrt(x, [=](const Array<T>& dy) { return product(dy, transposed(W.value())); }), wrt(W, dW_of),
                wrt(b, db_of));
}

// y = x W + h U + b                 dx = dy W^T   dW = x^T dy   dh = dh_of(dy)   dU = dU_of(dy)   db = dy
template <class T, class Dh, class DU>
Variable<T> my_affine(const Variable<T>& x, const Variable<T>& W, const Variable<T>& h, const Variable<T>& U,
                      const Variable<T>& b, Dh dh_of, DU dU_of) {
  return record("my_affine", product(x.value(), W.value()) + product(h.value(), U.value()) + b.value(),
                wrt(x, [=](const Array<T>& dy) { return product(dy, transposed(W.value())); }),
                wrt(W, [=](const Array<T>& dy) { return product(transposed(x.value()), dy); }), wrt(h, dh_of),
                wrt(U, dU_of), wrt(b, [](const Array<T>& dy) { return dy; }));
}

// The right vjps of the two factors.
template <class T>
auto times_transposed(const Variable<T>& W) {
  return [=](const Array<T>& dy) { return product(dy, transposed(W.value())); };
}
template <class T>
auto transposed_times(const Variable<T>& x) {
  return [=](const Array<T>& dy) { return product(transposed(x.value()), dy); };
}

}  // namespace

std::vector<Fault> linear_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  using Where = std::vector<Argument>;

  plant("matmul: dx = dy W for dy W^T", M::transposed, "my_matmul", Where{{0, "x"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3}), W = p.weight("W", {3, 3});
          return my_matmul(
              x, W,
              [=](const Array<T>& dy) { return product(dy, wrong ? W.value() : transposed(W.value())); },
              transposed_times(x));
        });
  plant("matmul: dW = x dy for x^T dy", M::transposed, "my_matmul", Where{{1, "W"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3}), W = p.weight("W", {3, 3});
          return my_matmul(x, W, times_transposed(W), [=](const Array<T>& dy) {
            return product(wrong ? x.value() : transposed(x.value()), dy);
          });
        });
  plant("matmul: dW = dy^T x for x^T dy", M::transposed, "my_matmul", Where{{1, "W"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3}), W = p.weight("W", {3, 3});
          return my_matmul(x, W, times_transposed(W), [=](const Array<T>& dy) {
            return wrong ? product(transposed(dy), x.value()) : product(transposed(x.value()), dy);
          });
        });
  plant("matmul: the numbers of dy^T x, (M, K), as those of (K, M)", M::transposed, "my_matmul",
        Where{{1, "W"}}, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4}), W = p.weight("W", {4, 3});
          return my_matmul(x, W, times_transposed(W), [=](const Array<T>& dy) {
            return wrong ? product(transposed(dy), x.value()).reshaped({4, 3})
                         : product(transposed(x.value()), dy);
          });
        });
  plant("matmul: dW is the mean over the batch, not the sum", M::factor, "my_matmul", Where{{1, "W"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3}), W = p.weight("W", {3, 2});
          return my_matmul(x, W, times_transposed(W), [=](const Array<T>& dy) {
            return product(transposed(x.value()), dy) / (wrong ? 4 : 1);
          });
        });
  plant("matmul: dx is overwritten", M::overwritten, "my_matmul", Where{{0, "x"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3}), W = p.weight("W", {3, 4});
          return with_another_use(my_matmul(
                                      x, W,
                                      [=](const Array<T>& dy, Array<T>& dx) {
                                        add_to(dx, product(dy, transposed(W.value())), wrong);
                                      },
                                      transposed_times(x)),
                                  x);
        });
  plant("matmul: dW of the last time step alone", M::wrong_term, "my_matmul", Where{{1, "W"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2, 4}), W = p.weight("W", {4, 3});
          const auto y = value_of([&] { return matmul(x, W); });
          return record("my_matmul", y,
                        wrt(x,
                            [=](const Array<T>& dy) {
                              return value_of([&] { return matmul(Variable<T>(dy), transpose(W)); });
                            }),
                        wrt(W, [=](const Array<T>& dy) {
                          const Array<T> xs = x.value().reshaped({6, 4}), dys = dy.reshaped({6, 3});
                          const std::size_t first = wrong ? 4 : 0;
                          return product(transposed(xs.rows(first, 6)), dys.rows(first, 6));
                        }));
        });

  plant("affine: db of the first row alone", M::broadcast_sum, "my_affine", Where{{2, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3}), W = p.weight("W", {3, 2}), b = p.bias("b", {2});
          return my_affine(x, W, b, transposed_times(x),
                           [=](const Array<T>& dy) { return wrong ? dy.row(0) : dy; });
        });
  plant("affine: db is the sum over the columns", M::wrong_axis, "my_affine", Where{{2, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2}), W = p.weight("W", {2, 3}), b = p.bias("b", {3});
          return my_affine(x, W, b, transposed_times(x),
                           [=](const Array<T>& dy) { return sum_over(dy, wrong ? 1 : 0); });
        });
  plant("affine: db is added twice", M::factor, "my_affine", Where{{2, "b"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3}), W = p.weight("W", {3, 2}), b = p.bias("b", {2});
          return my_affine(x, W, b, transposed_times(x),
                           [=](const Array<T>& dy) { return wrong ? dy + dy : dy; });
        });
  plant(
      "affine: dW = (1 + 1e-6) x^T dy", M::slight_factor, "my_affine", Where{{1, "W"}},
      []<class T>(const Parameters<T>& p, bool wrong) {
        const auto x = p.input("x", {4, 3}), W = p.weight("W", {3, 2}), b = p.bias("b", {2});
        return my_affine(
            x, W, b,
            [=](const Array<T>& dy) { return product(transposed(x.value()), wrong ? (1 + 1e-6) * dy : dy); },
            [](const Array<T>& dy) { return dy; });
      });
  // y = b - x W                       dW = -x^T dy
  plant("affine, b - x W: dW = x^T dy for -x^T dy", M::sign, "my_affine", Where{{1, "W"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 3}), W = p.weight("W", {3, 2}), b = p.bias("b", {2});
          return record("my_affine", b.value() - product(x.value(), W.value()),
                        wrt(x, [=](const Array<T>& dy) { return -product(dy, transposed(W.value())); }),
                        wrt(W,
                            [=](const Array<T>& dy) {
                              const Array<T> dW = product(transposed(x.value()), dy);
                              return wrong ? dW : -dW;
                            }),
                        wrt(b, [](const Array<T>& dy) { return dy; }));
        });
  plant("affine of two products: dh = dy W^T for dy U^T", M::wrong_term, "my_affine", Where{{2, "h"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3}), W = p.weight("W", {3, 3}), h = p.input("h", {2, 3}),
                     U = p.weight("U", {3, 3}), b = p.bias("b", {3});
          return my_affine(x, W, h, U, b, times_transposed(wrong ? W : U), transposed_times(h));
        });
  plant("affine of two products: dU = x^T dy for h^T dy", M::wrong_term, "my_affine", Where{{3, "U"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3}), W = p.weight("W", {3, 3}), h = p.input("h", {2, 3}),
                     U = p.weight("U", {3, 3}), b = p.bias("b", {3});
          return my_affine(x, W, h, U, b, times_transposed(U), transposed_times(wrong ? x : h));
        });
  return faults;
}

}  // namespace xgrad::faults
