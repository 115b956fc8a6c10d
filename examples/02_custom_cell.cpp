// How do I write a recurrent cell the library does not have, and know that it is right? A struct with a
// constructor that names its parameters and an operator() that computes one step; gradcheck does the rest.
#include <iostream>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/unroll.hpp>

using namespace xgrad;

/// Minimal gated unit, Zhou et al. 2016 (arXiv:1603.09420).      x: (N, D)   h: (N, H)
///   f = sigmoid(x Wf + h Uf + bf),  h' = (1 - f) h + f tanh(x Wg + (f h) Ug + bg)
template <class T>
struct Mgu {
  Affine<T> xf, xg;
  Variable<T> Uf, Ug;

  Mgu(const Parameters<T>& p, std::size_t D, std::size_t H)
      : xf(p / "f", D, H), xg(p / "g", D, H), Uf(p.weight("Uf", {H, H})), Ug(p.weight("Ug", {H, H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    auto f = sigmoid(xf(x) + matmul(h, Uf));
    return (1 - f) * h + f * tanh(xg(x) + matmul(f * h, Ug));
  }
};

int main() {
  const auto report = gradcheck([](auto p) {  // p: Parameters<T>
    Mgu cell(p, 3, 4);
    auto xs = p.input("xs", {5, 2, 3}), h0 = p.input("h0", {2, 4});
    return sum(square(unroll(cell, xs, h0).ys));
  });
  std::cout << "backpropagation through 5 steps: " << (report ? "right" : "WRONG") << ", " << report.ops
            << " ops proved one by one\n";
  if (!report) std::cout << report << "\n";
  return report ? 0 : 1;
}
