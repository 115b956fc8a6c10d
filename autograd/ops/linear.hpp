// Linear algebra.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Matrix product over the last axis.     x: (..., K)   W: (K, M)   result: (..., M)
/// Throws Error if the ranks or the K do not fit.
template <class T>
Variable<T> matmul(const Variable<T>& x, const Variable<T>& W);

}  // namespace xgrad
