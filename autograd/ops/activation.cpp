// One formula, one value, one vjp each. A vjp prefers the output y over the input: y is kept anyway.
#include <xgrad/autograd/ops/activation.hpp>

#include <numbers>

#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using kernels::map;
namespace formulas = kernels::formulas;

// y = tanh x                        dx = dy (1 - y^2)
template <class T>
Variable<T> tanh(const Variable<T>& x) {
  Array<T> y = map(formulas::Tanh(), x.value());
  return record(ops::tanh, y, wrt(x, [y](const Array<T>& dy) { return map(formulas::TanhVjp<T>(), dy, y); }));
}

// y = 1 / (1 + e^-x)                dx = dy y (1 - y)
template <class T>
Variable<T> sigmoid(const Variable<T>& x) {
  Array<T> y = map(formulas::Sigmoid(), x.value());
  return record(ops::sigmoid, y,
                wrt(x, [y](const Array<T>& dy) { return map(formulas::SigmoidVjp<T>(), dy, y); }));
}

// y = log(1 + e^x)                  dx = dy sigmoid x
template <class T>
Variable<T> softplus(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::softplus(xi); }, x.value());
  return record(ops::softplus, y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map([](auto dyi, auto xi) { return dyi * scalar::sigmoid(xi); }, dy, x);
                }));
}

// y = x if x > 0 else 0             dx = dy if y > 0 else 0         (NaN stays NaN)
template <class T>
Variable<T> relu(const Variable<T>& x) {
  Array<T> y = map(formulas::Relu<T>(), x.value());
  return record(ops::relu, y, wrt(x, [y](const Array<T>& dy) { return map(formulas::ReluVjp<T>(), dy, y); }));
}

// y = x if x > 0 else s x           dx = dy if x > 0 else s dy
template <class T>
Variable<T> leaky_relu(const Variable<T>& x, double slope) {
  const auto s = static_cast<scalar::Real<T>>(slope);
  Array<T> y = map(
      [s](auto xi) {
        const decltype(xi) zero(T(0));
        scalar::kink(xi, zero);
        return scalar::select(scalar::less_equal(xi, zero), T(s) * xi, xi);
      },
      x.value());
  return record(ops::leaky_relu, y, wrt(x, [x = x.value(), s](const Array<T>& dy) {
                  return map(
                      [s](auto dyi, auto xi) {
                        return scalar::select(scalar::less_equal(xi, decltype(xi)(T(0))), T(s) * dyi, dyi);
                      },
                      dy, x);
                }));
}

// y = x if x > 0 else a (e^x - 1)   dx = dy if x > 0 else dy a e^x
template <class T>
Variable<T> elu(const Variable<T>& x, double alpha) {
  const auto a = static_cast<scalar::Real<T>>(alpha);
  Array<T> y = map(
      [a](auto xi) {
        const decltype(xi) zero(T(0));
        if (a != 1) scalar::kink(xi, zero);
        return scalar::select(scalar::less_equal(xi, zero), T(a) * scalar::expm1(xi), xi);
      },
      x.value());
  return record(ops::elu, y, wrt(x, [x = x.value(), a](const Array<T>& dy) {
                  return map(
                      [a](auto dyi, auto xi) {
                        return scalar::select(scalar::less_equal(xi, decltype(xi)(T(0))),
                                              dyi * (T(a) * scalar::exp(xi)), dyi);
                      },
                      dy, x);
                }));
}

namespace {

// The distribution function of the standard normal, by the complement of erf, which does not cancel for x <<
// 0.
template <class T, class X>
X normal_cdf(const X& x) {
  return T(0.5) * scalar::erfc(scalar::divide(-x, X(T(std::numbers::sqrt2_v<scalar::Real<T>>))));
}

template <class T>
constexpr auto inv_sqrt_2pi =
    std::numbers::inv_sqrtpi_v<scalar::Real<T>> / std::numbers::sqrt2_v<scalar::Real<T>>;

}  // namespace

// y = x P(x), P that of N(0, 1)     dx = dy [P(x) + x e^(-x^2/2) / sqrt(2 pi)]
template <class T>
Variable<T> gelu(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return xi * normal_cdf<T>(xi); }, x.value());
  return record(
      ops::gelu, y, wrt(x, [x = x.value()](const Array<T>& dy) {
        return map(
            [](auto dyi, auto xi) {
              return dyi * (normal_cdf<T>(xi) + xi * (T(inv_sqrt_2pi<T>) * scalar::exp(T(-0.5) * xi * xi)));
            },
            dy, x);
      }));
}

#define XGRAD_INSTANTIATE(T)                                   \
  template Variable<T> tanh(const Variable<T>&);               \
  template Variable<T> sigmoid(const Variable<T>&);            \
  template Variable<T> softplus(const Variable<T>&);           \
  template Variable<T> relu(const Variable<T>&);               \
  template Variable<T> gelu(const Variable<T>&);               \
  template Variable<T> leaky_relu(const Variable<T>&, double); \
  template Variable<T> elu(const Variable<T>&, double);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(Complex)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
