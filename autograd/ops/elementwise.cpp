// One formula, one value, one vjp each. A vjp prefers the output y over the input: y is kept anyway.
#include <xgrad/autograd/ops/elementwise.hpp>

#include <xgrad/autograd/kernels/map.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using kernels::map;

// y = tanh x                        dx = dy (1 - y^2)
template <class T>
Variable<T> tanh(const Variable<T>& x) {
  const Array<T> y = map([](auto xi) { return scalar::tanh(xi); }, x.value());
  return record("tanh", y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return dyi * (T(1) - yi * yi); }, dy, y);
                }));
}

// y = 1 / (1 + e^-x)                dx = dy y (1 - y)
template <class T>
Variable<T> sigmoid(const Variable<T>& x) {
  const Array<T> y = map([](auto xi) { return scalar::sigmoid(xi); }, x.value());
  return record("sigmoid", y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return dyi * yi * (T(1) - yi); }, dy, y);
                }));
}

// y = e^x                           dx = dy y
template <class T>
Variable<T> exp(const Variable<T>& x) {
  const Array<T> y = map([](auto xi) { return scalar::exp(xi); }, x.value());
  return record("exp", y, wrt(x, [y](const Array<T>& dy) { return dy * y; }));
}

// y = e^x - 1                       dx = dy (y + 1)
template <class T>
Variable<T> expm1(const Variable<T>& x) {
  // Near 0, where e^x - 1 cancels, it is 2 t / (1 - t) with t = tanh(x / 2). The formulas meet at x^2 = 0.9, smoothly.
  const Array<T> y = map(
      [](auto xi) {
        const auto t = scalar::tanh(xi * T(0.5));
        return scalar::where_le_zero(xi * xi - T(0.9), T(2) * t / (T(1) - t), scalar::exp(xi) - T(1));
      },
      x.value());
  return record("expm1", y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return dyi * (yi + T(1)); }, dy, y);
                }));
}

// y = log x                         dx = dy / x
template <class T>
Variable<T> log(const Variable<T>& x) {
  const Array<T> y = map([](auto xi) { return scalar::log(xi); }, x.value());
  return record("log", y, wrt(x, [x = x.value()](const Array<T>& dy) { return dy / x; }));
}

// y = x^2                           dx = dy 2 x
template <class T>
Variable<T> square(const Variable<T>& x) {
  const Array<T> y = map([](auto xi) { return xi * xi; }, x.value());
  return record("square", y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map([](auto dyi, auto xi) { return dyi * (T(2) * xi); }, dy, x);
                }));
}

// y = sqrt x                        dx = dy / (2 y)
template <class T>
Variable<T> sqrt(const Variable<T>& x) {
  const Array<T> y = map([](auto xi) { return scalar::sqrt(xi); }, x.value());
  return record("sqrt", y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return dyi / (T(2) * yi); }, dy, y);
                }));
}

// y = 0 if x <= 0 else x            dx = 0 if x <= 0 else dy        (x <= 0 exactly where y <= 0; NaN stays
// NaN)
template <class T>
Variable<T> relu(const Variable<T>& x) {
  const Array<T> y =
      map([](auto xi) { return scalar::where_le_zero(xi, decltype(xi)(T(0)), xi); }, x.value());
  return record("relu", y, wrt(x, [y](const Array<T>& dy) {
                  return map(
                      [](auto dyi, auto yi) { return scalar::where_le_zero(yi, decltype(yi)(T(0)), dyi); },
                      dy, y);
                }));
}

template Variable<float> tanh(const Variable<float>&);
template Variable<double> tanh(const Variable<double>&);
template Variable<Complex> tanh(const Variable<Complex>&);
template Variable<float> sigmoid(const Variable<float>&);
template Variable<double> sigmoid(const Variable<double>&);
template Variable<Complex> sigmoid(const Variable<Complex>&);
template Variable<float> exp(const Variable<float>&);
template Variable<double> exp(const Variable<double>&);
template Variable<Complex> exp(const Variable<Complex>&);
template Variable<float> expm1(const Variable<float>&);
template Variable<double> expm1(const Variable<double>&);
template Variable<Complex> expm1(const Variable<Complex>&);
template Variable<float> log(const Variable<float>&);
template Variable<double> log(const Variable<double>&);
template Variable<Complex> log(const Variable<Complex>&);
template Variable<float> square(const Variable<float>&);
template Variable<double> square(const Variable<double>&);
template Variable<Complex> square(const Variable<Complex>&);
template Variable<float> sqrt(const Variable<float>&);
template Variable<double> sqrt(const Variable<double>&);
template Variable<Complex> sqrt(const Variable<Complex>&);
template Variable<float> relu(const Variable<float>&);
template Variable<double> relu(const Variable<double>&);
template Variable<Complex> relu(const Variable<Complex>&);

}  // namespace xgrad
