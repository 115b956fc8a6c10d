// The formulas of arithmetic that arrays, sums and ops are made of, by name, so that they can be compiled for
// every instruction set: `map(formulas::Add(), a, b)` finds the loop in the table. A formula serves numbers,
// complex numbers and vector registers. To add one, write it here and add it to `Formulas` in table.hpp. The
// elementwise functions are in functions.hpp. Internal.
#pragma once

#include <xgrad/autograd/kernels/simd.hpp>

namespace xgrad::kernels {

namespace formulas {

struct Copy {
  template <class X>
  X operator()(X x) const {
    return x;
  }
};
struct Add {
  template <class X>
  X operator()(X x, X y) const {
    return x + y;
  }
};
struct Subtract {
  template <class X>
  X operator()(X x, X y) const {
    return x - y;
  }
};
struct Multiply {
  template <class X>
  X operator()(X x, X y) const {
    return x * y;
  }
};
struct Divide {
  template <class X>
  X operator()(X x, X y) const {
    return scalar::divide(x, y);
  }
};
/// factor x. Real factors for complex numbers too: (-inf + ih) (1 + 0i) would be NaN.
template <class T>
struct Scale {
  scalar::Real<T> factor;
  template <class X>
  X operator()(X x) const {
    return factor * x;
  }
};
template <class T>
struct Shift {
  scalar::Real<T> shift;
  template <class X>
  X operator()(X x) const {
    return x + shift;
  }
};
template <class T>
struct ScaleShift {
  scalar::Real<T> factor, shift;
  template <class X>
  X operator()(X x) const {
    return factor * x + shift;
  }
};
/// x + factor y: a step of gradient descent, a sum with a weight.
template <class T>
struct AddScaled {
  scalar::Real<T> factor;
  template <class X>
  X operator()(X x, X y) const {
    return x + factor * y;
  }
};
/// x + y z: a contribution of a product's vjp, added to what is there.
struct AddProduct {
  template <class X>
  X operator()(X x, X y, X z) const {
    return x + y * z;
  }
};

/// -y x / z: the vjp of a quotient y = u / z.
struct QuotientVjp {
  template <class X>
  X operator()(X x, X y, X z) const {
    return -scalar::divide(x * y, z);
  }
};
/// The larger of x and y. Of NaN and a number, whichever: sums of e^(x - this) are NaN all the same.
struct Larger {
  template <class X>
  X operator()(X x, X y) const {
    return scalar::select(scalar::less(x, y), y, x);
  }
};
/// y where x is not 0, else z.
struct Where {
  template <class X>
  X operator()(X x, X y, X z) const {
    return scalar::select(scalar::equal(x, scalar::constant(0, x)), z, y);
  }
};

}  // namespace formulas

}  // namespace xgrad::kernels
