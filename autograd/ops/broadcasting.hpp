// The check that ops of several operands share. Internal.
#pragma once

#include <string>

#include <xgrad/autograd/variable.hpp>

namespace xgrad {

/// "(3, 4)"; for error messages.
inline std::string describe(const Ids& ids) { return to_string(ids.shape()); }

/// Throws Error naming `op` unless the shapes of two variables, or of two Ids, broadcast.
template <class X>
void check_broadcast(const char* op, const X& a, const X& b) {
  if (a.shape() != b.shape() && !broadcast(a.shape(), b.shape()))
    throw Error(op, "shapes " + describe(a) + " and " + describe(b) +
                        " do not broadcast: aligned right, axes must be equal or 1");
}

}  // namespace xgrad
