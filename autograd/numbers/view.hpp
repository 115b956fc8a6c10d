// View: some of an array's numbers in another order, those at offset + i_0 strides[0] + i_1 strides[1] + ...:
// a transposition, a flip, every second row. Arrays themselves are contiguous, so a view is read into a new
// array or added to in place. Internal.
#pragma once

#include <algorithm>
#include <vector>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/row.hpp>
#include <xgrad/autograd/kernels/strided.hpp>
#include <xgrad/autograd/numbers/map.hpp>

namespace xgrad::kernels {

struct View {
  Shape shape;
  Strides strides{};  ///< of numbers; those that walk backwards wrap around, as does their sum
  std::size_t offset = 0;

  /// All numbers of an array of `shape`, in order.
  explicit View(const Shape& all) : shape(all), strides(broadcast_strides(all, all)) {}
  /// Those at [first, first + count) of one axis.
  View(const Shape& all, std::size_t axis, std::size_t first, std::size_t count) : View(all) {
    shape.set(axis, count);
    offset = first * strides[axis];
  }

  /// Calls `f(i, k)` for number i of the view, which is number k of the array.
  template <class F>
  void for_each(F f) const {
    const StridedWalk<2> walk(shape, {broadcast_strides(shape, shape), strides});
    walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
      const std::size_t first = offsets[0], k = offset + offsets[1], step = steps[1];
      if (step == 1)  // a loop that the compiler makes one over registers
        for (std::size_t i = 0; i < n; ++i) f(first + i, k + i);
      else
        for (std::size_t i = 0; i < n; ++i) f(first + i, k + i * step);
    });
  }
};

/// The numbers of the view as an array.
template <class T>
Array<T> read(const Array<T>& x, const View& view) {
  return filled<T>(view.shape, [&, in = x.data()](T* out) {
    view.for_each([=](std::size_t i, std::size_t k) { out[i] = in[k]; });
  });
}

/// Replaces the numbers of the view by y's.
template <class T>
void write(Array<T>& x, const View& view, const Array<T>& y) {
  view.for_each([out = x.mutable_data(), in = y.data()](std::size_t i, std::size_t k) { out[k] = in[i]; });
}

/// Adds y to the numbers of the view.
template <class T>
void add(Array<T>& x, const View& view, const Array<T>& y) {
  view.for_each([out = x.mutable_data(), in = y.data()](std::size_t i, std::size_t k) { out[k] += in[i]; });
}

/// x with its axes in another order.
template <class T>
Array<T> transposed(const Array<T>& x, const std::vector<std::size_t>& axes) {
  const View whole(x.shape());
  View view = whole;
  std::size_t last = 0, contiguous = 0;  // the axes, longer than 1, along which y and x lie contiguously
  for (std::size_t i = 0; i < axes.size(); ++i) {
    view.shape.set(i, x.shape()[axes[i]]);
    view.strides[i] = whole.strides[axes[i]];
    if (view.shape[i] == 1) continue;
    last = i;
    if (view.strides[i] == 1) contiguous = i;
  }
  if (last == contiguous) return std::is_sorted(axes.begin(), axes.end()) ? x : read(x, view);
  // A matrix of these two for each position along the others.
  auto y = Array<T>::uninitialized(view.shape);
  T* const out = y.mutable_data();
  const Strides strides = broadcast_strides(view.shape, view.shape);
  Shape others = view.shape;
  others.set(last, 1);
  others.set(contiguous, 1);
  const StridedWalk<2> walk(others, {strides, view.strides});
  if (y.size() == 0) return y;
  walk.for_each_row([&](const auto& offsets, std::size_t n, const auto& steps) {
    for (std::size_t i = 0; i < n; ++i)
      transpose(view.shape[last], view.shape[contiguous], x.data() + offsets[1] + i * steps[1],
                view.strides[last], out + offsets[0] + i * steps[0], strides[contiguous]);
  });
  return y;
}

}  // namespace xgrad::kernels
