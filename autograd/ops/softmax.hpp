// Softmax and its logarithm, computed on elements shifted by their maximum, so that none is too large.
#pragma once

#include <cstddef>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// e^x / sum e^x along `axis`. Throws Error over an empty axis.
template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

/// log softmax(x) along `axis`, accurate where softmax underflows. Throws Error over an empty axis.
template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

}  // namespace xgrad
