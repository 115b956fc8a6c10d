// Reductions over all or named axes, and cumulative sums.
#pragma once

#include <cstddef>

#include <xgrad/autograd/ops/axes.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// `sum(x, 0, keepdims)` leaves the reduced axes in the shape, with size 1.
inline constexpr bool keepdims = true;

/// Sum over `axes`; 0 over an empty axis.
template <class T>
Variable<T> sum(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);
/// Product over `axes`; 1 over an empty axis. The gradient is right at zeros too.
template <class T>
Variable<T> prod(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);

/// Mean over `axes`. Throws Error over an empty axis.
template <class T>
Variable<T> mean(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);
/// Mean squared distance from the mean, with n - ddof for the number n of elements: NumPy's var.
/// Throws Error unless n > ddof.
template <class T>
Variable<T> variance(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false,
                     std::size_t ddof = 0);
/// The largest element; NaN if there is one. Elements that tie share the gradient evenly, as in PyTorch and
/// JAX. Throws Error over an empty axis.
template <class T>
Variable<T> max(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);
/// The smallest element; NaN if there is one. Elements that tie share the gradient evenly, as in PyTorch and
/// JAX. Throws Error over an empty axis.
template <class T>
Variable<T> min(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);
/// Euclidean norm, sqrt(sum x^2), with no overflow; 0 over an empty axis. At the kink x = 0 the gradient is
/// taken to be 0.
template <class T>
Variable<T> norm(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);

/// Sums of the first 1, 2, ... entries along `axis`; the shape of x.
template <class T>
Variable<T> cumsum(const Variable<T>& x, std::ptrdiff_t axis = 0);

}  // namespace xgrad
