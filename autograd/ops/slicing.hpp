// Cutting arrays along an axis and joining them. Along the leading axis a cut shares memory, but for a few
// numbers of a large array, which would keep all of it. The gradients of many cuts of one array add up in one
// buffer, so that T steps of a sequence cost no more than the sequence.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Entry `index` along `axis`, which is dropped: NumPy's x[index]. Negative values count from the end.
/// Throws Error for an index outside the axis.
template <class T>
Variable<T> select(const Variable<T>& x, std::ptrdiff_t index, std::ptrdiff_t axis = 0);

/// Entries [first, last) along `axis`: NumPy's x[first:last]. Negative values count from the end.
/// Throws Error, where NumPy does not, for a bound outside the axis and for first > last.
template <class T>
Variable<T> slice(const Variable<T>& x, std::ptrdiff_t first, std::ptrdiff_t last, std::ptrdiff_t axis = 0);

/// Entries first, first + step, first + 2 step, ... before `last` of an axis: Python's first:last:step. A
/// step below 0 walks backwards. What is left out is the whole axis; negative bounds count from the end.
struct Range {
  std::optional<std::ptrdiff_t> first{},  ///< start; by default the axis's first entry, or last if step < 0
      last{};                             ///< end, excluded; by default past the entry at the other end
  std::ptrdiff_t step = 1;                ///< not 0
};
/// NumPy's x[ranges[0], ranges[1], ...], except that a bound outside its axis is an error; axes without a
/// range stay whole.
/// Throws Error for more ranges than axes, a bound outside its axis, and a step of 0.
template <class T>
Variable<T> slice(const Variable<T>& x, const std::vector<Range>& ranges);

/// x cut along `axis` into `count` parts of the same size.
/// Throws Error if they would differ, and for 0 parts.
template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, std::size_t count, std::ptrdiff_t axis = 0);
/// x cut along `axis` into parts of the given sizes. Throws Error if they do not add up to that of the axis.
template <class T>
std::vector<Variable<T>> split(const Variable<T>& x, const std::vector<std::size_t>& sizes,
                               std::ptrdiff_t axis = 0);

/// Variables of one shape along a new axis.     n times (A, B)   result, axis 0: (n, A, B)
/// Throws Error if there are none or the shapes differ.
template <class T>
Variable<T> stack(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis = 0);
/// The same for a list, stack({a, b}).
template <class T>
Variable<T> stack(std::initializer_list<Variable<T>> xs, std::ptrdiff_t axis = 0) {
  return stack(std::vector<Variable<T>>(xs), axis);
}

/// Variables joined along an axis they have; all other axes must agree.
///     (A, B), (C, B)   result, axis 0: (A + C, B)
/// Throws Error if there are none or the shapes do not fit.
template <class T>
Variable<T> concat(const std::vector<Variable<T>>& xs, std::ptrdiff_t axis = 0);
/// The same for a list, concat({a, b}).
template <class T>
Variable<T> concat(std::initializer_list<Variable<T>> xs, std::ptrdiff_t axis = 0) {
  return concat(std::vector<Variable<T>>(xs), axis);
}

}  // namespace xgrad
