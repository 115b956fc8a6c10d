// The door to xtensor: finds its headers in both layouts (0.26 moved them into folders). The rest of the
// library includes this, or xtensor_io.hpp to print, never a header of xtensor itself; the test `includes`
// sees to that. xtensor-blas and xsimd have doors of their own, kernels/gemm.cpp and kernels/xsimd.hpp.
#pragma once

#if defined(__FAST_MATH__)
#error "xgrad cannot be compiled with -ffast-math: it makes tanh(88.f) NaN and reorders the generator's sums"
#endif

#include <memory>
#include <type_traits>

// Not xadapt.hpp: what else it brings takes everybody's compiler a tenth of a second.
#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xnoalias.hpp>
#endif

namespace xgrad {

namespace detail {
/// An xtensor container over `size` elements at `data`, which it does not own: xt::adapt.
template <class T>
auto adapt(T* data, std::size_t size, const xt::dynamic_shape<std::size_t>& shape) {
  using Buffer = xt::xbuffer_adaptor<T*, xt::no_ownership, std::allocator<std::remove_const_t<T>>>;
  return xt::xarray_adaptor<Buffer, xt::layout_type::row_major>(Buffer(data, size), shape);
}

template <class D>
void accept_expression(const xt::xexpression<D>&);
}  // namespace detail

/// Any xtensor container, view or lazy expression.
template <class E>
concept XtensorExpression = requires(const E& e) {
  detail::accept_expression(e);
};

}  // namespace xgrad
