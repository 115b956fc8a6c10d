// Must not compile: keepdims is no axis.
#include <xgrad/autograd/ops.hpp>

auto f(const xgrad::Variable<float>& x) { return sum(x, xgrad::keepdims); }
