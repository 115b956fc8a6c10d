// Wrong copies of softmax, log_softmax and the cross entropy, along the rows of x: (N, V).
#include "fault.hpp"

namespace xgrad::faults {

namespace {

template <class T>
Array<T> softmax_of(const Array<T>& x, std::ptrdiff_t axis = -1) {
  return value_of([&] { return softmax(Variable<T>(x), axis); });
}

template <class T>
Array<T> exp_of(const Array<T>& x) {
  return each([](T xi) { return scalar::exp(xi); }, x);
}

// 1 at each row's target
template <class T>
Array<T> onehot(const Ids& targets, std::size_t V) {
  Array<T> y = Array<T>::zeros({targets.size(), V});
  for (std::size_t r = 0; r < targets.size(); ++r)
    y.mutable_data()[r * V + static_cast<std::size_t>(targets[r])] = T(1);
  return y;
}

// L = factor sum_r -log softmax(x_r)[t_r]             dx = dx_of(p, onehot) dL, p = softmax x
template <class T, class Dx>
Variable<T> my_cross_entropy(const Variable<T>& x, const Ids& targets, double factor, Dx dx_of) {
  const auto L = value_of(
      [&] { return factor * softmax_cross_entropy(Variable<T>(x.value()), targets, Reduction::sum); });
  const Array<T> dx = dx_of(softmax_of(x.value()), onehot<T>(targets, x.shape()[1]));
  return record("my_softmax_cross_entropy", L, wrt(x, [dx](const Array<T>& dL) { return dx * dL; }));
}

}  // namespace

std::vector<Fault> softmax_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y = softmax x                     dx = y (dy - <dy, y>)
  plant("softmax: dx = y dy for y (dy - <dy, y>)", M::wrong_term, "my_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4});
          const Array<T> y = softmax_of(x.value());
          return record("my_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          return wrong ? y * dy : y * (dy - sum_over(y * dy, 1, keepdims));
                        }));
        });
  plant("softmax: dx = y (dy + <dy, y>) for y (dy - <dy, y>)", M::wrong_term, "my_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4});
          const Array<T> y = softmax_of(x.value());
          return record("my_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          const Array<T> mean = sum_over(y * dy, 1, keepdims);
                          return y * (wrong ? dy + mean : dy - mean);
                        }));
        });
  plant("softmax along axis 1: <dy, y> along axis 0", M::wrong_axis, "my_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 4});
          const Array<T> y = softmax_of(x.value());
          return record("my_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          return y * (dy - sum_over(y * dy, wrong ? 0 : 1, keepdims));
                        }));
        });
  plant("softmax: dx is overwritten", M::overwritten, "my_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4});
          const Array<T> y = softmax_of(x.value());
          return with_another_use(record("my_softmax", y,
                                         wrt(x,
                                             [=](const Array<T>& dy, Array<T>& dx) {
                                               add_to(dx, y * (dy - sum_over(y * dy, 1, keepdims)), wrong);
                                             })),
                                  x);
        });
  plant("softmax: the vjp computes e^x / sum e^x anew, at x = 800", M::not_finite, "my_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4}, uniform(799, 801));
          const Array<T> right = softmax_of(x.value());
          return record("my_softmax", right, wrt(x, [=](const Array<T>& dy) {
                          const Array<T> e = exp_of(x.value());
                          const Array<T> y = wrong ? e / sum_over(e, 1, keepdims) : right;
                          return y * (dy - sum_over(y * dy, 1, keepdims));
                        }));
        });
  // y = softmax(x / temperature)      dx = y (dy - <dy, y>) / temperature
  plant("softmax at temperature 0.5: dx without / temperature", M::factor, "my_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4});
          const Array<T> y = softmax_of(x.value() / 0.5);
          return record("my_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          return y * (dy - sum_over(y * dy, 1, keepdims)) / (wrong ? 1 : 0.5);
                        }));
        });

  // y = x - log sum e^x               dx = dy - e^y sum dy
  plant("log_softmax: dx = dy - y sum dy for dy - e^y sum dy", M::wrong_term, "my_log_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4});
          const auto y = value_of([&] { return log_softmax(Variable<T>(x.value())); });
          return record("my_log_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          return dy - (wrong ? y : exp_of(y)) * sum_over(dy, 1, keepdims);
                        }));
        });
  plant("log_softmax: dx = dy - e^y for dy - e^y sum dy", M::wrong_term, "my_log_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {1, 4});
          const auto y = value_of([&] { return log_softmax(Variable<T>(x.value())); });
          return record("my_log_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          return wrong ? dy - exp_of(y) : dy - exp_of(y) * sum_over(dy, 1, keepdims);
                        }));
        });
  plant("log_softmax: (1 + 1e-6) dx", M::slight_factor, "my_log_softmax", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 4});
          const auto y = value_of([&] { return log_softmax(Variable<T>(x.value())); });
          return record("my_log_softmax", y, wrt(x, [=](const Array<T>& dy) {
                          return (wrong ? 1 + 1e-6 : 1) * (dy - exp_of(y) * sum_over(dy, 1, keepdims));
                        }));
        });

  // L = mean_r -log p_r[t_r]          dx = (p - onehot) dL / N
  const char* const op = "my_softmax_cross_entropy";
  plant("cross entropy, mean: dx = (p - onehot) dL without / N", M::factor, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(
              p.input("x", {3, 4}), {1, 0, 3}, 1.0 / 3,
              [=](const auto& y, const auto& hot) { return (y - hot) / (wrong ? 1 : 3); });
        });
  plant("cross entropy: dx = p dL, the onehot dropped", M::wrong_term, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p.input("x", {3, 4}), {1, 0, 3}, 1,
                                  [=](const auto& y, const auto& hot) { return wrong ? y : y - hot; });
        });
  plant("cross entropy: dx = (onehot - p) dL", M::sign, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p.input("x", {3, 4}), {1, 0, 3}, 1,
                                  [=](const auto& y, const auto& hot) { return wrong ? hot - y : y - hot; });
        });
  plant("cross entropy: the onehots of targets counted from 1", M::wrong_term, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p.input("x", {3, 4}), {1, 0, 2}, 1, [=](const auto& y, const auto& hot) {
            return y - (wrong ? onehot<T>({2, 1, 3}, 4) : hot);
          });
        });
  plant("cross entropy in bits: dx = 1.4427 (p - onehot) dL", M::rounded_constant, op, x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return my_cross_entropy(p.input("x", {3, 4}), {1, 0, 3}, 1 / std::log(2.0),
                                  [=](const auto& y, const auto& hot) {
                                    return (wrong ? 1.4427 : 1 / std::log(2.0)) * (y - hot);
                                  });
        });
  // L_r = -log p_r[t_r]               dx_r = (p_r - onehot_r) dL_r
  plant(
      "cross entropy of each row: dL of the row before", M::time_shift, op, x_is_wrong,
      []<class T>(const Parameters<T>& p, bool wrong) {
        const auto x = p.input("x", {3, 4});
        const Ids targets{1, 0, 3};
        const auto L =
            value_of([&] { return softmax_cross_entropy(Variable<T>(x.value()), targets, Reduction::none); });
        const Array<T> slope = softmax_of(x.value()) - onehot<T>(targets, 4);
        return record("my_softmax_cross_entropy", L, wrt(x, [=](const Array<T>& dL) {
                        const Array<T> used = wrong ? Array<T>({3}, {T(0), dL.data()[0], dL.data()[1]}) : dL;
                        return slope * used.reshaped({3, 1});
                      }));
      });
  return faults;
}

}  // namespace xgrad::faults
