// sum and mean: one reduction kernel, and a vjp that stretches dy back over the reduced axes. The others work
// on rows, the numbers that are reduced together, one after the other in memory; see Rows and `reduction`.
#include <xgrad/autograd/ops/reduce.hpp>

#include <algorithm>
#include <functional>
#include <numeric>

#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/numbers/sum.hpp>
#include <xgrad/autograd/numbers/view.hpp>
#include <xgrad/autograd/ops/define.hpp>

namespace xgrad {

namespace {

using kernels::sum_in_halves;
using kernels::Wide;

// x seen as rows of the numbers that are reduced together: the kept axes in front, the reduced ones behind.
class Rows {
 public:
  std::size_t count, length;
  Shape shape;  // of the result

  Rows(const Op& op, const Shape& x, const Axes& axes, bool keep_axes, bool may_be_empty = true)
      : shape(keep_axes ? axes.reduced(op.name(), x) : axes.dropped(op.name(), x)), back_(x.rank()) {
    const std::vector<bool> reduce = axes.mask(op.name(), x);
    for (const bool reduced : {false, true})
      for (std::size_t axis = 0; axis < x.rank(); ++axis)
        if (reduce[axis] == reduced) {
          back_[axis] = order_.size();
          order_.push_back(axis);
          moved_.push_back(x[axis]);
        }
    count = shape.size();
    length = 1;
    for (std::size_t axis = 0; axis < x.rank(); ++axis) length *= reduce[axis] ? x[axis] : 1;
    if (length == 0 && !may_be_empty)
      detail::refuse(op, "of no numbers: shape {} is empty along the axes it is taken over", x);
  }

  template <class T>
  Array<T> of(const Array<T>& x) const {
    return kernels::transposed(x, order_);
  }
  template <class T>
  Array<T> undo(const Array<T>& rows) const {
    return kernels::transposed(rows.reshaped(moved_), back_);
  }

 private:
  std::vector<std::size_t> order_, back_;
  Shape moved_;
};

// y_r = value(row r)                dx_r = slope(row r, y_r, dy_r)
template <class T, class Value, class Slope>
Variable<T> reduction(const Op& op, const Variable<T>& x, const Rows& rows, Value value, Slope slope) {
  const std::size_t n = rows.length;
  const Array<T> numbers = rows.of(x.value());
  const auto y = kernels::filled<T>(rows.shape, [&](T* out) {
    for (std::size_t r = 0; r < rows.count; ++r) out[r] = value(numbers.data() + r * n, n);
  });
  return record(op, y, wrt(x, [=](const Array<T>& dy) {
                  return rows.undo(kernels::filled<T>(numbers.shape(), [&](T* dx) {
                    for (std::size_t r = 0; r < rows.count; ++r)
                      slope(numbers.data() + r * n, n, y.data()[r], dy.data()[r], dx + r * n);
                  }));
                }));
}

template <class T>
Wide<T> mean_of(const T* row, std::size_t n) {
  return sum_in_halves(0, n, [row](std::size_t i) { return Wide<T>(row[i]); }) / static_cast<double>(n);
}

// y = factor sum(x)                 dx = factor dy, the same for every element that was summed
template <class T>
Variable<T> scaled_sum(const Op& op, const Variable<T>& x, const Axes& axes, bool keep_axes,
                       scalar::Real<T> factor) {
  const Shape reduced = axes.reduced(op.name(), x.shape());
  Array<T> y = kernels::sum_to(x.value(), reduced);
  if (factor != 1) {
    using Scaled = kernels::formulas::ScaleShift<T>;
    y = kernels::map(Scaled{factor}, y);
    const auto not_finite = [](T yi) { return !std::isfinite(scalar::real(yi)); };
    if (std::any_of(y.begin(), y.end(), not_finite)) {  // a mean may be finite where the sum is not
      const Array<T> of_scaled = kernels::sum_to(kernels::map(Scaled{factor}, x.value()), reduced);
      T* const out = y.mutable_data();
      for (std::size_t i = 0; i < y.size(); ++i)
        if (not_finite(out[i])) out[i] = of_scaled.data()[i];
    }
  }
  if (!keep_axes) y = y.reshaped(axes.dropped(op.name(), x.shape()));
  const auto absolute = [&] {
    return [=](const auto& xs) {
      return sum(static_cast<double>(factor) * detail::size_of(xs[0]), axes, keep_axes);
    };
  };
  return record(summing(op, absolute), y, wrt(x, [reduced, factor, shape = x.shape()](const Array<T>& dy) {
                  auto dx = Array<T>::uninitialized(shape);
                  kernels::map_into(dx, kernels::formulas::ScaleShift<T>{factor}, dy.reshaped(reduced));
                  return dx;
                }));
}

}  // namespace

template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  return scaled_sum(ops::sum, x, axes, keep_axes, 1);
}

