// Looking for numbers that are not finite, and for the largest of those that are. Internal; not in a hurry.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include <xgrad/autograd/array.hpp>

namespace xgrad::nonfinite {

inline bool is_finite(double x) { return std::isfinite(x); }
inline bool is_finite(Complex x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); }

template <class T>
std::optional<std::size_t> first_nonfinite(const Array<T>& x) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!is_finite(x.data()[i])) return i;
  return std::nullopt;
}

template <class T>
bool all_finite(const Array<T>& x) {
  return !first_nonfinite(x);
}

template <class T>
bool has_nan(const Array<T>& x) {
  return std::any_of(x.begin(), x.end(), [](T xi) { return xi != xi; });
}

/// As a double; of a complex number the part that is not finite, if it is one.
inline double shown(double x) { return x; }
inline double shown(Complex x) { return std::isfinite(x.real()) && !is_finite(x) ? x.imag() : x.real(); }

/// The position, among first, first + step, ... of `count` numbers, of the one with the largest magnitude.
template <class T>
std::size_t largest(const Array<T>& x, std::size_t first, std::size_t step, std::size_t count) {
  std::size_t best = first;
  for (std::size_t i = 0; i < count; ++i)
    if (std::abs(shown(x.data()[first + i * step])) > std::abs(shown(x.data()[best])))
      best = first + i * step;
  return best;
}

}  // namespace xgrad::nonfinite
