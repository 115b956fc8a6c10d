// Must not compile: xtensor's tanh would compute outside the tape and lose the gradient.
#include <xgrad/autograd/numbers/xtensor.hpp>
#if __has_include(<xtensor/core/xmath.hpp>)
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <xgrad/autograd/variable.hpp>

auto f(const xgrad::Variable<float>& x) { return xt::tanh(x); }
