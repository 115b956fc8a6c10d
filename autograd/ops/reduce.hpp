// Reductions over all or named axes.
#pragma once

#include <initializer_list>
#include <vector>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// The axes of a reduction: `0`, `-1`, `{0, 2}`; none given means all.
class Axes {
 public:
  Axes() = default;
  Axes(int axis) : axes_{axis} {}  // NOLINT(google-explicit-constructor): sum(x, 0)
  Axes(bool) = delete;             // sum(x, keepdims) would be a sum over axis 1: write sum(x, {}, keepdims)
  Axes(std::initializer_list<int> axes) : axes_(axes), all_(false) {}

  /// The shape of x with the reduced axes of size 1. Throws Error naming `op` for an axis that x lacks or
  /// that is given twice.
  Shape reduced(const char* op, const Shape& x) const;
  /// The shape of x without the reduced axes.
  Shape dropped(const char* op, const Shape& x) const;

 private:
  std::vector<bool> mask(const char* op, const Shape& x) const;
  std::vector<int> axes_;
  bool all_ = axes_.empty();
};

/// `sum(x, 0, keepdims)` leaves the reduced axes in the shape, with size 1.
inline constexpr bool keepdims = true;

/// Sum over `axes`; 0 over an empty axis.
template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);

/// Mean over `axes`. Throws Error over an empty axis.
template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);

}  // namespace xgrad
