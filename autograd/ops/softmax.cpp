// The softmax family, twice: for rows, elements that lie one after another, by the loops of kernels/row.hpp,
// and for columns, elements along another axis. Where those are few, the array is transposed first.
#include <xgrad/autograd/ops/softmax.hpp>

#include <algorithm>
#include <numeric>
#include <vector>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/shape.hpp>

namespace xgrad {

namespace {

using kernels::exp_shifted;
using kernels::map_row;
using kernels::row_max;
namespace formulas = kernels::formulas;

// Elements along an axis that is not the last, as the columns of matrices (n, width) that lie one after the
// other. They are read row by row, as they lie in memory, and what is kept of each column stays in the cache.
template <class T>
class Columns {
 public:
  static constexpr std::size_t fewest = 16;  // narrower matrices are faster transposed

  std::size_t size, n, width;

  // Along an axis of an array.
  Columns(const Shape& shape, std::size_t axis)
      : size(shape.size()), n(shape[axis]), width(Shape(shape.begin() + axis + 1, shape.end()).size()) {}

  // Calls f(at, count) for `count` columns at a time: element at + r width + j is in row r of the j-th.
  template <class F>
  void for_each_strip(F f) const {
    constexpr std::size_t most = 2048;
    for (std::size_t start = 0; start < size; start += n * width)
      for (std::size_t first = 0; first < width; first += most)
        f(start + first, std::min(most, width - first));
  }

  // The largest element of each of `count` columns.
  std::vector<T> largest(const T* x, std::size_t count) const {
    std::vector<T> result(x, x + count);
    for (std::size_t r = 1; r < n; ++r)
      map_row(formulas::Larger(), result.data(), count, result.data(), x + r * width);
    return result;
  }

  // The sum over the rows r of what `row(r)` points to, in blocks: rounding grows with the root of n.
  template <class Row>
  std::vector<T> sum(std::size_t count, Row row) const {
    constexpr std::size_t block = 256;
    const auto add = [count](std::vector<T>& total, const T* x) {
      map_row(formulas::Add(), total.data(), count, total.data(), x);
    };
    std::vector<T> total(count, T(0));
    for (std::size_t first = 0; first < n; first += block) {
      std::vector<T> part(count, T(0));
      for (std::size_t r = first; r < std::min(n, first + block); ++r) add(part, row(r));
      add(total, part.data());
    }
    return total;
  }

  // The sum of e^(x - shift) of each column, which has a shift of its own. Row r of x - shift is left where
  // `shifted(r)` points to, and of its exponential at e(r), which may be the same.
  template <class Shifted, class Exp>
  std::vector<T> sum_exp(const T* x, const std::vector<T>& shift, Shifted shifted, Exp e) const {
    const std::size_t count = shift.size();
    return sum(count, [&](std::size_t r) {
      map_row(formulas::Subtract(), shifted(r), count, x + r * width, shift.data());
      map_row(functions::Value<functions::Exp>(), e(r), count, shifted(r));
      return e(r);
    });
  }
};

// y = softmax x                     dx = y (dy - <dy, y>)
struct Softmax {
  static constexpr const Op& op = ops::softmax;

  template <class T>
  static void row(const T* x, T* y, std::size_t n) {
    const T total = exp_shifted(x, y, n, row_max(x, n));
    map_row(formulas::Multiply(), y, n, y, T(1) / total);
  }
  template <class T>
  static void row_vjp(const T* dy, const T* y, T* dx, std::size_t n) {
    const T mean = kernels::row_dot(dy, y, n);
    for (std::size_t i = 0; i < n; ++i) dx[i] = y[i] * (dy[i] - mean);
  }

  template <class T>
  static void columns(const Columns<T>& c, const T* x, T* y, std::size_t count) {
    const auto at = [&](std::size_t r) { return y + r * c.width; };
    const auto total = c.sum_exp(x, c.largest(x, count), at, at);
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
    const T log_total = scalar::log(exp_shifted<T>(x, nullptr, n, shift));
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
    std::vector<T> e(count);
    auto total = c.sum_exp(
        x, c.largest(x, count), [&](std::size_t r) { return y + r * c.width; },
        [&](std::size_t) { return e.data(); });
    for (T& t : total) t = scalar::log(t);
    for (std::size_t r = 0; r < c.n; ++r)
      map_row(formulas::Subtract(), y + r * c.width, count, y + r * c.width, total.data());
  }
  template <class T>
  static void columns_vjp(const Columns<T>& c, const T* dy, const T* y, T* dx, std::size_t count) {
    const auto total = c.sum(count, [&](std::size_t r) { return dy + r * c.width; });
    for (std::size_t r = 0; r < c.n; ++r) {
      T* const d = dx + r * c.width;
      map_row(functions::Value<functions::Exp>(), d, count, y + r * c.width);
      map_row(formulas::Multiply(), d, count, d, total.data());
      map_row(formulas::Subtract(), d, count, dy + r * c.width, d);
    }
  }
};

template <class F, class T>
Variable<T> along(const F& f, const Variable<T>& x, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis(F::op.name(), axis, x.shape());
  if (x.shape()[a] == 0) detail::refuse(F::op, "axis {} of shape {} is empty", a, x);
  const Columns<T> c(x.shape(), a);
  if (c.width > 1 && c.width < Columns<T>::fewest) {
    std::vector<std::ptrdiff_t> swap(x.rank());
    std::iota(swap.begin(), swap.end(), 0);
    std::swap(swap[a], swap.back());
    return transpose(along(f, transpose(x, swap), -1), swap);
  }
  const auto y = kernels::filled<T>(x.shape(), [&, in = x.value().data()](T* out) {
    c.for_each_strip([&](std::size_t at, std::size_t count) {
      c.width == 1 ? F::row(in + at, out + at, c.n) : F::columns(c, in + at, out + at, count);
    });
  });
  return record(F::op, y, wrt(x, [c, y](const Array<T>& dy) {
                  return kernels::filled<T>(y.shape(), [&](T* dx) {
                    c.for_each_strip([&](std::size_t at, std::size_t count) {
                      const T *const d = dy.data() + at, *const p = y.data() + at;
                      c.width == 1 ? F::row_vjp(d, p, dx + at, c.n) : F::columns_vjp(c, d, p, dx + at, count);
                    });
                  });
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

XGRAD_INSTANTIATE_OPS(softmax, log_softmax)

}  // namespace xgrad
