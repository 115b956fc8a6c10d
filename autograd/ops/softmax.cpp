// The softmax family, twice: for rows, elements that lie one after another, by the loops of kernels/row.hpp,
// and for columns, elements along another axis. Where those are few, the array is transposed first.
#include <xgrad/autograd/ops/softmax.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/ops/define.hpp>
#include <xgrad/autograd/ops/reduce.hpp>
#include <xgrad/autograd/ops/shape.hpp>

namespace xgrad {

namespace {

using kernels::exp_shifted;
using kernels::map_row;
namespace formulas = kernels::formulas;

// Neighbouring columns of a matrix x: (n, width), and of y, which is made of it. They are read row by row, as
// they lie in memory, and what is kept of each column stays in the cache. A matrix of one column is a row of
// an array.
template <class T>
struct Strip {
  static constexpr std::size_t most = 2048, fewest = 16;  // narrower matrices are faster transposed

  const T* x;
  T* y;
  std::size_t n, width, count;

  T* row(std::size_t r) const { return y + r * width; }

  // The largest element of each column.
  std::vector<T> largest() const {
    std::vector<T> result(x, x + count);
    for (std::size_t r = 1; r < n; ++r)
      map_row(formulas::Larger(), result.data(), count, result.data(), x + r * width);
    return result;
  }

  // The sum of e^(x - shift) of each column, in blocks: rounding grows with the root of n. y becomes what is
  // added up, or, with `logs`, x - shift.
  std::vector<T> sum_exp(const std::vector<T>& shift, bool logs) const {
    constexpr std::size_t block = 256;
    std::vector<T> total(count, T(0)), part = total, scratch = total;
    const auto add = [this](std::vector<T>& sum, const T* e) {
      map_row(formulas::Add(), sum.data(), count, sum.data(), e);
    };
    for (std::size_t r = 0; r < n; ++r) {
      T* const e = logs ? scratch.data() : row(r);
      map_row(formulas::Subtract(), row(r), count, x + r * width, shift.data());
      map_row(functions::Value<functions::Exp>(), e, count, row(r));
      add(part, e);
      if ((r + 1) % block != 0 && r + 1 < n) continue;
      add(total, part.data());
      std::fill(part.begin(), part.end(), T(0));
    }
    return total;
  }
};

// Finishes the softmax p of one column of n elements, `step` apart, whose e^(x - shift) add up to `total`:
// returns log sum e^x, and where that is infinite, makes p 0, but NaN where x is inf.
template <class T>
T log_sum(const T* x, T* p, std::size_t n, std::size_t step, T total, T shift) {
  using Limits = std::numeric_limits<scalar::Real<T>>;
  const T y = scalar::log(total) + shift;
  for (std::size_t i = 0; std::isinf(scalar::real(y)) && i < n; ++i)
    p[i * step] = scalar::less(x[i * step], T(Limits::infinity())) ? T(0) : T(Limits::quiet_NaN());
  return y;
}

// y = softmax x. With log_sums, log sum e^x of each column too; then both are right for infinite x.
template <class T>
void softmax_of(const Strip<T>& s, T* log_sums = nullptr) {
  if (s.width == 1) {
    auto shift = kernels::row_max(s.x, s.n);
    if (log_sums != nullptr && std::isinf(shift)) shift = 0;
    const T total = exp_shifted(s.x, s.y, s.n, shift);
    map_row(formulas::Multiply(), s.y, s.n, s.y, T(1) / total);
    if (log_sums != nullptr) *log_sums = log_sum(s.x, s.y, s.n, 1, total, T(shift));
    return;
  }
  auto shift = s.largest();
  for (T& number : shift)
    if (log_sums != nullptr && std::isinf(scalar::real(number))) number = 0;
  const auto total = s.sum_exp(shift, false);
  for (std::size_t r = 0; r < s.n; ++r)
    map_row(formulas::Divide(), s.row(r), s.count, s.row(r), total.data());
  for (std::size_t j = 0; log_sums != nullptr && j < s.count; ++j)
    log_sums[j] = log_sum(s.x + j, s.y + j, s.n, s.width, total[j], shift[j]);
}

// y = log softmax x
template <class T>
void log_softmax_of(const Strip<T>& s) {
  if (s.width == 1) {
    const auto shift = kernels::row_max(s.x, s.n);
    const T log_total = scalar::log(exp_shifted<T>(s.x, nullptr, s.n, shift));
    for (std::size_t i = 0; i < s.n; ++i) s.y[i] = (s.x[i] - shift) - log_total;
    return;
  }
  auto total = s.sum_exp(s.largest(), true);
  for (T& t : total) t = scalar::log(t);
  for (std::size_t r = 0; r < s.n; ++r)
    map_row(formulas::Subtract(), s.row(r), s.count, s.row(r), total.data());
}

// y, which f sets, strip by strip, in the order of the columns.
template <class T, class F>
Array<T> by_strips(const Array<T>& x, std::size_t axis, F f) {
  const std::size_t n = x.shape()[axis], width = x.shape().stride(axis);
  return kernels::filled<T>(x.shape(), [&](T* y) {
    for (std::size_t start = 0; start < x.size(); start += n * width)
      for (std::size_t first = 0; first < width; first += Strip<T>::most)
        f(Strip<T>{x.data() + start + first, y + start + first, n, width,
                   std::min(Strip<T>::most, width - first)});
  });
}

// f(x, a, sums) for the axis and the shape of sums over it; f keeps the rank. Where the columns are few, the
// axis is made the last one for it.
template <class T, class F>
Variable<T> along(const Op& op, const Variable<T>& x, std::ptrdiff_t axis, F f) {
  const std::size_t a = normalize_axis(op.name(), axis, x.shape()), width = x.shape().stride(a);
  if (x.shape()[a] == 0) detail::refuse(op, "axis {} of shape {} is empty", a, x);
  if (width > 1 && width < Strip<T>::fewest) {
    std::vector<std::ptrdiff_t> swap(x.rank());
    std::iota(swap.begin(), swap.end(), 0);
    std::swap(swap[a], swap.back());
    return transpose(along(op, transpose(x, swap), -1, f), swap);
  }
  Shape sums = x.shape();
  sums.set(a, 1);
  return f(x, a, sums);
}

}  // namespace

// y = softmax x                     dx = y (dy - sum y dy)
template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along(ops::softmax, x, axis, [](const Variable<T>& z, std::size_t a, const Shape& sums) {
    const auto y = by_strips(z.value(), a, [](const Strip<T>& s) { softmax_of(s); });
    const auto absolute = [&] {
      return [y_of_x = Variable<T>(y), a](const auto& xs) {
        const auto p = detail::size_of_exp(y_of_x), t = detail::zero_of(xs[0]);
        return p + p * (t + sum(p * t, static_cast<int>(a), keepdims));
      };
    };
    return record(summing(ops::softmax, absolute), y, wrt(z, [y, sums](const Array<T>& dy) {
                    Array<T> dx = y * dy;
                    kernels::map_into(dx, formulas::Subtract(), dy, kernels::sum_to(dx, sums));
                    kernels::map_into(dx, formulas::Multiply(), dx, y);
                    return dx;
                  }));
  });
}

