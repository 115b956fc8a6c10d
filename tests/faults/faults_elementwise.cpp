// Wrong copies of the elementwise ops, and of gelu, which is made of them.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

// A row whose last number is `last`.
Initializer ending_with(double last) {
  return [=](Random& random, std::span<double> numbers) {
    uniform(0.5, 1)(random, numbers);
    numbers.back() = last;
  };
}

// y = f(x)                          dx = dy slope(x, y), in place
template <class T, class F, class Slope>
Variable<T> elementwise(const char* op, const Variable<T>& x, F f, Slope slope) {
  const Array<T> y = each(f, x.value());
  return record(op, y, wrt(x, [x = x.value(), y, slope](const Array<T>& dy) {
                  return each([&](T dyi, T xi, T yi) { return dyi * slope(xi, yi); }, dy, x, y);
                }));
}

// tanh sqrt(2/pi) (x + 0.044715 x^3)
template <class T>
T gelu_tanh(T x) {
  return scalar::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x));
}

// y = x/2 (1 + t), t as above (Hendrycks & Gimpel 2016)
template <class T>
T gelu(T x) {
  return 0.5 * x * (1.0 + gelu_tanh(x));
}

}  // namespace

std::vector<Fault> elementwise_faults() {
  using M = Mistake;
  std::vector<Fault> faults;
  const auto plant = [&](auto... arguments) { faults.push_back(fault(arguments...)); };
  const std::vector<Argument> x_is_wrong{{0, "x"}};

  // y = tanh x                        dx = dy (1 - y^2)
  plant("tanh: dx = dy (1 - y) for dy (1 - y^2)", M::wrong_term, "my_tanh", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_tanh", p.input("x", {2, 3}), [](T x) { return scalar::tanh(x); },
              [=](T, T y) { return wrong ? 1.0 - y : 1.0 - y * y; });
        });
  plant("tanh: dx = dy (y^2 - 1) for dy (1 - y^2)", M::sign, "my_tanh", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_tanh", p.input("x", {2, 3}), [](T x) { return scalar::tanh(x); },
              [=](T, T y) { return wrong ? y * y - 1.0 : 1.0 - y * y; });
        });

  plant("tanh: y is saved transposed", M::transposed, "my_tanh", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          const auto x = p.input("x", {3, 3});
          const Array<T> y = each([](T xi) { return scalar::tanh(xi); }, x.value());
          const Array<T> saved = wrong ? transposed(y) : y;
          return record("my_tanh", y, wrt(x, [=](const Array<T>& dy) { return dy * (1 - saved * saved); }));
        });

  // y = 1 / (1 + e^-x)                dx = dy y (1 - y)
  plant("sigmoid: dx = dy y for dy y (1 - y)", M::wrong_term, "my_sigmoid", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_sigmoid", p.input("x", {2, 3}), [](T x) { return scalar::sigmoid(x); },
              [=](T, T y) { return wrong ? y : y * (1.0 - y); });
        });
  plant("sigmoid: dx = dy e^x / (1 + e^x)^2, at x = 800", M::not_finite, "my_sigmoid", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_sigmoid", p.input("x", {4}, ending_with(800)), [](T x) { return scalar::sigmoid(x); },
              [=](T x, T y) {
                const T e = scalar::exp(x);
                return wrong ? e / ((1.0 + e) * (1.0 + e)) : y * (1.0 - y);
              });
        });

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

  // y = 0 if x <= 0 else x            dx = 0 if x <= 0 else dy
  plant("relu: dx = dy for dy where x > 0", M::wrong_term, "my_relu", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_relu", p.input("x", {2, 3}), [](T x) { return scalar::less_equal(x, T(0)) ? T(0) : x; },
              [=](T x, T) { return wrong || scalar::less(T(0), x) ? T(1) : T(0); });
        });

  // y = x/2 (1 + t)                   dx = dy [(1 + t)/2 + x/2 (1 - t^2) sqrt(2/pi) (1 + 3 0.044715 x^2)]
  plant("gelu: dx = dy (1 + t)/2, the slope of t dropped", M::wrong_term, "my_gelu", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise("my_gelu", p.input("x", {2, 3}), gelu<T>, [=](T x, T) {
            const T t = gelu_tanh(x);
            const double c = wrong ? 0 : std::sqrt(2 / std::acos(-1.0));
            return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * c * (1.0 + 3 * 0.044715 * x * x);
          });
        });
  plant("gelu: 0.7979 for sqrt(2/pi) in dx", M::rounded_constant, "my_gelu", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise("my_gelu", p.input("x", {2, 3}), gelu<T>, [=](T x, T) {
            const T t = gelu_tanh(x);
            const double c = wrong ? 0.7979 : std::sqrt(2 / std::acos(-1.0));
            return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * c * (1.0 + 3 * 0.044715 * x * x);
          });
        });
  faults.back().defect = Defect::missing_term;  // the constant is in one of two terms
  return faults;
}

}  // namespace xgrad::faults
