// Sums over axes: the reduction behind `sum` and behind undoing a broadcast.
#pragma once

#include <xgrad/autograd/array.hpp>

namespace xgrad::kernels {

/// x summed over every axis in which `shape` has size 1 or lacks the axis (aligned right), reshaped to
/// `shape`. `shape` must broadcast to x's. An empty sum is 0.
template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape);

}  // namespace xgrad::kernels
