// Softmax and the cross entropy of integer targets, computed on logits shifted by their maximum, so that no
// logit is too large.
#pragma once

#include <cstddef>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// e^x / sum e^x along `axis`. Throws Error over an empty axis.
template <class T>
Variable<T> softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

/// log softmax(x), accurate where softmax underflows.
template <class T>
Variable<T> log_softmax(const Variable<T>& x, std::ptrdiff_t axis = -1);

/// How the losses of many targets become one: their mean, their sum, or not at all.
enum class Reduction { mean, sum, none };

/// -log softmax(logits)[target] in nats, in one pass over the logits that also saves what the gradient needs.
///     logits: (..., V)   targets: (...)   result: (), or (...) for none
/// Throws Error for targets outside [0, V), naming target and position, for shapes that do not fit, and for the
/// mean of nothing.
template <class T>
Variable<T> softmax_cross_entropy(const Variable<T>& logits, const Ids& targets,
                                  Reduction reduction = Reduction::mean);

}  // namespace xgrad
