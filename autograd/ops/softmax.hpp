// Softmax, its logarithm and that of its sum, computed on elements shifted by their maximum: none overflows.
#pragma once

#include <cstddef>

#include <xgrad/autograd/ops/axes.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// e^x / sum e^x along `axis`. Throws Error over an empty axis.
template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

/// log softmax(x) along `axis`, accurate where softmax underflows. Throws Error over an empty axis.
template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

/// log sum e^x over `axes`, with no overflow. Throws Error over an empty axis.
template <class T>
Variable<T> logsumexp(const Variable<T>& x, const Axes& axes = {}, bool keep_axes = false);

}  // namespace xgrad
