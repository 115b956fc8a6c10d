// Wrong copies of the reductions, and of what is made of them: variance, a masked mean, a running sum.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// dy, from which `axis` was dropped, stretched back to `shape`
template <class T>
Array<T> stretched(const Array<T>& dy, const Shape& shape, std::size_t axis) {
  Shape kept = shape;
  kept.set(axis, 1);
  return dy.reshaped(kept) + Array<T>::zeros(shape);
}

}  // namespace

std::vector<Fault> reduce_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y = sum(x)                        dx = dy, the same for every number that was summed
  plant("sum over axis 0: dx as if over axis 1", M::wrong_axis, "my_sum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3});
          return record("my_sum", sum_over(x.value(), 0), wrt(x, [=](const Array<T>& dy) {
                          return stretched(dy, {3, 3}, wrong ? 1 : 0);
                        }));
        });
  plant("sum over axis 0: dx in the first row alone", M::wrong_term, "my_sum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_sum", sum_over(x.value(), 0), wrt(x, [=](const Array<T>& dy) {
                          Array<T> dx = stretched(dy, {4, 2}, 0);
                          if (wrong) std::fill_n(dx.mutable_data() + 2, 6, T(0));
                          return dx;
                        }));
        });
  plant("sum over axis 0: dx without the last row", M::wrong_term, "my_sum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_sum", sum_over(x.value(), 0), wrt(x, [=](const Array<T>& dy) {
                          Array<T> dx = stretched(dy, {4, 2}, 0);
                          if (wrong) std::fill_n(dx.mutable_data() + 6, 2, T(0));
                          return dx;
                        }));
        });
  plant("sum: dx is overwritten", M::overwritten, "my_sum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return with_another_use(record("my_sum", sum_over(x.value(), 0),
                                         wrt(x,
                                             [=](const Array<T>& dy, Array<T>& dx) {
                                               add_to(dx, stretched(dy, {4, 2}, 0), wrong);
                                             })),
                                  x);
        });

  // y = sum(x) / N                    dx = dy / N
  plant("mean: dx = dy for dy / N", M::factor, "my_mean", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_mean", sum_over(x.value(), 0) / 4, wrt(x, [=](const Array<T>& dy) {
                          return stretched(dy, {4, 2}, 0) / (wrong ? 1 : 4);
                        }));
        });
  plant("mean over one axis: dx = dy / size of x", M::factor, "my_mean", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          return record("my_mean", sum_over(x.value(), 0) / 4, wrt(x, [=](const Array<T>& dy) {
                          return stretched(dy, {4, 2}, 0) / (wrong ? 8 : 4);
                        }));
        });
  plant("mean: dx = 0.3333 dy for dy / 3", M::rounded_constant, "my_mean", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2});
          return record("my_mean", sum_over(x.value(), 0) / 3, wrt(x, [=](const Array<T>& dy) {
                          return (wrong ? 0.3333 : 1.0 / 3) * stretched(dy, {3, 2}, 0);
                        }));
        });
  plant("mean: 1.0F / N for 1.0 / N in dx", M::rounded_constant, "my_mean", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2});
          const double weight = wrong ? static_cast<double>(1.0F / 3.0F) : 1.0 / 3.0;
          return record("my_mean", sum_over(x.value(), 0) / 3, wrt(x, [=](const Array<T>& dy) {
                          return weight * stretched(dy, {3, 2}, 0);
                        }));
        });
  plant("mean over axis 1 of 3, kept: dx as if over axis 2", M::wrong_axis, "my_mean", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3, 3});
          return record("my_mean", sum_over(x.value(), 1, keepdims) / 3, wrt(x, [=](const Array<T>& dy) {
                          return stretched(dy, {2, 3, 3}, wrong ? 2 : 1) / 3;
                        }));
        });

  // y_d = sum_n m_nd x_nd / sum_n m_nd, 0 where all m are 0          dx_nd = dy_d m_nd / sum_n m_nd
  plant("mean of the unmasked: dx = dy m / sum m, 0/0 where all is masked", M::not_finite, "my_mean",
        x_is_wrong, []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 2});
          const Array<T> mask({3, 2}, {T(1), T(0), T(0), T(0), T(1), T(0)});
          const Array<T> count = sum_over(mask, 0);
          const Array<T> at_least_1 = each([](T c) { return c == T(0) ? T(1) : c; }, count);
          return record("my_mean", sum_over(x.value() * mask, 0) / at_least_1,
                        wrt(x, [=](const Array<T>& dy) { return dy * mask / (wrong ? count : at_least_1); }));
        });

  // y = sum (x - m)^2 / N, m = mean x          dx = dy 2 (x - m) / N
  plant("variance: dx = dy (x - m) / N for dy 2 (x - m) / N", M::factor, "my_variance", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          const Array<T> centred = x.value() - sum_over(x.value(), 0) / 4;
          return record("my_variance", sum_over(centred * centred, 0) / 4,
                        wrt(x, [=](const Array<T>& dy) { return dy * centred * ((wrong ? 1.0 : 2.0) / 4); }));
        });

  plant("variance: m - x for x - m", M::sign, "my_variance", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {4, 2});
          const Array<T> centred = x.value() - sum_over(x.value(), 0) / 4;
          return record("my_variance", sum_over(centred * centred, 0) / 4,
                        wrt(x, [=](const Array<T>& dy) { return dy * (wrong ? -centred : centred) / 2; }));
        });

  // y_t = x_0 + ... + x_t             dx_t = dy_t + dy_t+1 + ...
  plant("running sum: dx_t = dy_t+1 + dy_t+2 + ...", M::time_shift, "my_cumsum", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {5, 2});
          Array<T> y = x.value().copy();
          for (std::size_t i = 2; i < 10; ++i) y.mutable_data()[i] += y.data()[i - 2];
          return record("my_cumsum", y, wrt(x, [=](const Array<T>& dy) {
                          auto dx = Array<T>::uninitialized({5, 2});
                          Array<T> rest = Array<T>::zeros({2});
                          for (std::size_t t = 5; t-- > 0;) {
                            const Array<T> with_t = rest + dy.row(t);
                            std::copy_n((wrong ? rest : with_t).data(), 2, dx.mutable_data() + 2 * t);
                            rest = with_t;
                          }
                          return dx;
                        }));
        });
  return faults;
}

}  // namespace xgrad::faults
