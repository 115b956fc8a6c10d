// How do I write a recurrent cell the library does not have, and know that it is right? A struct with a
// constructor that names its parameters and an operator() that computes one step (ugrnn.hpp); gradcheck does
// the rest.
#include <iostream>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/layers/unroll.hpp>

#include "ugrnn.hpp"

int main() {
  const auto report = gradcheck([]<class T>(const Parameters<T>& p) {  // T = double, then complex<double>
    const Ugrnn<T> cell(p, 3, 4);
    const auto xs = p.input("xs", {5, 2, 3}), h0 = p.input("h0", {2, 4});
    return sum(square(unroll(cell, xs, h0).ys));
  });
  std::cout << "backpropagation through 5 steps: " << (report ? "right" : "WRONG") << ", " << report.ops
            << " ops proved one by one\n";
  if (!report) std::cout << report << "\n";
  return report ? 0 : 1;
}
