// What has the tape recorded, what memory does it keep, and where does the work go? A word language model
// with an LSTM; then one training window of 35 steps, in figures and as a picture of a single step.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/tape_dot.hpp>
#include <xgrad/autograd/tape_fold.hpp>
#include <xgrad/autograd/tape_stats.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/models/rnnlm.hpp>

using namespace xgrad;

int main(int argc, char** argv) {
  constexpr std::size_t T = 35, N = 20, V = 10000, D = 200, H = 200;
  const Parameters<float> parameters;
  const Rnnlm<float, Lstm<float>> model(parameters, V, D, H);
  std::vector<Ids::value_type> words(T * N);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<Ids::value_type>(i * i % V);
  const Ids inputs({T, N}, words), targets = inputs;

  // One product of all steps would stand before the cell; this way the picture shows the cell as it is
  // written.
  fast_paths().hoisted_products = false;
  Statistics<float> statistics;
  Tape<float> tape(statistics);
  const auto loss = model.loss(inputs, targets, model.zero(N)).y;
  const auto gradients = tape.gradient(loss, {.keep = true});  // without keep, nothing is saved any more
  std::cout << statistics.of(tape);

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
