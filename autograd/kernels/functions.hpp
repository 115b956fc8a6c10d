// The elementwise functions: each written once, as a struct with its op, its value and its slope. From the
// struct come the loops for every instruction set (table.hpp), the op for all three scalars
// (ops/functions.cpp) and its identity on the tape. To add one, write it here, name it in the list at the
// end, and declare it in ops/elementwise.hpp or ops/activation.hpp. A function serves doubles, complex
// numbers and vector registers; a literal such as 1.0 becomes any of them, if a float holds it exactly;
// others take scalar::constant. Internal.
#pragma once

#include <xgrad/autograd/kernels/simd.hpp>
#include <xgrad/autograd/op.hpp>

/// The elementwise functions.
namespace xgrad::functions {

/// What a slope is computed from beside dy: the value y, the argument x, or x and y. The value is kept
/// anyway.
enum class Kept { output, input, both };
template <Kept what>
struct From {
  static constexpr Kept kept = what;
};
using FromOutput = From<Kept::output>;
using FromInput = From<Kept::input>;
using FromBoth = From<Kept::both>;

/// y = e^x                           dx = dy y
struct Exp : FromOutput {
  static constexpr Op op{"exp", OpKind::elementwise};
  static auto value(auto x) { return scalar::exp(x); }
  static auto vjp(auto dy, auto y) { return scalar::product_or_zero(dy, y); }
};

/// y = e^x - 1                       dx = dy e^x, which y + 1 is not where y is about -1
struct Expm1 : FromInput {
  static constexpr Op op{"expm1", OpKind::elementwise};
  static auto value(auto x) { return scalar::expm1(x); }
  static auto vjp(auto dy, auto x) { return scalar::product_or_zero(dy, scalar::exp(x)); }
};

/// y = log x                         dx = dy / x
struct Log : FromInput {
  static constexpr Op op{"log", OpKind::elementwise};
  static auto value(auto x) { return scalar::log(x); }
  static auto vjp(auto dy, auto x) { return scalar::quotient_or_zero(dy, x); }
};

/// y = log(1 + x)                    dx = dy / (1 + x)
struct Log1p : FromInput {
  static constexpr Op op{"log1p", OpKind::elementwise};
  static auto value(auto x) { return scalar::log1p(x); }
  static auto vjp(auto dy, auto x) { return scalar::quotient_or_zero(dy, 1.0 + x); }
};

/// y = sin x                         dx = dy cos x
struct Sin : FromInput {
  static constexpr Op op{"sin", OpKind::elementwise};
  static auto value(auto x) { return scalar::sin(x); }
  static auto vjp(auto dy, auto x) { return dy * scalar::cos(x); }
};

/// y = cos x                         dx = -dy sin x
struct Cos : FromInput {
  static constexpr Op op{"cos", OpKind::elementwise};
  static auto value(auto x) { return scalar::cos(x); }
  static auto vjp(auto dy, auto x) { return -(dy * scalar::sin(x)); }
};

/// y = erf x                         dx = dy 2/sqrt(pi) e^(-x^2)
struct Erf : FromInput {
  static constexpr Op op{"erf", OpKind::elementwise};
  static auto value(auto x) { return scalar::erf(x); }
  static auto vjp(auto dy, auto x) {
    return dy * (scalar::constant(2 * std::numbers::inv_sqrtpi, x) * scalar::gaussian(x, 1));
  }
};

/// y = x^2                           dx = dy 2 x
struct Square : FromInput {
  static constexpr Op op{"square", OpKind::elementwise};
  static auto value(auto x) { return x * x; }
  static auto vjp(auto dy, auto x) { return dy * (2.0 * x); }
};

/// y = sqrt x                        dx = dy / (2 y)
struct Sqrt : FromOutput {
  static constexpr Op op{"sqrt", OpKind::elementwise};
  static auto value(auto x) { return scalar::sqrt(x); }
  static auto vjp(auto dy, auto y) { return scalar::quotient_or_zero(dy, 2.0 * y); }
};

/// y = x^(-1/2)                      dx = -dy y^3 / 2, where y^3 alone may overflow
struct Rsqrt : FromOutput {
  static constexpr Op op{"rsqrt", OpKind::elementwise};
  static auto value(auto x) { return scalar::divide(scalar::constant(1, x), scalar::sqrt(x)); }
  static auto vjp(auto dy, auto y) {
    const auto once = scalar::product_or_zero(dy, y), twice = scalar::product_or_zero(once, y);
    return scalar::product_or_zero(twice, -0.5 * y);
  }
};

/// y = |x|                           dx = dy sign(x)
struct Abs : FromInput {
  static constexpr Op op{"abs", OpKind::elementwise};
  static auto value(auto x) { return scalar::abs(x); }
  static auto vjp(auto dy, auto x) {
    const auto zero = scalar::constant(0, x);
    return scalar::select(scalar::equal(x, zero), zero, scalar::select(scalar::less(x, zero), -dy, dy));
  }
};

/// y = x^p                           dx = dy p x^(p-1)
template <class T>
struct PowOf : FromBoth {
  static constexpr Op op{"pow", OpKind::elementwise};
  scalar::Real<T> p;
  auto value(auto x) const { return scalar::pow(x, decltype(x)(T(p))); }
  auto vjp(auto dy, auto x, auto y) const { return scalar::pow_vjp(dy, x, decltype(x)(T(p)), y); }
};

/// y = x, moved into [low, high]     dx = dy if low <= x <= high else 0, as at NaN
template <class T>
struct Clip : FromInput {
  static constexpr Op op{"clip", OpKind::elementwise};
  scalar::Real<T> low, high;
  auto value(auto x) const {
    const decltype(x) l(T{low}), h(T{high});
    scalar::kink(x, l);
    scalar::kink(x, h);
    return scalar::select(scalar::less(x, l), l, scalar::select(scalar::less(h, x), h, x));
  }
  auto vjp(auto dy, auto x) const {
    const decltype(x) l(T{low}), h(T{high}), zero = scalar::constant(0, x);
    return scalar::select(scalar::less_equal(l, x), scalar::select(scalar::less_equal(x, h), dy, zero), zero);
  }
};

/// y = tanh x                        dx = dy (1 - y^2)
struct Tanh : FromOutput {
  static constexpr Op op{"tanh", OpKind::activation};
  static auto value(auto x) { return scalar::tanh(x); }
  static auto vjp(auto dy, auto y) { return dy * (1.0 - y * y); }
};

/// y = 1 / (1 + e^-x)                dx = dy y (1 - y)
struct Sigmoid : FromOutput {
  static constexpr Op op{"sigmoid", OpKind::activation};
  static auto value(auto x) { return scalar::sigmoid(x); }
  static auto vjp(auto dy, auto y) { return dy * y * (1.0 - y); }
};

/// y = log(1 + e^x)                  dx = dy sigmoid x
struct Softplus : FromInput {
  static constexpr Op op{"softplus", OpKind::activation};
  static auto value(auto x) { return scalar::softplus(x); }
  static auto vjp(auto dy, auto x) { return dy * scalar::sigmoid(x); }
};

/// y = log(1 / (1 + e^-x))           dx = dy sigmoid(-x)
struct LogSigmoid : FromInput {
  static constexpr Op op{"log_sigmoid", OpKind::activation};
  static auto value(auto x) { return -scalar::softplus(-x); }
  static auto vjp(auto dy, auto x) { return dy * scalar::sigmoid(-x); }
};

/// y = x if x > 0 else 0             dx = dy if y > 0 else 0         (NaN stays NaN)
struct Relu : FromOutput {
  static constexpr Op op{"relu", OpKind::activation};
  static auto value(auto x) {
    const auto zero = scalar::constant(0, x);
    scalar::kink(x, zero);
    return scalar::select(scalar::less_equal(x, zero), zero, x);
  }
  static auto vjp(auto dy, auto y) {
    const auto zero = scalar::constant(0, y);
    return scalar::select(scalar::less_equal(y, zero), zero, dy);
  }
};

/// y = x if x > 0 else s x           dx = dy if x > 0 else s dy
template <class T>
struct LeakyRelu : FromInput {
  static constexpr Op op{"leaky_relu", OpKind::activation};
  scalar::Real<T> s;
  auto value(auto x) const {
    const auto zero = scalar::constant(0, x);
    scalar::kink(x, zero);
    return scalar::select(scalar::less_equal(x, zero), s * x, x);
  }
  auto vjp(auto dy, auto x) const {
    return scalar::select(scalar::less_equal(x, scalar::constant(0, x)), s * dy, dy);
  }
};

/// y = x if x > 0 else a (e^x - 1)   dx = dy if x > 0 else dy a e^x
template <class T>
struct Elu : FromInput {
  static constexpr Op op{"elu", OpKind::activation};
  scalar::Real<T> a;
  auto value(auto x) const {
    const auto zero = scalar::constant(0, x);
    if (a != 1) scalar::kink(x, zero);
    return scalar::select(scalar::less_equal(x, zero), a * scalar::expm1(x), x);
  }
  auto vjp(auto dy, auto x) const {
    return scalar::select(scalar::less_equal(x, scalar::constant(0, x)), dy * (a * scalar::exp(x)), dy);
  }
};

/// y = x P(x), P that of N(0, 1)     dx = dy (P(x) + x e^(-x^2/2) / sqrt(2 pi))
struct Gelu : FromBoth {
  static constexpr Op op{"gelu", OpKind::activation};
  static auto value(auto x) { return scalar::product_or_zero(scalar::normal_cdf(x), x); }  // 0 at -inf
  static auto vjp(auto dy, auto x, auto y) {
    const auto peak = scalar::constant(std::numbers::inv_sqrtpi / std::numbers::sqrt2, x);
    return dy * (scalar::normal_cdf(x, y) + scalar::product_or_zero(peak * scalar::gaussian(x, 0.5), x));
  }
};

/// y = x^2 / 2 if |x| <= d else d (|x| - d / 2)              dx = dy x if |x| <= d else dy d sign(x)
template <class T>
struct Huber : FromInput {
  static constexpr Op op{"huber", OpKind::loss};
  scalar::Real<T> d;
  auto value(auto x) const {
    const decltype(x) delta(T{d}), size = scalar::select(scalar::less(x, scalar::constant(0, x)), -x, x);
    return scalar::select(scalar::less_equal(size, delta), 0.5 * x * x, delta * (size - 0.5 * delta));
  }
  auto vjp(auto dy, auto x) const {
    const decltype(x) delta(T{d});
    return dy *
           scalar::select(scalar::less(x, -delta), -delta, scalar::select(scalar::less(delta, x), delta, x));
  }
};

/// y = log(1 + e^x) - t x, x from a network, t in [0, 1]; each of the two terms may be infinite
/// dx = dy ((1 - t) sigmoid x - t sigmoid -x)                dt = -dy x
struct BinaryCrossEntropy {
  static constexpr Op op{"binary_cross_entropy_with_logits", OpKind::loss};
  static auto value(auto x, auto t) {
    const auto right = scalar::less(scalar::constant(0, x), x);
    const auto far =
        scalar::select(right, scalar::product_or_zero(1.0 - t, x), scalar::product_or_zero(t, -x));
    return far + scalar::softplus(scalar::select(right, -x, x));
  }
  static auto vjp_a(auto dy, auto x, auto t) {
    return dy * ((1.0 - t) * scalar::sigmoid(x) - t * scalar::sigmoid(-x));
  }
  static auto vjp_b(auto dy, auto x, auto) { return -(dy * x); }
};

/// y = a^b                           da = dy b a^(b-1)       db = dy y log a, 0 at a = 0 (where b >= 0)
struct Pow {
  static constexpr Op op{"pow", OpKind::elementwise};
  static auto value(auto a, auto b) { return scalar::pow(a, b); }
  static auto vjp_a(auto dy, auto a, auto b, auto y) { return scalar::pow_vjp(dy, a, b, y); }
  static auto vjp_b(auto dy, auto a, auto b, auto y) {
    const auto zero = scalar::constant(0, a), slope = y * scalar::log(a);
    const auto at_zero = scalar::select(scalar::less_equal(zero, b), zero, slope);
    return scalar::product_or_zero(dy, scalar::select(scalar::equal(a, zero), at_zero, slope));
  }
};

/// y = a if a comes before b, that is, is larger (or smaller), else b; NaN if either is
/// da = dy if a comes before b or is NaN, dy / 2 if a = b, else 0                db likewise, 0 if a is NaN
template <bool larger>
struct Extremum {
  static constexpr Op op{larger ? "maximum" : "minimum", OpKind::elementwise};
  static auto before(auto a, auto b) { return larger ? scalar::less(b, a) : scalar::less(a, b); }
  static auto value(auto a, auto b) {
    scalar::kink(a, b);
    const auto chosen = scalar::select(before(a, b), a, b);  // b also if either is NaN
    return scalar::select(scalar::equal(a, a), chosen, a);
  }
  static auto vjp_a(auto dy, auto a, auto b) {
    const auto undefined = scalar::select(scalar::equal(a, a), scalar::constant(0, a), dy),
               shared = scalar::select(scalar::equal(a, b), 0.5 * dy, undefined);
    return scalar::select(before(a, b), dy, shared);
  }
  static auto vjp_b(auto dy, auto a, auto b) {
    return scalar::select(scalar::equal(a, a), vjp_a(dy, b, a), scalar::constant(0, a));
  }
};
using Maximum = Extremum<true>;
using Minimum = Extremum<false>;

/// Those of one argument and no parameter, by the name of their op: what ops/functions.cpp defines.
// clang-format off
#define XGRAD_FUNCTIONS(each)                                                                              \
  each(exp, Exp) each(expm1, Expm1) each(log, Log) each(log1p, Log1p) each(sin, Sin) each(cos, Cos)        \
  each(erf, Erf) each(square, Square) each(sqrt, Sqrt) each(rsqrt, Rsqrt) each(abs, Abs) each(tanh, Tanh)  \
  each(sigmoid, Sigmoid) each(softplus, Softplus) each(log_sigmoid, LogSigmoid) each(relu, Relu)           \
  each(gelu, Gelu)
// clang-format on

/// What the loops call: the value of a function, and its vjps.
template <class F>
struct Value {
  F f{};
  auto operator()(auto... x) const -> decltype(f.value(x...)) { return f.value(x...); }
};
template <class F>
struct Vjp {
  F f{};
  auto operator()(auto... x) const -> decltype(f.vjp(x...)) { return f.vjp(x...); }
};
template <class F>
struct VjpA {
  auto operator()(auto... x) const -> decltype(F::vjp_a(x...)) { return F::vjp_a(x...); }
};
template <class F>
struct VjpB {
  auto operator()(auto... x) const -> decltype(F::vjp_b(x...)) { return F::vjp_b(x...); }
};

}  // namespace xgrad::functions
