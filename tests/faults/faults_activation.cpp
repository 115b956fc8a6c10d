// Wrong copies of the activation functions, and of gelu by tanh, which is made of them.
#include "fault.hpp"

namespace xgrad::faults {

namespace {

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

std::vector<Fault> activation_faults() {
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

  // y = log(1 + e^x)                  dx = dy sigmoid x
  plant("softplus: dx = dy (1 - sigmoid x) for dy sigmoid x", M::wrong_term, "my_softplus", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_softplus", p.input("x", {2, 3}), [](T x) { return scalar::softplus(x); },
              [=](T x, T) { return wrong ? 1.0 - scalar::sigmoid(x) : scalar::sigmoid(x); });
        });
  plant("softplus: dx = dy e^x / (1 + e^x), at x = 800", M::not_finite, "my_softplus", x_is_wrong,
        []<class T>(const Parameters<T>& p, bool wrong) {
          return elementwise(
              "my_softplus", p.input("x", {4}, ending_with(800)), [](T x) { return scalar::softplus(x); },
              [=](T x, T) {
                const T e = scalar::exp(x);
                return wrong ? e / (1.0 + e) : scalar::sigmoid(x);
              });
        });

  // y = s x if x <= 0 else x          dx = s dy if x <= 0 else dy
  const auto leaky = []<class T>(const Parameters<T>& p, auto slope) {
    return elementwise(
        "my_leaky_relu", p.input("x", {2, 3}, both_signs),
        [](T x) { return scalar::less_equal(x, T(0)) ? 0.1 * x : x; }, slope);
  };
  plant("leaky_relu: the slope s where x > 0", M::wrong_term, "my_leaky_relu", x_is_wrong,
        [leaky]<class T>(const Parameters<T>& p, bool wrong) {
          return leaky(p, [=](T x, T) { return scalar::less_equal(x, T(0)) != wrong ? T(0.1) : T(1); });
        });
  plant("leaky_relu: dx = 0 where x <= 0, as for relu", M::wrong_term, "my_leaky_relu", x_is_wrong,
        [leaky]<class T>(const Parameters<T>& p, bool wrong) {
          return leaky(p, [=](T x, T) { return scalar::less_equal(x, T(0)) ? T(wrong ? 0 : 0.1) : T(1); });
        });
  plant("leaky_relu: dx = s^2 dy where x <= 0", M::factor, "my_leaky_relu", x_is_wrong,
        [leaky]<class T>(const Parameters<T>& p, bool wrong) {
          return leaky(
              p, [=](T x, T) { return scalar::less_equal(x, T(0)) ? T(wrong ? 0.1 * 0.1 : 0.1) : T(1); });
        });

  // y = a (e^x - 1) if x <= 0 else x  dx = dy (y + a) if x <= 0 else dy
  const auto elu = []<class T>(const Parameters<T>& p, auto slope) {
    return elementwise(
        "my_elu", p.input("x", {2, 3}, both_signs),
        [](T x) { return scalar::less_equal(x, T(0)) ? 0.5 * scalar::expm1(x) : x; },
        [=](T x, T y) { return scalar::less_equal(x, T(0)) ? slope(x, y) : T(1); });
  };
  plant("elu: dx = dy e^x for dy a e^x where x <= 0", M::factor, "my_elu", x_is_wrong,
        [elu]<class T>(const Parameters<T>& p, bool wrong) {
          return elu(p, [=](T x, T) { return (wrong ? 1.0 : 0.5) * scalar::exp(x); });
        });
  plant("elu: dx = dy (y + 1) for dy (y + a) where x <= 0", M::wrong_term, "my_elu", x_is_wrong,
        [elu]<class T>(const Parameters<T>& p, bool wrong) {
          return elu(p, [=](T, T y) { return y + (wrong ? 1.0 : 0.5); });
        });
  return faults;
}

}  // namespace xgrad::faults