// y = x_1 x_2 ...                   dx_i = dy times all but x_i
template <class T>
Variable<T> prod(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  return reduction(
      ops::prod, x, Rows(ops::prod, x.shape(), axes, keep_axes),
      [](const T* row, std::size_t n) {
        return static_cast<T>(std::accumulate(row, row + n, Wide<T>(1), std::multiplies<>()));
      },
      [](const T* row, std::size_t n, T, T dy, T* dx) {
        std::vector<Wide<T>> before(n, dy);  // dy times all in front
        for (std::size_t i = 1; i < n; ++i) before[i] = before[i - 1] * row[i - 1];
        Wide<T> after(1);
        for (std::size_t i = n; i-- > 0; after *= row[i]) dx[i] = static_cast<T>(before[i] * after);
      });
}

template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  const Rows rows(ops::mean, x.shape(), axes, keep_axes, false);
  return scaled_sum(ops::mean, x, axes, keep_axes,
                    static_cast<scalar::Real<T>>(1.0 / static_cast<double>(rows.length)));
}

// y = sum (x_i - m)^2 / (n - ddof)  dx_i = dy 2 (x_i - m) / (n - ddof), m the mean
template <class T>
Variable<T> variance(const Variable<T>& x, const Axes& axes, bool keep_axes, std::size_t ddof) {
  const Rows rows(ops::variance, x.shape(), axes, keep_axes);
  if (rows.length <= ddof)
    detail::refuse(ops::variance, "of {} numbers with ddof {}, expected more than that: shape {}",
                   rows.length, ddof, x.shape());
  const auto N = static_cast<double>(rows.length - ddof);
  return reduction(
      ops::variance, x, rows,
      [N](const T* row, std::size_t n) {
        const auto m = mean_of(row, n);
        const auto squared = [row, m](std::size_t i) {
          return (Wide<T>(row[i]) - m) * (Wide<T>(row[i]) - m);
        };
        return static_cast<T>(sum_in_halves(0, n, squared) / N);
      },
      [N](const T* row, std::size_t n, T, T dy, T* dx) {
        const auto m = mean_of(row, n);
        for (std::size_t i = 0; i < n; ++i) dx[i] = dy * static_cast<T>(2.0 * (Wide<T>(row[i]) - m) / N);
      });
}

namespace {

// y = the x_i before all others, as NaN is         dx_i = dy / (how many tie) where x_i = y, else 0
template <class T, class Before>
Variable<T> extremum(const Op& op, const Variable<T>& x, const Axes& axes, bool keep_axes, Before before) {
  return reduction(
      op, x, Rows(op, x.shape(), axes, keep_axes, false),
      [before](const T* row, std::size_t n) {
        const T* best = row;
        for (const T* xi = row + 1; xi < row + n; ++xi)
          if (before(*xi, *best) || !scalar::equal(*xi, *xi)) best = xi;
        for (const T* xi = row; xi < row + n; ++xi)
          if (xi != best) scalar::kink(*xi, *best);
        return *best;
      },
      [](const T* row, std::size_t n, T y, T dy, T* dx) {
        const auto tie = [y](T xi) {
          return scalar::equal(xi, y) || !(scalar::equal(xi, xi) || scalar::equal(y, y));
        };
        const T share = dy / T(static_cast<scalar::Real<T>>(std::count_if(row, row + n, tie)));
        for (std::size_t i = 0; i < n; ++i) dx[i] = tie(row[i]) ? share : T(0);
      });
}

}  // namespace

