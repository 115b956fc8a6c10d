// The door to xtensor: finds its headers in both layouts (0.26 moved them into folders). The rest of the library
// includes this, or xtensor_io.hpp to print, never a header of xtensor itself; the test `includes` sees to that.
// xtensor-blas and xsimd have doors of their own, kernels/xtensor_blas.hpp and kernels/xsimd.hpp.
#pragma once

#if defined(__FAST_MATH__)
#error \
    "xgrad cannot be compiled with -ffast-math: it makes tanh(88.f) NaN and reorders the generator's arithmetic"
#endif

#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xnoalias.hpp>
#endif

namespace xgrad {

namespace detail {
template <class D>
void accept_expression(const xt::xexpression<D>&);
}

/// Any xtensor container, view or lazy expression.
template <class E>
concept XtensorExpression = requires(const E& e) {
  detail::accept_expression(e);
};

}  // namespace xgrad
