// elementwise(f, x): the op of an elementwise function (kernels/functions.hpp). Internal.
#pragma once

#include <xgrad/autograd/kernels/functions.hpp>
#include <xgrad/autograd/numbers/map.hpp>
#include <xgrad/autograd/ops/broadcasting.hpp>
#include <xgrad/autograd/tape.hpp>

namespace xgrad::detail {

/// f of each element of x; its vjp keeps what f says that it needs.
template <class F, class T>
Variable<T> elementwise(const F& f, const Variable<T>& x) {
  using functions::Kept;
  const functions::Vjp<F> vjp{f};
  Array<T> y = kernels::map(functions::Value<F>{f}, x.value());
  if constexpr (F::kept == Kept::both) {
    auto back = [vjp, x = x.value(), y](const Array<T>& dy) { return kernels::map(vjp, dy, x, y); };
    return record(F::op, std::move(y), wrt(x, std::move(back)));
  } else {
    auto back = [vjp, kept = F::kept == Kept::input ? x.value() : y](const Array<T>& dy) {
      return kernels::map(vjp, dy, kept);
    };
    return record(F::op, std::move(y), wrt(x, std::move(back)));
  }
}

/// f of the elements of a and b under broadcasting. Throws Error if the shapes do not broadcast.
template <class F, class T>
Variable<T> elementwise(const F& f, const Variable<T>& a, const Variable<T>& b) {
  check_broadcast(F::op.name(), a, b);
  const Array<T> y = kernels::map(functions::Value<F>{f}, a.value(), b.value());
  const auto vjp = [&](auto by) {
    return [by, a = a.value(), b = b.value(), y](const Array<T>& dy) {
      if constexpr (requires(T u) { by(u, u, u, u); })
        return kernels::map(by, dy, a, b, y);
      else
        return kernels::map(by, dy, a, b);
    };
  };
  return record(F::op, y, wrt(a, vjp(functions::VjpA<F>())), wrt(b, vjp(functions::VjpB<F>())));
}

}  // namespace xgrad::detail
