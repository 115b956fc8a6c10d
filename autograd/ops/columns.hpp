// Columns: elements along an axis that is not the last, as the columns of matrices (n, width) that lie one
// after the other. They are read row by row, as they lie in memory, and what is kept of each column stays in
// the cache. Internal.
#pragma once

#include <algorithm>
#include <vector>

#include <xgrad/autograd/kernels/row.hpp>

namespace xgrad::detail {

template <class T>
class Columns {
 public:
  static constexpr std::size_t fewest = 16;  ///< narrower matrices are faster transposed

  std::size_t size, n, width;

  /// Along axes [first, last) of an array.
  Columns(const Shape& shape, std::size_t first, std::size_t last)
      : size(shape.size()),
        n(Shape(shape.begin() + first, shape.begin() + last).size()),
        width(Shape(shape.begin() + last, shape.end()).size()) {}

  /// Calls f(at, column, count) for `count` columns at a time: element at + r width + j is in row r of the
  /// j-th of them, which is number column + j of all.
  template <class F>
  void for_each_strip(F f) const {
    constexpr std::size_t most = 2048;
    for (std::size_t start = 0, column = 0; start < size; start += n * width)
      for (std::size_t first = 0; first < width; first += most) {
        const std::size_t count = std::min(most, width - first);
        f(start + first, column, count);
        column += count;
      }
  }

  /// The largest element of each of `count` columns.
  std::vector<T> largest(const T* x, std::size_t count) const {
    std::vector<T> result(x, x + count);
    for (std::size_t r = 1; r < n; ++r)
      kernels::map_row(kernels::formulas::Larger(), result.data(), count, result.data(), x + r * width);
    return result;
  }

  /// The sum over the rows r of what `row(r)` points to, in blocks, so that rounding grows with the root of
  /// n.
  template <class Row>
  std::vector<T> sum(std::size_t count, Row row) const {
    constexpr std::size_t block = 256;
    const auto add = [count](std::vector<T>& total, const T* x) {
      kernels::map_row(kernels::formulas::Add(), total.data(), count, total.data(), x);
    };
    std::vector<T> total(count, T(0));
    for (std::size_t first = 0; first < n; first += block) {
      std::vector<T> part(count, T(0));
      for (std::size_t r = first; r < std::min(n, first + block); ++r) add(part, row(r));
      add(total, part.data());
    }
    return total;
  }

  /// The sum of e^(x - shift) of each column, which has a shift of its own. Row r of x - shift is left where
  /// `shifted(r)` points to, and of its exponential at e(r), which may be the same.
  template <class Shifted, class Exp>
  std::vector<T> sum_exp(const T* x, const std::vector<T>& shift, Shifted shifted, Exp e) const {
    const std::size_t count = shift.size();
    return sum(count, [&](std::size_t r) {
      kernels::map_row(kernels::formulas::Subtract(), shifted(r), count, x + r * width, shift.data());
      kernels::map_row(functions::Value<functions::Exp>(), e(r), count, shifted(r));
      return e(r);
    });
  }
};

}  // namespace xgrad::detail