// y = x - log sum e^x               dx = dy - e^y sum dy
template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis) {
  return along(ops::log_softmax, x, axis, [](const Variable<T>& z, std::size_t a, const Shape& sums) {
    const auto y = by_strips(z.value(), a, [](const Strip<T>& s) { log_softmax_of(s); });
    const auto absolute = [&] {
      return [log_p = Variable<T>(y), a](const auto& xs) {
        const auto t =
            detail::zero_of(xs[0]);  // y is the difference of two logarithms, of which one is about 1
        return 1 + abs(log_p) + t + sum(detail::size_of_exp(exp(log_p)) * t, static_cast<int>(a), keepdims);
      };
    };
    return record(summing(ops::log_softmax, absolute), y, wrt(z, [y, sums](const Array<T>& dy) {
                    Array<T> dx = kernels::map(functions::Value<functions::Exp>(), y);
                    kernels::map_into(dx, formulas::Multiply(), dx, kernels::sum_to(dy, sums));
                    kernels::map_into(dx, formulas::Subtract(), dy, dx);
                    return dx;
                  }));
  });
}

// y = log sum e^x                   dx = dy softmax x               for one axis after another
template <class T>
Variable<T> logsumexp(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  const Op& op = ops::logsumexp;
  const std::vector<bool> reduce = axes.mask(op.name(), x.shape());
  const Shape shape = keep_axes ? axes.reduced(op.name(), x.shape()) : axes.dropped(op.name(), x.shape());
  if (x.rank() == 0) return reshape(logsumexp(reshape(x, {1})), shape);
  Variable<T> y = x;
  for (std::size_t axis = x.rank(); axis-- > 0;) {
    if (!reduce[axis]) continue;
    y = along(
        op, y, static_cast<std::ptrdiff_t>(axis), [](const Variable<T>& z, std::size_t a, const Shape& sums) {
          auto log_sums = Array<T>::uninitialized(sums);
          T* out = log_sums.mutable_data();
          const auto p = by_strips(z.value(), a, [&](const Strip<T>& s) {
            softmax_of(s, out);
            out += s.count;
          });
          const auto absolute = [&] {
            return [p_of_x = Variable<T>(p), y_of_x = Variable<T>(log_sums), a](const auto& xs) {
              return abs(y_of_x) + max(abs(detach(xs[0])), static_cast<int>(a), keepdims) +
                     sum(detail::size_of_exp(p_of_x) * detail::zero_of(xs[0]), static_cast<int>(a), keepdims);
            };
          };
          return record(summing(ops::logsumexp, absolute), log_sums,
                        wrt(z, [p](const Array<T>& dy) { return p * dy; }));
        });
  }
  return y.shape() == shape ? y : reshape(y, shape);
}

XGRAD_INSTANTIATE_OPS(softmax, log_softmax, logsumexp)

}  // namespace xgrad
