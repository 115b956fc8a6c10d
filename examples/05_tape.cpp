// What has the tape recorded, what memory does it keep, and where does the work go? A word language model whose LSTM is
// written here, forward only; then one training window of 35 steps, in figures and as a picture of a single step.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <xgrad/autograd/tape_dot.hpp>
#include <xgrad/autograd/tape_fold.hpp>
#include <xgrad/models/rnnlm.hpp>

using namespace xgrad;

/// Long short-term memory, Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000.
///     x: (N, D)   h, c: (N, H)
template <class T>
struct Lstm {
  struct State {
    Variable<T> h, c;
  };

  std::size_t H;
  Variable<T> Wx, Wh, b;

  Lstm(const Parameters<T>& p, std::size_t D, std::size_t hidden)
      : H(hidden),
        Wx(p.weight("Wx", {D, 4 * hidden})),
        Wh(p.weight("Wh", {hidden, 4 * hidden})),
        b(p.bias("b", {4 * hidden})) {}

  auto operator()(const Variable<T>& x, const State& state) const {
    const auto gates = affine({x, Wx}, {state.h, Wh}, b);
    const auto f = sigmoid(gate(gates, 0)), i = sigmoid(gate(gates, 1)), o = sigmoid(gate(gates, 2));
    const auto g = tanh(gate(gates, 3));
    const auto kept = f * state.c, written = i * g;
    const auto c = kept + written;
    const auto squashed = tanh(c);
    const auto h = o * squashed;
    return Step{h, State{h, c}};
  }

  State zero(std::size_t N) const { return {Array<T>::zeros({N, H}), Array<T>::zeros({N, H})}; }

 private:
  Variable<T> gate(const Variable<T>& gates, std::ptrdiff_t k) const {
    const auto width = static_cast<std::ptrdiff_t>(H);
    return slice(gates, k * width, (k + 1) * width, 1);
  }
};

int main(int argc, char** argv) {
  constexpr std::size_t T = 35, N = 20, V = 10000, D = 200, H = 200;
  const Parameters<float> parameters;
  const Rnnlm<float, Lstm<float>> model(parameters, V, D, H);
  std::vector<Ids::value_type> words(T * N);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<Ids::value_type>(i * i % V);
  const Ids inputs({T, N}, words), targets = inputs;

  Tape<float> tape;
  const auto loss = model.loss(inputs, targets, model.zero(N)).y;
  const auto gradients = tape.gradient(loss, {.keep = true});  // without keep, nothing is saved any more
  std::cout << tape.stats();

  const std::string picture = to_dot(tape);
  if (argc == 1) {
    std::cout << "the picture has " << fold(tape.nodes()).nodes.size()
              << " nodes; name a file to write it to\n";
    return 0;
  }
  std::ofstream file(argv[1]);
  file << picture << std::flush;
  if (!file) std::cerr << "cannot write " << argv[1] << "\n";
  return file ? 0 : 1;
}
