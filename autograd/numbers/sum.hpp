// Sums over axes: the reduction behind `sum` and behind undoing a broadcast.
#pragma once

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

/// x summed over every axis in which `shape` has size 1 or lacks the axis (aligned right), reshaped to
/// `shape`. `shape` must broadcast to x's. An empty sum is 0.
template <class T>
Array<T> sum_to(const Array<T>& x, const Shape& shape);

/// The sum of squares of float or double elements, in double; see kernels/table.hpp.
template <class T>
double sum_of_squares(const Array<T>& x) {
  return table<T>().sum_of_squares(x.data(), x.size());
}

}  // namespace xgrad::kernels
