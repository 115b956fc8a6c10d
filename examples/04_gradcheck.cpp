// What does gradcheck say when a gradient is wrong? Here is an op with a mistake that is easily made: its
// first vjp multiplies with U where U^T belongs, which no shape betrays, as U is square. It hides in a cell
// that runs over five steps.
#include <iostream>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/unroll.hpp>

using namespace xgrad;

// The product of two variables as numbers: an op does not record how it computes them.
template <class T>
Array<T> product(const Variable<T>& a, const Variable<T>& b) {
  const Inference pause;
  return matmul(a, b).value();
}

// y = h U                           dh = dy U^T             dU = h^T dy
template <class T>
Variable<T> recur(const Variable<T>& h, const Variable<T>& U) {
  return record("recur", product(h, U),
                wrt(h, [=](const Array<T>& dy) { return product<T>(dy, U); }),  // wrong
                wrt(U, [=](const Array<T>& dy) { return product<T>(transpose(h), dy); }));
}

template <class T>
struct Cell {
  Affine<T> input;
  Variable<T> U;

  Cell(const Parameters<T>& p, std::size_t D, std::size_t H)
      : input(p / "input", D, H), U(p.weight("U", {H, H})) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    const auto from_state = recur(h, U);  // apart: in a sum each compiler evaluates first what it likes
    return tanh(input(x) + from_state);
  }
};

int main() {
  const auto report = gradcheck([](auto p) {
    const Cell cell(p / "cell", 3, 4);
    return sum(square(unroll(cell, p.input("xs", {5, 2, 3}), p.input("h0", {2, 4})).ys));
  });
  std::cout << report << "\n";
  // For programs, the same is a struct.
  return !report && report.failures[0].diagnosis.defect == Defect::transpose ? 0 : 1;
}
