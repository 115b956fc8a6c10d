// Sums over axes, the reduction behind `sum` and behind undoing a broadcast, and sums by index.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include <xgrad/autograd/array.hpp>
#include <xgrad/autograd/kernels/row.hpp>
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

/// The Euclidean norm of several arrays together: `for_each(f)` calls f on each. Squares are summed in
/// double, whatever the scalar: a float would overflow at 1e19. A double does at 1e154, and vanishes at
/// 1e-162: then they are summed once more, in long double.
template <class T, class ForEach>
double euclidean_norm(ForEach for_each) {
  double total = 0;
  for_each([&](const Array<T>& x) {
    if constexpr (std::same_as<T, Complex>)
      for (const Complex value : x) total += std::norm(value);
    else
      total += sum_of_squares(x);
  });
  // Far enough above the smallest double that what has vanished of it does not count.
  constexpr double low = std::numeric_limits<double>::min() / std::numeric_limits<double>::epsilon();
  if (total >= low && std::isfinite(total)) return std::sqrt(total);
  long double precise = 0;
  for_each([&](const Array<T>& x) {
    if constexpr (std::same_as<T, Complex>)
      for (const std::complex<long double> value : x) precise += std::norm(value);
    else
      for (const long double value : x) precise += value * value;
  });
  return static_cast<double>(std::sqrt(precise));
}

/// Adds x to a running sum, and what the addition rounds off to another (Knuth's TwoSum).
template <class T>
void add_term(T& sum, Wide<T>& rounded_off, T x) {
  const T before = sum;
  sum += x;
  const T added = sum - before, lost = (before - (sum - added)) + (x - added);
  rounded_off += Wide<T>(lost == lost ? lost : T(0));  // NaN where the sum is infinite
}

/// target[k] += terms[i] for every i and k that `for_each(f)` calls f(i, k) with; at most `most` have the
/// same k. Long sums are compensated: added one by one in float, 10^6 equal terms lose four digits.
template <class T, class ForEach>
void add_terms(T* target, std::size_t size, const T* terms, std::size_t most, ForEach for_each) {
  constexpr std::size_t few = 64;
  if (most <= few) {
    for_each([=](std::size_t i, std::size_t k) { target[k] += terms[i]; });
    return;
  }
  std::vector<Wide<T>> rounded_off(size, Wide<T>(0));
  for_each([&](std::size_t i, std::size_t k) { add_term(target[k], rounded_off[k], terms[i]); });
  for (std::size_t k = 0; k < size; ++k) target[k] = static_cast<T>(Wide<T>(target[k]) + rounded_off[k]);
}

}  // namespace xgrad::kernels
