// Must not compile: a vjp of neither form.
#include <xgrad/autograd/tape.hpp>

auto f(const xgrad::Variable<float>& x) {
  return xgrad::record("twice", x.value() * 2, xgrad::wrt(x, [] { return xgrad::Array<float>(); }));
}
