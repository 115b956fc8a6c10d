// What is the gradient of a function? Write the function, inside the scope of a tape; ask the tape.
#include <iostream>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

int main() {
  using namespace xgrad;
  Tape<double> tape;  // records until the brace
  auto x = tape.leaf(Array<double>({2, 3}, {1, -2, 3, 0.5, 0, -1}));
  auto W = tape.leaf(Array<double>({3, 1}, {0.1, 0.2, 0.3}));
  auto loss = mean(square(1 - tanh(matmul(x, W))));

  auto gradients = tape.gradient(loss);
  std::cout << "loss    " << loss << "\ndloss/dW\n" << gradients[W] << "\n";
}
