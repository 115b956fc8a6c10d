// How do I add an op of my own? A function that computes a value from arrays and records it with one vjp per
// input: what turns dL/dy into dL/dx. xtensor's functions compute both here; gradcheck tells whether they
// belong together.
#include <iostream>

#if __has_include(<xtensor/core/xmath.hpp>)
#include <xtensor/core/xmath.hpp>
#else
#include <xtensor/xmath.hpp>
#endif

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

using namespace xgrad;

/// The inverse hyperbolic sine, which squashes like tanh near 0 and never saturates.
// y = asinh x                       dx = dy / sqrt(x^2 + 1)
template <class T>
Variable<T> asinh(const Variable<T>& x) {
  const Array<T> y = xt::asinh(x.xt());
  return record("asinh", y, wrt(x, [x = x.value()](const Array<T>& dy) -> Array<T> {
                  return dy.xt() / xt::sqrt(x.xt() * x.xt() + T(1));
                }));
}

int main() {
  Tape<float> tape;
  const auto x = tape.leaf(Array<float>({3}, {-1, 0, 1}));
  const auto gradients = tape.gradient(sum(asinh(x)));
  std::cout << "asinh " << asinh(x) << "\nslope " << gradients[x] << "\n";

  const auto report = gradcheck([](auto p) { return asinh(p.input("x", {3, 4})); }, {.exhaustive = true});
  if (!report) std::cout << report << "\n";
  std::cout << "gradcheck: " << (report ? "right" : "WRONG") << ", all " << report.compared
            << " derivatives compared\n";
  return report ? 0 : 1;
}
