// map(f, a, b, ...): a formula f of formulas.hpp or functions.hpp applied to the elements of arrays under
// broadcasting: `map(formulas::Add(), a, b)`. Internal: the caller has checked that the shapes broadcast.
#pragma once

#include <span>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/parallel.hpp>
#include <xgrad/autograd/kernels/row.hpp>

namespace xgrad::kernels {

/// The array whose elements `fill(elements)` sets, each of them.
template <class T, class Fill>
Array<T> filled(const Shape& shape, const Fill& fill) {
  auto y = Array<T>::uninitialized(shape);
  fill(y.mutable_data());
  y.written();
  return y;
}

/// y[i] = f(x[0][i], x[1][i], ...) for the formula f that `row` is the loop of; the x broadcast to y's shape.
template <class T>
void map_rows(RowLoop<T> row, const void* f, Array<T>& y, std::span<const Array<T>* const> x);

/// The same where all of them have y's shape. Small arrays take the shortest way: what surrounds the loop is
/// most of an op's time on them.
template <class T, class F, class... X>
void map_same_shape(Array<T>& y, const F& f, const X&... x) {
  if (const std::size_t n = y.size(); n < enough_numbers) {
    T* const out = y.mutable_data();  // before the operands, of which y may be one
    return map_row(f, out, n, x.data()...);
  }
  const Array<T>* const operands[] = {&x...};
  map_rows<T>(row_loop<T, F>(), &f, y, operands);
}

/// y[i] = f(x[0][i], x[1][i], ...) in the operands' common shape; writes into `y`, which has that shape.
template <class T, class F, class... X>
void map_into(Array<T>& y, const F& f, const X&... x) {
  if (((x.shape() == y.shape()) && ...)) return map_same_shape(y, f, x...);
  const Array<T>* const operands[] = {&x...};
  map_rows<T>(row_loop<T, F>(), &f, y, operands);
}

/// The array of f(x[0][i], x[1][i], ...) in the operands' common shape.
template <class T, class F, class... Rest>
Array<T> map(const F& f, const Array<T>& first, const Rest&... rest) {
  const bool same = ((rest.shape() == first.shape()) && ...);
  Shape shape = first.shape();
  if (!same) ((shape = *broadcast(shape, rest.shape())), ...);
  auto y = Array<T>::uninitialized(shape);
  same ? map_same_shape(y, f, first, rest...) : map_into(y, f, first, rest...);
  y.written();
  return y;
}

}  // namespace xgrad::kernels
