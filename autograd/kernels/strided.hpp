// A walk over the elements of several arrays at once, each with its own strides: the loop behind
// broadcasting, transposition and slicing. Axes that lie contiguously in every operand are merged first, so
// most walks have one or two axes; the innermost is handed to the caller as a row.
#pragma once

#include <array>
#include <cstddef>

#include <xgrad/autograd/shape.hpp>

namespace xgrad::kernels {

using Strides = std::array<std::size_t, Shape::max_rank>;

/// Row-major strides of `shape`, right-aligned to `rank` axes, 0 where an axis of size 1 (or a missing one)
/// stretches.
inline Strides broadcast_strides(const Shape& shape, const Shape& result) {
  Strides strides{};
  std::size_t step = 1;
  for (std::size_t axis = shape.rank(), r = result.rank(); axis-- > 0;) {
    --r;
    strides[r] = shape[axis] == 1 && result[r] != 1 ? 0 : step;
    step *= shape[axis];
  }
  return strides;
}

/// Visits all positions of `shape`; `operands[k]` are the strides of operand k.
template <std::size_t K>
class StridedWalk {
 public:
  StridedWalk(const Shape& shape, const std::array<Strides, K>& operands) : size_(shape.size()) {
    for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      if (rank_ > 0 && mergeable(shape[axis], operands, axis)) {
        dims_[rank_ - 1] *= shape[axis];
      } else {
        dims_[rank_++] = shape[axis];
      }
      for (std::size_t k = 0; k < K; ++k) strides_[k][rank_ - 1] = operands[k][axis];
    }
    if (rank_ == 0) dims_[rank_++] = 1;  // rank 0: one row of one element
  }

  /// Calls `row(offsets, n, steps)`: n elements, operand k's at offsets[k] + i steps[k].
  template <class Row>
  void for_each_row(Row row) const {
    if (size_ == 0) return;
    const std::size_t inner = rank_ - 1;
    std::array<std::size_t, K> steps, offsets{};
    for (std::size_t k = 0; k < K; ++k) steps[k] = strides_[k][inner];
    std::array<std::size_t, Shape::max_rank> index{};
    for (;;) {
      row(offsets, dims_[inner], steps);
      std::size_t axis = inner;
      for (; axis-- > 0;) {
        for (std::size_t k = 0; k < K; ++k) offsets[k] += strides_[k][axis];
        if (++index[axis] < dims_[axis]) break;
        for (std::size_t k = 0; k < K; ++k) offsets[k] -= dims_[axis] * strides_[k][axis];
        index[axis] = 0;
      }
      if (axis == static_cast<std::size_t>(-1)) return;
    }
  }

 private:
  // The axis before continues into this one if stepping it once equals walking all of this one, in every
  // operand.
  bool mergeable(std::size_t dim, const std::array<Strides, K>& operands, std::size_t axis) const {
    for (std::size_t k = 0; k < K; ++k)
      if (strides_[k][rank_ - 1] != dim * operands[k][axis]) return false;
    return true;
  }

  std::size_t size_, rank_ = 0;
  std::array<std::size_t, Shape::max_rank> dims_{};
  std::array<Strides, K> strides_{};
};

}  // namespace xgrad::kernels
