// Wrong copies of the losses of real targets: binary cross entropy, squared and absolute error, huber.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// L = sum f(y, t)                           dy = dL slope(y, t)     dt = dL slope_t(y, t)
template <class T, class F, class Slope, class SlopeT>
Variable<T> my_loss(const char* op, const Variable<T>& y, const Variable<T>& t, F f, Slope slope_y,
                    SlopeT slope_t) {
  const Array<T> ys = y.value(), ts = t.value();
  return record(op, value_of([&] { return sum(Variable<T>(each(f, ys, ts))); }),
                wrt(y, [=](const Array<T>& dL) { return dL * each(slope_y, ys, ts); }),
                wrt(t, [=](const Array<T>& dL) { return dL * each(slope_t, ys, ts); }));
}

template <class T>
T sign(T e) {
  return scalar::less(e, T(0)) ? T(-1) : T(1);
}

// y and t whose differences are -1.7, 0.3, 1.2, -0.25, 0.9, -0.2
template <class T>
std::array<Variable<T>, 2> predictions(const Parameters<T>& p) {
  return {p.input("y", {2, 3}, numbers({-1, 0.5, 1, 0.05, 0.3, -0.6})),
          p.input("t", {2, 3}, numbers({0.7, 0.2, -0.2, 0.3, -0.6, -0.4}))};
}

// e^2 / 2 if |e| <= delta else delta (|e| - delta / 2)
constexpr double delta = 0.5;
template <class T>
T huber_of(T e) {
  const T size = scalar::abs(e);
  return scalar::less(size, T(delta)) ? 0.5 * e * e : delta * (size - 0.5 * delta);
}
template <class T>
T huber_slope(T e, double outside = delta) {
  return scalar::less(scalar::abs(e), T(delta)) ? e : outside * sign(e);
}

}  // namespace

std::vector<Fault> target_losses_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}}, y_is_wrong{{0, "y"}}, t_is_wrong{{1, "t"}};

  // L = sum log(1 + e^x) - t x        dx = (sigmoid x - t) dL                 dt = -x dL
  const auto bce = []<class T>(const Variable<T>& x, auto slope_x) {
    const Array<T> ts({4}, {T(0), T(1), T(0.3), T(1)});
    return my_loss(
        "my_binary_cross_entropy", x, Variable<T>(ts),
        [](T xi, T t) { return scalar::softplus(xi) - t * xi; }, slope_x, [](T xi, T) { return -xi; });
  };
  plant("binary cross entropy: dx = (t - p) dL", M::sign, "my_binary_cross_entropy", x_is_wrong,
        [bce]<class T>(const Parameters<T>& p, bool wrong) {
          return bce(p.input("x", {4}),
                     [=](T x, T t) { return (wrong ? -1.0 : 1.0) * (scalar::sigmoid(x) - t); });
        });
  plant("binary cross entropy: dx = p dL, the target dropped", M::wrong_term, "my_binary_cross_entropy",
        x_is_wrong, [bce]<class T>(const Parameters<T>& p, bool wrong) {
          return bce(p.input("x", {4}), [=](T x, T t) { return scalar::sigmoid(x) - (wrong ? T(0) : t); });
        });
  plant("binary cross entropy: dx = (p - t) / (p (1 - p)), the slope of p forgotten", M::wrong_term,
        "my_binary_cross_entropy", x_is_wrong, [bce]<class T>(const Parameters<T>& p, bool wrong) {
          return bce(p.input("x", {4}), [=](T x, T t) {
            const T q = scalar::sigmoid(x);
            return (q - t) / (wrong ? q * (1.0 - q) : T(1));
          });
        });
  plant("binary cross entropy: dx = (p - t) / (p (1 - p)) times p (1 - p), at x = 800", M::not_finite,
        "my_binary_cross_entropy", x_is_wrong, [bce]<class T>(const Parameters<T>& p, bool wrong) {
          return bce(p.input("x", {4}, ending_with(800)), [=](T x, T t) {
            const T q = scalar::sigmoid(x), slope_q = q * (1.0 - q);
            return wrong ? (q - t) / slope_q * slope_q : q - t;
          });
        });

  // L = sum (y - t)^2                 dy = 2 (y - t) dL                       dt = -dy
  const auto squared = []<class T>(const Parameters<T>& p, double of_y, double of_t) {
    const auto [y, t] = predictions(p);
    return my_loss(
        "my_squared_error", y, t, [](T a, T b) { return (a - b) * (a - b); },
        [=](T a, T b) { return of_y * (a - b); }, [=](T a, T b) { return of_t * (a - b); });
  };
  plant("squared error: dy = (y - t) dL", M::factor, "my_squared_error", y_is_wrong,
        [squared](const auto& p, bool wrong) { return squared(p, wrong ? 1 : 2, -2); });
  plant("squared error: dt = dy for -dy", M::sign, "my_squared_error", t_is_wrong,
        [squared](const auto& p, bool wrong) { return squared(p, 2, wrong ? 2 : -2); });
  plant("squared error: dy = 2 (y - t), dL forgotten", M::wrong_term, "my_squared_error", y_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto [y, t] = predictions(p);
          const Array<T> e = y.value() - t.value();
          return 0.5 * record("my_squared_error", value_of([&] { return sum(square(Variable<T>(e))); }),
                              wrt(y, [=](const Array<T>& dL) { return wrong ? 2 * e : 2 * e * dL; }),
                              wrt(t, [=](const Array<T>& dL) { return -2 * e * dL; }));
        });
  plant("squared error: the targets one step later", M::time_shift, "my_squared_error", y_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto y = p.input("y", {4, 2});
          const Array<T> t({5, 2},
                           {T(0.1), T(-0.4), T(0.8), T(0.3), T(-0.9), T(0.6), T(0.2), T(-0.5), T(1), T(0.7)});
          const Array<T> now = t.rows(0, 4), used = wrong ? t.rows(1, 5) : now;
          return record("my_squared_error",
                        value_of([&] { return sum(square(Variable<T>(y.value() - now))); }),
                        wrt(y, [=](const Array<T>& dL) { return 2 * (y.value() - used) * dL; }));
        });

  // L = sum |y - t|                   dy = sign(y - t) dL                     dt = -dy
  plant("absolute error: dy = dL, the sign forgotten", M::sign, "my_absolute_error", y_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto [y, t] = predictions(p);
          return my_loss(
              "my_absolute_error", y, t, [](T a, T b) { return scalar::abs(a - b); },
              [=](T a, T b) { return wrong ? T(1) : sign(a - b); }, [](T a, T b) { return sign(b - a); });
        });

  // L = sum huber(y - t)              dy = e if |e| <= delta else delta sign e, e = y - t
  const auto my_huber = []<class T>(const Parameters<T>& p, auto slope_y) {
    const auto [y, t] = predictions(p);
    return my_loss(
        "my_huber", y, t, [](T a, T b) { return huber_of(a - b); }, [=](T a, T b) { return slope_y(a - b); },
        [](T a, T b) { return huber_slope(b - a); });
  };
  plant("huber: dy = sign e for delta sign e outside", M::factor, "my_huber", y_is_wrong,
        [my_huber]<class T>(const Parameters<T>& p, bool wrong) {
          return my_huber(p, [=](T e) { return huber_slope(e, wrong ? 1 : delta); });
        });
  plant("huber: dy = e outside too", M::wrong_term, "my_huber", y_is_wrong,
        [my_huber]<class T>(const Parameters<T>& p, bool wrong) {
          return my_huber(p, [=](T e) { return wrong ? e : huber_slope(e); });
        });
  return faults;
}

}  // namespace xgrad::faults
