// Loops over one row of numbers that lie one after the other: what softmax, the losses and sums are made of.
// Real numbers go through the kernels of the instruction set in use, complex ones through plain loops.
// Internal.
#pragma once

#include <concepts>
#include <cstddef>

#include <xgrad/autograd/kernels/table.hpp>

namespace xgrad::kernels {

/// What many numbers are added up in: float loses digits over a long row.
template <class T>
using Wide = std::conditional_t<std::same_as<T, float>, double, T>;

/// The largest real part of a row of n > 0 numbers; any of them if some are NaN.
template <class T>
scalar::Real<T> row_max(const T* x, std::size_t n) {
  if constexpr (Vectorized<T>) {
    return table<T>().max(x, n);
  } else {
    auto largest = scalar::real(x[0]);
    for (std::size_t i = 1; i < n; ++i)
      if (scalar::real(x[i]) > largest) largest = scalar::real(x[i]);
    return largest;
  }
}

/// y = e^(x - shift); returns the sum of y.
template <class T>
T exp_shifted(const T* x, T* y, std::size_t n, scalar::Real<T> shift) {
  if constexpr (Vectorized<T>) {
    return table<T>().exp_shifted(x, y, n, shift);
  } else {
    T total = T(0);
    for (std::size_t i = 0; i < n; ++i) total += y[i] = scalar::exp(x[i] - shift);
    return total;
  }
}

/// The sum of e^(x - shift).
template <class T>
T sum_exp_shifted(const T* x, std::size_t n, scalar::Real<T> shift) {
  if constexpr (Vectorized<T>) {
    return table<T>().sum_exp_shifted(x, n, shift);
  } else {
    T total = T(0);
    for (std::size_t i = 0; i < n; ++i) total += scalar::exp(x[i] - shift);
    return total;
  }
}

/// The sum of a row, in pairs, so that rounding grows with log n.
template <class T>
T row_sum(const T* x, std::size_t n) {
  if constexpr (Vectorized<T>) {
    return table<T>().sum(x, n);
  } else {
    if (n > 4096) return row_sum(x, n / 2) + row_sum(x + n / 2, n - n / 2);
    T total = T(0);
    for (std::size_t i = 0; i < n; ++i) total += x[i];
    return total;
  }
}

template <class T>
T row_dot(const T* x, const T* y, std::size_t n) {
  if constexpr (Vectorized<T>) {
    return table<T>().dot(x, y, n);
  } else {
    T total = T(0);
    for (std::size_t i = 0; i < n; ++i) total += x[i] * y[i];
    return total;
  }
}

/// y = f(x...), elementwise; y may be one of the x. For a formula of formulas.hpp.
template <class T, class F, class... X>
void map_row(const F& f, T* y, std::size_t n, const X*... x) {
  if constexpr (Vectorized<T>) {
    constexpr std::size_t formula = Formulas<T>::template index_of<F>();
    static_assert(formula < Formulas<T>::size,
                  "write the formula in formulas.hpp and add it to the list there");
    const T* const operands[] = {x...};
    const std::size_t steps[] = {(static_cast<void>(x), std::size_t{1})...};
    table<T>().rows[formula](&f, y, operands, steps, n);
  } else {
    for (std::size_t i = 0; i < n; ++i) y[i] = f(x[i]...);
  }
}

/// y = factor x
template <class T>
void scale(const T* x, T* y, std::size_t n, scalar::Real<T> factor) {
  map_row(formulas::Scale<T>{factor}, y, n, x);
}
template <class T>
void scale(const T* x, T* y, std::size_t n, T factor) requires(!Vectorized<T>) {
  for (std::size_t i = 0; i < n; ++i) y[i] = factor * x[i];
}

}  // namespace xgrad::kernels
