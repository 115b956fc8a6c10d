// Axes: which axes of an array a reduction or a flip is along.
#pragma once

#include <initializer_list>
#include <vector>

#include <xgrad/autograd/shape.hpp>

namespace xgrad {

/// Axes of an array: `0`, `-1`, `{0, 2}`; none given means all.
class Axes {
 public:
  /// All axes.
  Axes() = default;
  /// One axis; a negative one counts from the end.
  Axes(int axis) : axes_{axis} {}  // NOLINT(google-explicit-constructor): sum(x, 0)
  /// Not allowed, as sum(x, keepdims) would be a sum over axis 1: write sum(x, {}, keepdims).
  Axes(bool) = delete;
  /// Several axes; negative ones count from the end.
  Axes(std::initializer_list<int> axes) : axes_(axes), all_(false) {}

  /// True if none was given.
  bool all() const { return all_; }
  /// For each axis of x, whether it is one of these.
  /// Throws Error naming `op` for an axis that x lacks or that is given twice.
  std::vector<bool> mask(const char* op, const Shape& x) const;
  /// The shape of x with the reduced axes of size 1. Throws Error like mask().
  Shape reduced(const char* op, const Shape& x) const;
  /// The shape of x without the reduced axes. Throws Error like mask().
  Shape dropped(const char* op, const Shape& x) const;

 private:
  std::vector<int> axes_;
  bool all_ = axes_.empty();
};

}  // namespace xgrad
