// Ops that move numbers without computing: reshape, select, slice, stack, concat, transpose. Along the
// leading axis they share memory where they can; the gradients of many slices of one array add up in one
// buffer.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// The sizes asked of reshape, of any integer type: `{T * N, -1}`.
class Sizes {
 public:
  template <std::integral... Size>
  Sizes(Size... sizes)
      : sizes_{static_cast<std::ptrdiff_t>(sizes)...} {}  // NOLINT(google-explicit-constructor)
  Sizes(std::vector<std::ptrdiff_t> sizes)
      : sizes_(std::move(sizes)) {}                                  // NOLINT(google-explicit-constructor)
  Sizes(const Shape& shape) : sizes_(shape.begin(), shape.end()) {}  // NOLINT(google-explicit-constructor)

  std::size_t size() const { return sizes_.size(); }
  std::ptrdiff_t operator[](std::size_t axis) const { return sizes_[axis]; }

 private:
  std::vector<std::ptrdiff_t> sizes_;
};

/// The same numbers in another shape; one size may be -1 and is worked out. Shares memory, unless x is a parameter.
/// Throws Error if the sizes do not agree.
template <class T>
Variable<T> reshape(const Variable<T>& x, const Sizes& sizes);

/// Entry `index` along `axis`, which is dropped: NumPy's x[index]. Negative values count from the end.
template <class T>
Variable<T> select(const Variable<T>& x, std::ptrdiff_t index, std::ptrdiff_t axis = 0);

/// Entries [first, last) along `axis`: NumPy's x[first:last], except that a bound outside the axis is an
/// error. Negative values count from the end.
template <class T>
Variable<T> slice(const Variable<T>& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t axis = 0);

/// Variables of one shape along a new axis.     n times (A, B)   result, axis 0: (n, A, B)
/// Throws Error if there are none or the shapes differ.
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis = 0);
template <class T>
Variable<T> stack(std::initializer_list<Variable<T>> xs, std::ptrdiff_t axis = 0) {
  return stack(std::vector<Variable<T>>(xs), axis);
}

/// Variables joined along an axis they have; all other axes must agree.
/// Throws Error if there are none or the shapes do not fit.
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis = 0);
template <class T>
Variable<T> concat(std::initializer_list<Variable<T>> xs, std::ptrdiff_t axis = 0) {
  return concat(std::vector<Variable<T>>(xs), axis);
}

/// Axes in the given order, reversed if none is given: NumPy's transpose.
/// Throws Error unless `axes` is a permutation.
template <class T>
Variable<T> transpose(const Variable<T>& x, const std::vector<std::ptrdiff_t>& axes = {});

}  // namespace xgrad
