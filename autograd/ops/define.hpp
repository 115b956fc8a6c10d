// What an op is defined with: loops over arrays, refusals, its identity, the recording, what the rounding of
// one that adds is measured against, and the instantiation for all scalars. Internal.
#pragma once

#include <limits>

#include <xgrad/autograd/numbers/instantiate.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/numbers/refuse.hpp>
#include <xgrad/autograd/ops/arithmetic.hpp>
#include <xgrad/autograd/ops/elementwise.hpp>
#include <xgrad/autograd/ops/identities.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::detail {

/// 0, with the slope 1: it stands for x in what `summing` takes where only slopes are wanted.
template <class T>
Variable<T> zero_of(const Variable<T>& x) {
  return record("zero_of", Array<T>::zeros(x.shape()), wrt(x, [](const Array<T>& dy) { return dy; }));
}
/// What the rounding of p = e^x is measured against: x, which is a difference, is rounded before.
template <class T>
Variable<T> size_of_exp(const Variable<T>& p) {
  constexpr double least = std::numeric_limits<scalar::Real<T>>::min();  // p may be 0
  return p * (1 + abs(log(p + least)));
}
/// |x|, with the slope 1 everywhere.
template <class T>
Variable<T> size_of(const Variable<T>& x) {
  return record("size_of", kernels::map(functions::Value<functions::Abs>(), x.value()),
                wrt(x, [](const Array<T>& dy) { return dy; }));
}

}  // namespace xgrad::detail

// XGRAD_INSTANTIATE_OPS(sum, prod) instantiates each for all scalars. A name that several functions share
// takes XGRAD_FOR_SCALARS instead. A macro cannot call itself, but what it leaves behind is expanded once
// more by each XGRAD_EXPAND around it: enough for a dozen names.
#define XGRAD_INSTANTIATE_OPS(...) XGRAD_EXPAND_9(XGRAD_FIRST_OP(__VA_ARGS__))
#define XGRAD_FIRST_OP(op, ...)               \
  template decltype(op<float>) op<float>;     \
  template decltype(op<double>) op<double>;   \
  template decltype(op<Complex>) op<Complex>; \
  __VA_OPT__(XGRAD_OTHER_OPS XGRAD_NOTHING(__VA_ARGS__))
#define XGRAD_OTHER_OPS() XGRAD_FIRST_OP
#define XGRAD_NOTHING ()
#define XGRAD_EXPAND_9(...) XGRAD_EXPAND_3(XGRAD_EXPAND_3(XGRAD_EXPAND_3(__VA_ARGS__)))
#define XGRAD_EXPAND_3(...) XGRAD_EXPAND(XGRAD_EXPAND(XGRAD_EXPAND(__VA_ARGS__)))
#define XGRAD_EXPAND(...) __VA_ARGS__
