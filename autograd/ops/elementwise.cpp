// One formula, one value, one vjp each. A vjp prefers the output y over the input: y is kept anyway.
#include <xgrad/autograd/ops/elementwise.hpp>

#include <numbers>

#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

using kernels::map;
namespace formulas = kernels::formulas;

// y = e^x                           dx = dy y
template <class T>
Variable<T> exp(const Variable<T>& x) {
  Array<T> y = map(formulas::Exp(), x.value());
  return record(ops::exp, y, wrt(x, [y](const Array<T>& dy) { return dy * y; }));
}

// y = e^x - 1                       dx = dy (y + 1)
template <class T>
Variable<T> expm1(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::expm1(xi); }, x.value());
  return record(ops::expm1, y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return dyi * (yi + T(1)); }, dy, y);
                }));
}

// y = log x                         dx = dy / x
template <class T>
Variable<T> log(const Variable<T>& x) {
  Array<T> y = map(formulas::Log(), x.value());
  return record(ops::log, y, wrt(x, [x = x.value()](const Array<T>& dy) { return dy / x; }));
}

// y = log(1 + x)                    dx = dy / (1 + x)
template <class T>
Variable<T> log1p(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::log1p(xi); }, x.value());
  return record(ops::log1p, y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map([](auto dyi, auto xi) { return scalar::divide(dyi, T(1) + xi); }, dy, x);
                }));
}

// y = sin x                         dx = dy cos x
template <class T>
Variable<T> sin(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::sin(xi); }, x.value());
  return record(ops::sin, y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map([](auto dyi, auto xi) { return dyi * scalar::cos(xi); }, dy, x);
                }));
}

// y = cos x                         dx = -dy sin x
template <class T>
Variable<T> cos(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::cos(xi); }, x.value());
  return record(ops::cos, y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map([](auto dyi, auto xi) { return -(dyi * scalar::sin(xi)); }, dy, x);
                }));
}

// y = erf x                         dx = dy 2/sqrt(pi) e^(-x^2)
template <class T>
Variable<T> erf(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::erf(xi); }, x.value());
  return record(ops::erf, y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map(
                      [](auto dyi, auto xi) {
                        return dyi *
                               (T(2 * std::numbers::inv_sqrtpi_v<scalar::Real<T>>) * scalar::exp(-(xi * xi)));
                      },
                      dy, x);
                }));
}

// y = x^2                           dx = dy 2 x
template <class T>
Variable<T> square(const Variable<T>& x) {
  Array<T> y = map(formulas::Square(), x.value());
  return record(ops::square, y,
                wrt(x, [x = x.value()](const Array<T>& dy) { return map(formulas::SquareVjp<T>(), dy, x); }));
}

// y = sqrt x                        dx = dy / (2 y)
template <class T>
Variable<T> sqrt(const Variable<T>& x) {
  Array<T> y = map(formulas::Sqrt(), x.value());
  return record(ops::sqrt, y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return scalar::divide(dyi, T(2) * yi); }, dy, y);
                }));
}

// y = x^(-1/2)                      dx = -dy y^3 / 2
template <class T>
Variable<T> rsqrt(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::divide(decltype(xi)(T(1)), scalar::sqrt(xi)); }, x.value());
  return record(ops::rsqrt, y, wrt(x, [y](const Array<T>& dy) {
                  return map([](auto dyi, auto yi) { return dyi * (T(-0.5) * yi * yi * yi); }, dy, y);
                }));
}

namespace {

// The slope p x^(p-1) of x^p, which is 0 for p = 0, also at x = 0.
template <class X>
X pow_slope(const X& x, const X& p, const X& one) {
  return scalar::select(scalar::equal(p, one - one), p, p * scalar::pow(x, p - one));
}

}  // namespace

// y = x^p                           dx = dy p x^(p-1)       dp = dy y log x, 0 at x = 0 (where p >= 0)
template <class T>
Variable<T> pow(const Variable<T>& x, const Variable<T>& p) {
  check_broadcast("pow", x, p);
  Array<T> y = map([](auto xi, auto pi) { return scalar::pow(xi, pi); }, x.value(), p.value());
  return record(
      ops::pow, y,
      wrt(x,
          [x = x.value(), p = p.value()](const Array<T>& dy) {
            return map([](auto dyi, auto xi, auto pi) { return dyi * pow_slope(xi, pi, decltype(xi)(T(1))); },
                       dy, x, p);
          }),
      wrt(p, [y, x = x.value(), p = p.value()](const Array<T>& dy) {
        return map(
            [](auto dyi, auto yi, auto xi, auto pi) {
              const decltype(xi) zero(T(0)), slope = yi * scalar::log(xi);
              return dyi * scalar::select(scalar::equal(xi, zero),
                                          scalar::select(scalar::less(pi, zero), slope, zero), slope);
            },
            dy, y, x, p);
      }));
}

// y = x^p                           dx = dy p x^(p-1)
template <class T>
Variable<T> pow(const Variable<T>& x, double exponent) {
  const auto p = static_cast<scalar::Real<T>>(exponent);
  Array<T> y = map([p](auto xi) { return scalar::pow(xi, decltype(xi)(T(p))); }, x.value());
  return record(ops::pow, y, wrt(x, [x = x.value(), p](const Array<T>& dy) {
                  return map(
                      [p](auto dyi, auto xi) {
                        using X = decltype(xi);
                        return dyi * pow_slope(xi, X(T(p)), X(T(1)));
                      },
                      dy, x);
                }));
}

// y = |x|                           dx = dy sign(x)
template <class T>
Variable<T> abs(const Variable<T>& x) {
  Array<T> y = map([](auto xi) { return scalar::abs(xi); }, x.value());
  return record(ops::abs, y, wrt(x, [x = x.value()](const Array<T>& dy) {
                  return map(
                      [](auto dyi, auto xi) {
                        const decltype(xi) zero(T(0));
                        return scalar::select(scalar::equal(xi, zero), zero,
                                              scalar::select(scalar::less(xi, zero), -dyi, dyi));
                      },
                      dy, x);
                }));
}

#define XGRAD_INSTANTIATE(T)                                        \
  template Variable<T> exp(const Variable<T>&);                     \
  template Variable<T> expm1(const Variable<T>&);                   \
  template Variable<T> log(const Variable<T>&);                     \
  template Variable<T> log1p(const Variable<T>&);                   \
  template Variable<T> sin(const Variable<T>&);                     \
  template Variable<T> cos(const Variable<T>&);                     \
  template Variable<T> erf(const Variable<T>&);                     \
  template Variable<T> square(const Variable<T>&);                  \
  template Variable<T> sqrt(const Variable<T>&);                    \
  template Variable<T> rsqrt(const Variable<T>&);                   \
  template Variable<T> abs(const Variable<T>&);                     \
  template Variable<T> pow(const Variable<T>&, const Variable<T>&); \
  template Variable<T> pow(const Variable<T>&, double);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(Complex)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
