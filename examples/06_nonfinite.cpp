// Where did the NaN come from? This cell reads the length of each word vector beside the vector, and that of
// the padding word is zero, where a length has no slope: every loss is a number, but the first gradient is
// not. check_finite finds the place.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/finite_check.hpp>
#include <xgrad/training/sgd.hpp>

using namespace xgrad;

/// h' = tanh([x, |x|] Wx + h Wh + b)     x: (N, D)   h: (N, H)
template <class T>
struct WithLength {
  Rnn<T> rnn;

  WithLength(const Parameters<T>& p, std::size_t D, std::size_t H) : rnn(p, D + 1, H) {}

  Variable<T> operator()(const Variable<T>& x, const Variable<T>& h) const {
    return rnn(concat<T>({x, sqrt(sum(square(x), 1, keepdims))}, 1), h);
  }
};

int main() {
  const std::vector<std::string> words{"<pad>", "the", "whale", "sings"};
  const Ids inputs({4, 2}, {1, 1, 2, 2, 3, 3, 1, 0}), targets({4, 2}, {2, 2, 3, 3, 1, 0, 2, 0});  // (T, N)
  const auto word = [&](Ids::value_type id) { return words[static_cast<std::size_t>(id)]; };

  Parameters<double> parameters(1);
  const Rnnlm<double, WithLength<double>> model(parameters, words.size(), 3, 4);
  auto vectors = model.embed.W.value().copy();
  std::fill_n(vectors.mutable_data(), 3, 0.0);  // of <pad>
  parameters.assign("embed/W", vectors);

  Sgd sgd(parameters, 0.5);
  auto state = model.zero(2);
  try {
    for (std::size_t step = 1; step <= 100; ++step) {
      const auto forward = [&] { return model.loss(inputs, targets, state); };
      Tape<double> tape;
      auto [loss, next] = forward();
      const auto gradients = tape.gradient(loss);
      const double norm = global_norm(gradients, parameters);  // or what clip_global_norm returns
      check_finite(loss.item(), norm, [&] { return forward().y; },
                   {.step = step, .window = {.tokens = inputs, .word = word}});
      sgd.step(gradients);
      state = next;
    }
  } catch (const NonfiniteError& error) {
    std::cout << error.what() << "\n";
    return error.report.op == "sqrt" ? 0 : 1;  // for programs, the same is a struct
  }
  return 1;
}
