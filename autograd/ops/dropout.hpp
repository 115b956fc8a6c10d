// Dropout.
#pragma once

#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// x with each element set to 0 with probability `rate` and multiplied by 1 / (1 - rate) otherwise
/// (Srivastava et al. 2014), for training; in evaluation leave it out. Which elements are dropped depends on
/// the key and their place in x alone, so that computing a window again drops the same. Give every use a key
/// of its own: `key.fold(t)`.
/// Throws Error unless rate is in [0, 1).
template <class T>
Variable<T> dropout(const Variable<T>& x, double rate, RandomKey key);

}  // namespace xgrad
