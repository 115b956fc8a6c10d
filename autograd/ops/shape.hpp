// Ops that give the same elements another shape or order, or put others around them. Cutting and joining
// arrays is in slicing.hpp.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/ops/axes.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// The sizes asked of reshape, of any integer type: `{T * N, -1}`.
class Sizes {
 public:
  /// One size for each axis; none for the shape (). Throws Error for 2^63 or more, which is a negative number
  /// converted: -1 has to be said by a signed one.
  template <std::integral... Size>
  Sizes(Size... sizes) : sizes_{checked(sizes)...} {}  // NOLINT(google-explicit-constructor)
  /// One size for each axis.
  Sizes(std::vector<std::ptrdiff_t> sizes)
      : sizes_(std::move(sizes)) {}  // NOLINT(google-explicit-constructor)
  /// Those of a shape.
  Sizes(const Shape& shape) : sizes_(shape.begin(), shape.end()) {}  // NOLINT(google-explicit-constructor)

  /// Number of axes.
  std::size_t size() const { return sizes_.size(); }
  /// The size asked for this axis, which must be below size().
  std::ptrdiff_t operator[](std::size_t axis) const { return sizes_[axis]; }

 private:
  static std::ptrdiff_t checked(std::integral auto size) {
    if (!std::in_range<std::ptrdiff_t>(size))
      throw Error("reshape", "a size is " + std::to_string(size) +
                                 ", expected less than 2^63 (was a negative number converted?)");
    return static_cast<std::ptrdiff_t>(size);
  }

  std::vector<std::ptrdiff_t> sizes_;
};

/// The same elements in another shape; one size may be -1 and is worked out. Shares memory, unless x is a
/// parameter. Throws Error if the sizes do not agree.
template <class T>
Variable<T> reshape(const Variable<T>& x, const Sizes& sizes);

/// x without its axes of size 1, or without those named. Throws Error if one of those has another size.
template <class T>
Variable<T> squeeze(const Variable<T>& x, const Axes& axes = {});
/// x with a new axis of size 1, at place `axis` of the result: NumPy's expand_dims.
template <class T>
Variable<T> expand_dims(const Variable<T>& x, std::ptrdiff_t axis);

/// Axes in the given order, reversed if none is given: NumPy's transpose.
/// Throws Error unless `axes` is a permutation.
template <class T>
Variable<T> transpose(const Variable<T>& x, const std::vector<std::ptrdiff_t>& axes = {});

/// The entries in reverse order along the axes, all if none is given.
template <class T>
Variable<T> flip(const Variable<T>& x, const Axes& axes = {});

/// x repeated along axes that it lacks or has with size 1.
/// Throws Error if its shape does not broadcast to `shape`.
template <class T>
Variable<T> broadcast_to(const Variable<T>& x, const Shape& shape);

/// How many entries are put before and after those of an axis.
struct Padding {
  std::size_t before = 0,  ///< in front of the first
      after = 0;           ///< behind the last
};
/// x with `value` around it. Throws Error unless `padding` has one entry for each axis.
template <class T>
Variable<T> pad(const Variable<T>& x, const std::vector<Padding>& padding, double value = 0);

}  // namespace xgrad
