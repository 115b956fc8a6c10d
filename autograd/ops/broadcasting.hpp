// The check that ops of several operands share. Internal.
#pragma once

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// Throws Error naming `op` unless the shapes of a and b broadcast.
template <class T>
void check_broadcast(const char* op, const Variable<T>& a, const Variable<T>& b) {
  if (a.shape() != b.shape() && !broadcast(a.shape(), b.shape()))
    throw Error(op, "shapes " + describe(a) + " and " + describe(b) +
                        " do not broadcast: aligned right, axes must be equal or 1");
}

}  // namespace xgrad
