// Must not compile: the expression's operands are gone when the tape would read it.
#include <xgrad/autograd/tape.hpp>

using xgrad::Array;

auto f(const xgrad::Variable<float>& x) {
  return xgrad::record("twice", x.value() * 2,
                       xgrad::wrt(x, [](const Array<float>& dy) { return dy.xt() + dy.xt(); }));
}