template <class T>
Variable<T> max(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  return extremum(ops::max, x, axes, keep_axes, [](T a, T b) { return scalar::less(b, a); });
}

template <class T>
Variable<T> min(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  return extremum(ops::min, x, axes, keep_axes, [](T a, T b) { return scalar::less(a, b); });
}

namespace {

// Adds x to a running sum and returns it: of floats in double, of others compensated.
template <class T>
T add_to(Wide<T>& sum, [[maybe_unused]] Wide<T>& rounded_off, Wide<T> x) {
  if constexpr (std::same_as<T, float>) {
    sum += x;
    return static_cast<T>(sum);
  } else {
    kernels::add_term(sum, rounded_off, x);
    return sum + rounded_off;
  }
}

// Sums along an axis from its start, or from its end.
template <class T>
Array<T> accumulated(const Array<T>& x, std::size_t axis, bool from_end) {
  const std::size_t n = x.shape()[axis], inner = x.shape().stride(axis);
  return kernels::filled<T>(x.shape(), [&](T* out) {
    for (std::size_t start = 0; start < x.size(); start += n * inner) {
      std::vector<Wide<T>> sums(inner, Wide<T>(0)), rounded_off = sums;
      for (std::size_t k = 0; k < n; ++k) {
        const std::size_t row = start + (from_end ? n - 1 - k : k) * inner;
        for (std::size_t i = 0; i < inner; ++i)
          out[row + i] = add_to<T>(sums[i], rounded_off[i], x.data()[row + i]);
      }
    }
  });
}

}  // namespace

// y = sqrt(sum x_i^2)               dx_i = dy x_i / y, 0 where y = 0
template <class T>
Variable<T> norm(const Variable<T>& x, const Axes& axes, bool keep_axes) {
  return reduction(
      ops::norm, x, Rows(ops::norm, x.shape(), axes, keep_axes),
      [](const T* row, std::size_t n) {
        scalar::Real<T> size = 0;  // squares of numbers of about 1 neither overflow nor vanish
        for (std::size_t i = 0; i < n; ++i) {
          const auto xi = std::abs(scalar::real(row[i]));
          if (!(xi <= size) && !std::isnan(size)) size = xi;  // NaN too, for good
        }
        if (size == 0 && n > 0) scalar::kink(T(0), T(0));
        if (size == 0 || !std::isfinite(size)) return T(size);
        const auto squared = [row, size](std::size_t i) {
          return Wide<T>(row[i] / size) * Wide<T>(row[i] / size);
        };
        return size * static_cast<T>(scalar::sqrt(sum_in_halves(0, n, squared)));
      },
      [](const T* row, std::size_t n, T y, T dy, T* dx) {
        for (std::size_t i = 0; i < n; ++i) dx[i] = scalar::equal(y, T(0)) ? T(0) : dy * (row[i] / y);
      });
}

// y_i = x_1 + ... + x_i             dx_i = dy_i + ... + dy_n
template <class T>
Variable<T> cumsum(const Variable<T>& x, std::ptrdiff_t axis) {
  const std::size_t a = normalize_axis("cumsum", axis, x.shape());
  const auto absolute = [&] {
    return [axis](const auto& xs) { return cumsum(detail::size_of(xs[0]), axis); };
  };
  return record(summing(ops::cumsum, absolute), accumulated(x.value(), a, false),
                wrt(x, [a](const Array<T>& dy) { return accumulated(dy, a, true); }));
}

XGRAD_INSTANTIATE_OPS(sum, prod, mean, max, min, norm, variance, cumsum)

}  // namespace xgrad
