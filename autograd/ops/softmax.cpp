// The softmax family, twice: for rows, elements that lie one after the other, by the loops of kernels/row.hpp,
// and for the columns of columns.hpp. Where those are few, the array is transposed first.
#include <xgrad/autograd/ops/softmax.hpp>

#include <array>
#include <numeric>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/ops/columns.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad {

namespace {

using detail::Columns;
using kernels::exp_shifted;
using kernels::map_row;
using kernels::row_max;
using kernels::scale;
namespace formulas = kernels::formulas;
using ExpOf = functions::Value<functions::Exp>;

// y = softmax x                     dx = y (dy - <dy, y>)
struct Softmax {
  static constexpr const Op& op = ops::softmax;

  template <class T>
  static void row(const T* x, T* y, std::size_t n) {
    const T total = exp_shifted(x, y, n, row_max(x, n));
    scale(y, y, n, T(1) / total);
  }
  template <class T>
  static void row_vjp(const T* dy, const T* y, T* dx, std::size_t n) {
    const T mean = kernels::row_dot(dy, y, n);
    for (std::size_t i = 0; i < n; ++i) dx[i] = y[i] * (dy[i] - mean);
  }

  template <class T>
  static void columns(const Columns<T>& c, const T* x, T* y, std::size_t count) {
    const auto shift = c.largest(x, count);
    auto total = c.sum(count, [&](std::size_t r) {
      T* const yr = y + r * c.width;
      map_row(formulas::Subtract(), yr, count, x + r * c.width, shift.data());
      map_row(ExpOf(), yr, count, yr);
      return yr;
    });
    for (std::size_t r = 0; r < c.n; ++r)
      map_row(formulas::Divide(), y + r * c.width, count, y + r * c.width, total.data());
  }
  template <class T>
  static void columns_vjp(const Columns<T>& c, const T* dy, const T* y, T* dx, std::size_t count) {
    const auto mean = c.sum(count, [&](std::size_t r) {
      T* const d = dx + r * c.width;
      map_row(formulas::Multiply(), d, count, dy + r * c.width, y + r * c.width);
      return d;
    });
    for (std::size_t r = 0; r < c.n; ++r) {
      T* const d = dx + r * c.width;
      map_row(formulas::Subtract(), d, count, dy + r * c.width, mean.data());
      map_row(formulas::Multiply(), d, count, d, y + r * c.width);
    }
  }
};

// y = x - log sum e^x               dx = dy - e^y sum dy
struct LogSoftmax {
  static constexpr const Op& op = ops::log_softmax;

  template <class T>
  static void row(const T* x, T* y, std::size_t n) {
    const auto shift = row_max(x, n);
    const T log_total = scalar::log(kernels::sum_exp_shifted(x, n, shift));
    for (std::size_t i = 0; i < n; ++i) y[i] = (x[i] - shift) - log_total;
  }
  template <class T>
  static void row_vjp(const T* dy, const T* y, T* dx, std::size_t n) {
    const T total = kernels::row_sum(dy, n);
    exp_shifted(y, dx, n, 0);
    for (std::size_t i = 0; i < n; ++i) dx[i] = dy[i] - dx[i] * total;
  }

  template <class T>
  static void columns(const Columns<T>& c, const T* x, T* y, std::size_t count) {
    const auto shift = c.largest(x, count);
    std::vector<T> e(count);
    auto total = c.sum(count, [&](std::size_t r) {
      T* const yr = y + r * c.width;
      map_row(formulas::Subtract(), yr, count, x + r * c.width, shift.data());
      map_row(ExpOf(), e.data(), count, yr);
      return e.data();
    });
    for (T& t : total) t = scalar::log(t);
    for (std::size_t r = 0; r < c.n; ++r)
      map_row(formulas::Subtract(), y + r * c.width, count, y + r * c.width, total.data());
  }
  template <class T>
  static void columns_vjp(const Columns<T>& c, const T* dy, const T* y, T* dx, std::size_t count) {
    const auto total = c.sum(count, [&](std::size_t r) { return dy + r * c.width; });
    for (std::size_t r = 0; r < c.n; ++r) {
      T* const d = dx + r * c.width;
      map_row(ExpOf(), d, count, y + r * c.width);
      map_row(formulas::Multiply(), d, count, d, total.data());
      map_row(formulas::Subtract(), d, count, dy + r * c.width, d);
    }
  }
};

template <class F, class T>
Variable<T> along(const F& f, const Variable<T>& x, std::ptrdiff_t axis) {
  const char* const op = F::op.name();
  const std::size_t a = normalize_axis(op, axis, x.shape());
  if (x.shape()[a] == 0)
    throw Error(op, "axis " + std::to_string(a) + " of shape " + describe(x) + " is empty");
  const Columns<T> c(x.shape(), a, a + 1);
  if (c.width > 1 && c.width < Columns<T>::fewest) {
    std::vector<std::ptrdiff_t> swap(x.rank());
    std::iota(swap.begin(), swap.end(), 0);
    std::swap(swap[a], swap.back());
    return transpose(along(f, transpose(x, swap), -1), swap);
  }
  auto y = Array<T>::uninitialized(x.shape());
  T* const out = y.mutable_data();
  c.for_each_strip([&](std::size_t at, std::size_t, std::size_t count) {
    if (c.width == 1)
      F::row(x.value().data() + at, out + at, c.n);
    else
      F::columns(c, x.value().data() + at, out + at, count);
  });
  return record(F::op, y, wrt(x, [c, y](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(y.shape());
                  T* const d = dx.mutable_data();
                  c.for_each_strip([&](std::size_t at, std::size_t, std::size_t count) {
                    if (c.width == 1)
                      F::row_vjp(dy.data() + at, y.data() + at, d + at, c.n);
                    else
                      F::columns_vjp(c, dy.data() + at, y.data() + at, d + at, count);
                  });
                  return dx;
                }));
}

}  // namespace

template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along(Softmax(), x, axis);
}
template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along(LogSoftmax(), x, axis);
}

#define XGRAD_INSTANTIATE(T)                                        \
  template Variable<T> softmax(const Variable<T>&, std::ptrdiff_t); \
  template Variable<T> log_softmax(const Variable<T>&, std::ptrdiff_t);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad
