// One walk over x in which the result's summed axes have stride 0: a row either adds up into one element or
// is added to a row of the result. Long sums are cut in halves first, so that rounding grows with the
// logarithm of their length. Sums along the first axes, as in the gradient of a bias, have a loop of their
// own. Start with `sum_to`.
#include <xgrad/autograd/numbers/sum.hpp>

#include <algorithm>

#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/map.hpp>

namespace xgrad::kernels {

namespace {

// How many rows of x are added to the same row of the sum.
std::size_t additions(const Shape& x, const Shape& sum) {
  const std::size_t lacks = x.rank() - sum.rank();
  std::size_t count = 1;
  bool kept = false;  // an axis behind this one
  for (std::size_t axis = x.rank(); axis-- > 0;) {
    const bool summed = axis < lacks || sum[axis - lacks] != x[axis];
    if (summed && kept) count *= x[axis];
    kept = kept || (!summed && x[axis] > 1);
  }
  return count;
}

// Additions one after the other.
constexpr std::size_t few = 32;

// The sum of rows of n elements, `row` apart, in halves. Rows are read from end to end, as memory gives them
// fastest so.
template <class T>
void add_up(std::size_t rows, std::size_t n, const T* x, std::size_t row, T* sum) {
  if (rows > few) {
    auto other = Array<T>::uninitialized({n});
    T* const second = other.mutable_data();
    add_up(rows / 2, n, x, row, sum);
    add_up(rows - rows / 2, n, x + rows / 2 * row, row, second);
    return map_row(formulas::Add(), sum, n, sum, second);
  }
  std::fill_n(sum, n, T(0));
  for (std::size_t i = 0; i < rows; ++i) map_row(formulas::Add(), sum, n, sum, x + i * row);
}

// The sum of all entries of the first axes of x, which have `shape` and are more than one element.
template <class T>
Array<T> sum_of_rows(const Array<T>& x, const Shape& shape) {
  const std::size_t n = shape.size(), rows = x.size() / n;
  return filled<T>(shape, [&](T* sum) {
    parallel_rows(n, rows, [&](std::size_t first, std::size_t last) {
      add_up(rows, last - first, x.data() + first, n, sum + first);
    });
  });
}

}  // namespace

template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  if (x.rank() > shape.rank() && shape.size() > 1 &&
      std::equal(shape.begin(), shape.end(), x.shape().end() - shape.rank()))
    return sum_of_rows(x, shape);
  const bool is_long = additions(x.shape(), shape) > few, lacks = x.rank() > shape.rank();
  const std::size_t n = x.rank() == 0 ? 1 : x.shape()[0];
  if (is_long && lacks && n == 1) return sum_to(x.row(0), shape);
  if (is_long && (lacks || shape[0] != n))
    return sum_to(x.rows(0, n / 2), shape) + sum_to(x.rows(n / 2, n), shape);
  auto y = Array<T>::zeros(shape);
  T* const out = y.mutable_data();
  if (is_long) {
    const Shape part(shape.begin() + 1, shape.end());
    for (std::size_t i = 0; i < n; ++i) {
      const Array<T> sum = sum_to(x.row(i), part);
      std::copy(sum.begin(), sum.end(), out + i * part.size());
    }
    return y;
  }
  const StridedWalk<2> walk(x.shape(),
                            {broadcast_strides(x.shape(), x.shape()), broadcast_strides(shape, x.shape())});
  walk.for_each_row([&](const auto& offsets, std::size_t m, const auto& steps) {
    const T* row = x.data() + offsets[0];
    if (steps[1] == 0) {
      out[offsets[1]] += row_sum(row, m);
    } else {
      map_row(formulas::Add(), out + offsets[1], m, out + offsets[1], row);
    }
  });
  return y;
}

#define XGRAD_INSTANTIATE(T) template Array<T> sum_to(const Array<T>&, const Shape&);
XGRAD_FOR_SCALARS(XGRAD_INSTANTIATE)

}  // namespace xgrad::kernels
