// The elementwise formulas that recurrent models spend their time in, by name, so that they can be compiled
// for every instruction set (compiled/): `map(formulas::Tanh(), x)` finds them there, where a formula written
// in place, `map([](auto xi) { ... }, x)`, is compiled for every processor alike and is several times slower.
// A formula serves numbers, complex numbers and vector registers. To add one, write it here and add it to
// `Formulas`. Internal.
#pragma once

#include <cstddef>
#include <type_traits>

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

struct Exp {
  template <class X>
  X operator()(X x) const {
    return scalar::exp(x);
  }
};
struct Log {
  template <class X>
  X operator()(X x) const {
    return scalar::log(x);
  }
};
struct Sqrt {
  template <class X>
  X operator()(X x) const {
    return scalar::sqrt(x);
  }
};
struct Square {
  template <class X>
  X operator()(X x) const {
    return x * x;
  }
};
template <class T>
struct SquareVjp {
  template <class X>
  X operator()(X dy, X x) const {
    return dy * (X(T(2)) * x);
  }
};
struct Tanh {
  template <class X>
  X operator()(X x) const {
    return scalar::tanh(x);
  }
};
template <class T>
struct TanhVjp {
  template <class X>
  X operator()(X dy, X y) const {
    return dy * (X(T(1)) - y * y);
  }
};
struct Sigmoid {
  template <class X>
  X operator()(X x) const {
    return scalar::sigmoid(x);
  }
};
template <class T>
struct SigmoidVjp {
  template <class X>
  X operator()(X dy, X y) const {
    return dy * y * (X(T(1)) - y);
  }
};
template <class T>
struct Relu {
  template <class X>
  X operator()(X x) const {
    const X zero(T(0));
    scalar::kink(x, zero);
    return scalar::select(scalar::less_equal(x, zero), zero, x);
  }
};
template <class T>
struct ReluVjp {
  template <class X>
  X operator()(X dy, X y) const {
    const X zero(T(0));
    return scalar::select(scalar::less_equal(y, zero), zero, dy);
  }
};

}  // namespace formulas

template <class... F>
struct FormulaList {
  static constexpr std::size_t size = sizeof...(F);
  /// The place of G in the list, or `size`.
  template <class G>
  static constexpr std::size_t index_of() {
    constexpr bool same[] = {std::is_same_v<F, G>...};
    std::size_t i = 0;
    while (i < size && !same[i]) ++i;
    return i;
  }
};

/// Those that are compiled for each instruction set.
template <class T>
using Formulas =
    FormulaList<formulas::Copy, formulas::Add, formulas::Subtract, formulas::Multiply, formulas::Divide,
                formulas::Scale<T>, formulas::Shift<T>, formulas::ScaleShift<T>, formulas::AddScaled<T>,
                formulas::AddProduct, formulas::Exp, formulas::Log, formulas::Sqrt, formulas::Square,
                formulas::SquareVjp<T>, formulas::Tanh, formulas::TanhVjp<T>, formulas::Sigmoid,
                formulas::SigmoidVjp<T>, formulas::Relu<T>, formulas::ReluVjp<T>>;

}  // namespace xgrad::kernels
