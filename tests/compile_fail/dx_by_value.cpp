// Must not compile: what the vjp adds to its own copy of dx would be lost.
#include <xgrad/autograd/tape.hpp>

using xgrad::Array;

auto f(const xgrad::Variable<float>& x) {
  return xgrad::record("twice", x.value() * 2,
                       xgrad::wrt(x, [](const Array<float>& dy, Array<float> dx) { dx = dx + dy * 2; }));
}
