// Values and vjps of arithmetic. The vjps ignore broadcasting: the tape sums a gradient back to its input's
// shape.
#include <xgrad/autograd/ops/arithmetic.hpp>

#include <cmath>

#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

// y = a + b                         da = dy                 db = dy
template <class T>
Variable<T> add(const Variable<T>& a, const Variable<T>& b) {
  check_broadcast("add", a, b);
  const auto pass = [](const Array<T>& dy) { return dy; };
  return record(ops::add, kernels::map(kernels::formulas::Add(), a.value(), b.value()), wrt(a, pass),
                wrt(b, pass));
}

// y = a - b                         da = dy                 db = -dy
template <class T>
Variable<T> subtract(const Variable<T>& a, const Variable<T>& b) {
  check_broadcast("subtract", a, b);
  return record(ops::subtract, kernels::map(kernels::formulas::Subtract(), a.value(), b.value()),
                wrt(a, [](const Array<T>& dy) { return dy; }),
                wrt(b, [](const Array<T>& dy) { return -dy; }));
}

// y = a b                           da = dy b               db = dy a
template <class T>
Variable<T> multiply(const Variable<T>& a, const Variable<T>& b) {
  check_broadcast("multiply", a, b);
  return record(ops::multiply, kernels::map(kernels::formulas::Multiply(), a.value(), b.value()),
                wrt(a, [b = b.value()](const Array<T>& dy) { return dy * b; }),
                wrt(b, [a = a.value()](const Array<T>& dy) { return dy * a; }));
}

// y = a / b                         da = dy / b             db = -dy y / b
template <class T>
Variable<T> divide(const Variable<T>& a, const Variable<T>& b) {
  check_broadcast("divide", a, b);
  Array<T> y = kernels::map(kernels::formulas::Divide(), a.value(), b.value());
  return record(
      ops::divide, y,
      wrt(a, [b = b.value()](
                 const Array<T>& dy) { return kernels::map(kernels::formulas::DividendVjp(), dy, b); }),
      wrt(b, [y, b = b.value()](const Array<T>& dy) {
        return kernels::map(kernels::formulas::DivisorVjp(), dy, y, b);
      }));
}

// y = -a                            da = -dy
template <class T>
Variable<T> negate(const Variable<T>& a) {
  return record(ops::negate, -a.value(), wrt(a, [](const Array<T>& dy) { return -dy; }));
}

// y = scale a + shift               da = scale dy
template <class T>
Variable<T> scale_shift(const Variable<T>& a, double scale, double shift) {
  const auto absolute = [&] {
    return [=](const auto& xs) { return std::abs(scale) * detail::size_of(xs[0]) + std::abs(shift); };
  };
  return record(summing(ops::scale_shift, absolute), Array<T>::scale_shift(a.value(), scale, shift),
                wrt(a, [scale](const Array<T>& dy) { return scale == 1 ? dy : dy * scale; }));
}

XGRAD_INSTANTIATE_OPS(add, subtract, multiply, divide, negate, scale_shift)

}  // namespace xgrad
