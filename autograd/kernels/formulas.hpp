// The formulas of arithmetic that arrays, sums and ops are made of, by name, so that they can be compiled for
// every instruction set: `map(formulas::Add(), a, b)` finds the loop in the table. A formula serves numbers,
// complex numbers and vector registers. To add one, write it here and add it to `Formulas` in table.hpp. The
// elementwise functions are in functions.hpp. Internal.
#pragma once

#include <functional>

#include <xgrad/autograd/kernels/simd.hpp>

namespace xgrad::kernels::formulas {

using Copy = std::identity;
using Add = std::plus<>;
using Subtract = std::minus<>;
using Multiply = std::multiplies<>;
struct Divide {
  auto operator()(auto x, auto y) const { return scalar::divide(x, y); }
};
/// factor x + shift, where a shift of -0.0 changes nothing, not even the sign of a zero. Real factors for
/// complex numbers too: (-inf + ih) (1 + 0i) would be NaN.
template <class T>
struct ScaleShift {
  scalar::Real<T> factor, shift = -0.0;
  auto operator()(auto x) const { return factor * x + shift; }
};
/// x + y z: a contribution of a product's vjp, added to what is there.
struct AddProduct {
  auto operator()(auto x, auto y, auto z) const { return x + y * z; }
};
/// dy / b and -(dy / b) y: the vjps of a quotient y = a / b. The second is 0 at y = 0, also where 1 / b
/// overflows.
struct DividendVjp {
  auto operator()(auto dy, auto b) const { return scalar::quotient_or_zero(dy, b); }
};
struct DivisorVjp {
  auto operator()(auto dy, auto y, auto b) const {
    const auto zero = scalar::constant(0, y);
    return -scalar::product_or_zero(scalar::select(y == zero, dy, scalar::quotient_or_zero(dy, b)), y);
  }
};
/// The larger of x and y. Of NaN and a number, whichever: sums of e^(x - this) are NaN all the same.
struct Larger {
  auto operator()(auto x, auto y) const { return scalar::select(scalar::less(x, y), y, x); }
};

}  // namespace xgrad::kernels::formulas
