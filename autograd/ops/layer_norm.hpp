// Layer normalization.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// gain (x - m) / sqrt(v + epsilon) + bias with the mean m and the variance v of each row, whose squares are
/// divided by H, not by H - 1 (Ba et al. 2016, arXiv:1607.06450).
///     x: (..., H)   gain, bias: (H,)   result: (..., H)
/// Throws Error if the shapes do not fit, for H = 0, and unless epsilon is >= 0.
template <class T>
Variable<T> layer_norm(const Variable<T>& x, const Variable<T>& gain, const Variable<T>& bias,
                       double epsilon = 1e-5);

}  // namespace xgrad
