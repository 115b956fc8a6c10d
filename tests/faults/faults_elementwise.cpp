// Wrong copies of the mathematical functions of each element.
#include "fault.hpp"

namespace xgrad::faults {

std::vector<Fault> elementwise_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y = e^x                           dx = dy y
  plant("exp: dx = (1 + 1e-6) dy y for dy y", M::slight_factor, "my_exp", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_exp", p.input("x", {2, 3}), [](T x) { return scalar::exp(x); },
              [=](T, T y) { return (wrong ? 1 + 1e-6 : 1) * y; });
        });
  plant(
      "exp: dx is overwritten", M::overwritten, "my_exp", x_is_wrong,
      []<class T>(const Parameters<T>& p, bool wrong) {
        const auto x = p.input("x", {2, 3});
        const Array<T> y = each([](T xi) { return scalar::exp(xi); }, x.value());
        return with_another_use(
            record("my_exp", y, wrt(x, [=](const Array<T>& dy, Array<T>& dx) { add_to(dx, dy * y, wrong); })),
            x);
      });

  // y = log x                         dx = dy / x
  plant("log: dx = dy / y for dy / x", M::wrong_term, "my_log", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_log", p.input("x", {2, 3}, uniform(2, 4)), [](T x) { return scalar::log(x); },
              [=](T x, T y) { return 1.0 / (wrong ? y : x); });
        });
  // y = log2 x                        dx = dy log2(e) / x
  plant("log, to base 2: dx = 1.4427 dy / x", M::rounded_constant, "my_log2", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_log2", p.input("x", {2, 3}, uniform(2, 4)),
              [](T x) { return scalar::log(x) / std::log(2.0); },
              [=](T x, T) { return (wrong ? 1.4427 : 1 / std::log(2.0)) / x; });
        });

  // y = x^2                           dx = dy 2 x
  plant("square: dx = dy x for dy 2 x", M::factor, "my_square", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_square", p.input("x", {2, 3}), [](T x) { return x * x; },
              [=](T x, T) { return (wrong ? 1.0 : 2.0) * x; });
        });
  plant("square: dx = dy 2 y / x for dy 2 x, at x = 0", M::not_finite, "my_square", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_square", p.input("x", {4}, ending_with(0)), [](T x) { return x * x; },
              [=](T x, T y) { return wrong ? 2.0 * y / x : 2.0 * x; });
        });

  // y = sqrt x                        dx = dy / (2 y)
  plant("sqrt: dx = dy / y for dy / (2 y)", M::factor, "my_sqrt", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_sqrt", p.input("x", {2, 3}, uniform(0.5, 2)), [](T x) { return scalar::sqrt(x); },
              [=](T, T y) { return 1.0 / ((wrong ? 1.0 : 2.0) * y); });
        });

  plant("abs: dx = dy for dy sign x", M::sign, "my_abs", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_abs", p.input("x", {2, 3}, both_signs), [](T x) { return scalar::abs(x); },
              [=](T x, T) { return wrong || scalar::less(T(0), x) ? T(1) : T(-1); });
        });

  // y = 1 / sqrt x                    dx = -dy y^3 / 2
  plant("rsqrt: dx = -dy y^2 / 2 for -dy y^3 / 2", M::wrong_term, "my_rsqrt", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_rsqrt", p.input("x", {2, 3}, uniform(1, 2)), [](T x) { return 1.0 / scalar::sqrt(x); },
              [=](T, T y) { return -0.5 * y * y * (wrong ? T(1) : y); });
        });

  // y = x^p                           dx = dy p x^(p - 1)     dp = dy y log x
  plant("pow: dx = dy p x^p for dy p x^(p - 1)", M::wrong_term, "my_pow", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_pow", p.input("x", {2, 3}, uniform(1.2, 2)), [](T x) { return scalar::pow(x, T(2.5)); },
              [=](T x, T) { return 2.5 * scalar::pow(x, T(wrong ? 2.5 : 1.5)); });
        });
  plant("pow: dx = dy x^(p - 1), the factor p forgotten", M::factor, "my_pow", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_pow", p.input("x", {2, 3}, uniform(1.2, 2)), [](T x) { return scalar::pow(x, T(2.5)); },
              [=](T x, T) { return (wrong ? 1 : 2.5) * scalar::pow(x, T(1.5)); });
        });
  plant("pow: dx = dy p y / x, at x = 0", M::not_finite, "my_pow", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_pow", p.input("x", {4}, ending_with(0)), [](T x) { return scalar::pow(x, T(3)); },
              [=](T x, T y) { return wrong ? 3.0 * y / x : 3.0 * x * x; });
        });
  plant("pow: dp = dy y for dy y log x", M::wrong_term, "my_pow", std::vector<Argument>{{1, "p"}},
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {2, 3}, uniform(1.5, 3)), power = p.input("p", {2, 3}, uniform(1, 2));
          const Array<T> y = each([](T a, T b) { return scalar::pow(a, b); }, x.value(), power.value());
          const Array<T> log_x = each([](T a) { return scalar::log(a); }, x.value());
          return record("my_pow", y,
                        wrt(x, [=](const Array<T>& dy) { return dy * power.value() * y / x.value(); }),
                        wrt(power, [=](const Array<T>& dy) { return wrong ? dy * y : dy * y * log_x; }));
        });

  // y = log(1 + x)                    dx = dy / (1 + x)
  plant("log1p: dx = dy / x for dy / (1 + x)", M::wrong_term, "my_log1p", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_log1p", p.input("x", {2, 3}, uniform(0.5, 2)), [](T x) { return scalar::log1p(x); },
              [=](T x, T) { return 1.0 / (wrong ? x : 1.0 + x); });
        });
  // y = e^x - 1                       dx = dy (y + 1)
  plant("expm1: dx = dy y, as for exp", M::wrong_term, "my_expm1", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_expm1", p.input("x", {2, 3}), [](T x) { return scalar::expm1(x); },
              [=](T, T y) { return wrong ? y : y + 1.0; });
        });

  plant("cos: dx = dy sin x for -dy sin x", M::sign, "my_cos", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_cos", p.input("x", {2, 3}), [](T x) { return scalar::cos(x); },
              [=](T x, T) { return (wrong ? 1.0 : -1.0) * scalar::sin(x); });
        });
  plant("sin of degrees: 0.01745 for pi / 180 in dx", M::rounded_constant, "my_sin", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const double degree = std::acos(-1.0) / 180;
          return elementwise(
              "my_sin", p.input("x", {2, 3}, uniform(10, 80)), [=](T x) { return scalar::sin(degree * x); },
              [=](T x, T) { return (wrong ? 0.01745 : degree) * scalar::cos(degree * x); });
        });

  // y = erf x                         dx = dy 2 / sqrt(pi) e^(-x^2)
  const auto my_erf = []<class T>(const Parameters<T>& p, double factor, bool squares) {
    return elementwise(
        "my_erf", p.input("x", {2, 3}), [](T x) { return scalar::erf(x); },
        [=](T x, T) { return factor * scalar::exp(squares ? -x * x : -x); });
  };
  plant("erf: 1.1284 for 2 / sqrt(pi) in dx", M::rounded_constant, "my_erf", x_is_wrong,
        [my_erf](const auto& p, bool wrong) {
          return my_erf(p, wrong ? 1.1284 : 2 / std::sqrt(std::acos(-1.0)), true);
        });
  plant("erf: 1 / sqrt(pi) for 2 / sqrt(pi) in dx", M::factor, "my_erf", x_is_wrong,
        [my_erf](const auto& p, bool wrong) {
          return my_erf(p, (wrong ? 1 : 2) / std::sqrt(std::acos(-1.0)), true);
        });
  plant("erf: e^-x for e^(-x^2) in dx", M::wrong_term, "my_erf", x_is_wrong,
        [my_erf](const auto& p, bool wrong) { return my_erf(p, 2 / std::sqrt(std::acos(-1.0)), !wrong); });
  return faults;
}

}  // namespace xgrad::faults
