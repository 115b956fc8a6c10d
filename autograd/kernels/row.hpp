// Loops over one row of numbers that lie one after the other: what softmax, the losses and sums are made of.
// Real numbers go through the kernels of the instruction set in use, complex ones through those or plain
// loops. Internal.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <utility>

#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

/// What many numbers are added up in: float loses digits over a long row.
template <class T>
using Wide = std::conditional_t<std::same_as<T, float>, double, T>;

/// The largest real part of a row of n > 0 numbers; any of them if some are NaN.
template <class T>
scalar::Real<T> row_max(const T* x, std::size_t n) {
  return table<T>().max(x, n);
}

/// y = e^(x - shift), unless y is null; returns the sum of that.
template <class T>
T exp_shifted(const T* x, T* y, std::size_t n, scalar::Real<T> shift) {
  return table<T>().exp_shifted(x, y, n, shift);
}

/// The sum of f(i) for first <= i < last, in halves, so that rounding grows with the logarithm of the count.
template <class F>
auto sum_in_halves(std::size_t first, std::size_t last, const F& f) -> decltype(f(first)) {
  if (const std::size_t n = last - first; n > 64)
    return sum_in_halves(first, first + n / 2, f) + sum_in_halves(first + n / 2, last, f);
  decltype(f(first)) sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += f(i);
  return sum;
}

/// The sum of a row, in pairs, so that rounding grows with log n.
template <class T>
T row_sum(const T* x, std::size_t n) {
  if constexpr (Vectorized<T>) {
    return table<T>().sum(x, n);
  } else {
    return sum_in_halves(0, n, [x](std::size_t i) { return x[i]; });
  }
}

template <class T>
T row_dot(const T* x, const T* y, std::size_t n) {
  if constexpr (Vectorized<T>)
    return table<T>().dot(x, y, n);
  else
    return sum_in_halves(0, n, [x, y](std::size_t i) { return x[i] * y[i]; });
}

/// The loop of a formula, number by number.
template <class T, class F>
void plain_loop(const void* f, T* y, const T* const* x, const std::size_t* steps, std::size_t n) {
  const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
    for (std::size_t i = 0; i < n; ++i) y[i] = (*static_cast<const F*>(f))(x[I][i * steps[I]]...);
  };
  run(std::make_index_sequence<arguments<F, T>>());
}

/// The loop of a formula, of the instruction set in use.
template <class T, class F>
RowLoop<T> row_loop() {
  using List = typename FormulasOf<T>::List;
  constexpr std::size_t index = List::template index_of<F>();
  if constexpr (index < List::size) {
    return table<T>().rows[index];
  } else {
    static_assert(!Vectorized<T>, "name the formula in the list of table.hpp");
    return &plain_loop<T, F>;
  }
}

namespace detail {
template <class T>
const T* first(const std::type_identity_t<T>& number) {
  return &number;
}
template <class T>
const T* first(const T* row) {
  return row;
}
}  // namespace detail

/// y[i] = f(x[0][i], x[1][i], ...); y may be one of the x. An operand that is a number, not a pointer, is the
/// same for all i.
template <class T, class F, class... X>
void map_row(const F& f, T* y, std::size_t n, const X&... x) {
  const T* const operands[] = {detail::first<T>(x)...};
  const std::size_t steps[] = {std::same_as<T, X> ? std::size_t{0} : std::size_t{1}...};
  row_loop<T, F>()(&f, y, operands, steps, n);
}

/// y[j][i] = x[i][j] for i < rows and j < columns; x_row and y_row are the leading dimensions.
template <class T>
void transpose(std::size_t rows, std::size_t columns, const T* x, std::size_t x_row, T* y,
               std::size_t y_row) {
  if constexpr (Vectorized<T>) {
    table<T>().transpose(rows, columns, x, x_row, y, y_row);
  } else {
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) y[j * y_row + i] = x[i * x_row + j];
  }
}

}  // namespace xgrad::kernels
