// How do I put a training run together? A network reads eight words and says which was the first, with one
// frozen table of word vectors for both. The cell and the output layer have each an optimizer; a step is the
// mean of four batches, two at a time on two threads; the weights in the end are the best of their averages.
#include <algorithm>
#include <cstdio>
#include <future>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/affine.hpp>
#include <xgrad/layers/embedding.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/averages.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/stopping.hpp>

using namespace xgrad;

struct Network {
  static constexpr std::size_t T = 8, V = 16, H = 32;
  Embedding<float> embed;
  Gru<float> cell;
  Affine<float> output;
  explicit Network(const Parameters<float>& p)
      : embed(p / "embed", V, H, {.W = normal(1)}),
        cell(p / "cell", H, H),
        output(Affine<float>::tied(p / "output", embed.W)) {}
  // Logits of the first word, (N, V), of words: (T, N).
  Variable<float> operator()(const Ids& words) const {
    return output(unroll(cell, embed(words), zero_state<float>(cell, words.shape()[1], H)).state);
  }
  Variable<float> loss(const Ids& words) const { return softmax_cross_entropy((*this)(words), words.row(0)); }
};

Ids draw(RandomKey key, std::size_t N) {
  std::vector<std::uint32_t> words;
  for (std::size_t i = 0; i < Network::T * N; ++i) words.push_back(key.bits(i)[0] % Network::V);
  return Ids(words).reshaped({Network::T, N});
}

Network train(const Parameters<float>& p, std::launch launch) {
  const Network network(p);
  freeze(p / "embed");
  Adam of_cell(p / "cell", 5e-3);
  Sgd of_output(p / "output", 0.1);
  ExponentialAverage average(p, 0.95);
  Best best(p);
  EarlyStopping stop({.patience = 2, .threshold = 0.5});  // the loss has not been halved for 3 epochs
  const RandomKey run(1);
  const auto gradient = [&](RandomKey key) {
    Tape<float> tape;
    return tape.gradient(network.loss(draw(key, 8)));
  };
  for (std::size_t epoch = 1; epoch <= 100; ++epoch) {
    for (std::size_t step = 0; step < 50; ++step) {
      const RandomKey key = run.fold(epoch).fold(step);
      Gradients<float> total;
      for (std::size_t batch = 0; batch < 4; batch += 2) {
        auto other = std::async(launch, gradient, key.fold(batch + 1));
        total += gradient(key.fold(batch));  // meanwhile
        total += other.get();
      }
      total /= 4;
      clip_global_norm(total, p, 1);
      of_cell.step(total);
      of_output.step(total);
      average.update();
    }
    const auto averaged = average.use();  // the parameters are the average until the brace
    const double loss = network.loss(draw(run.fold(0), 500)).item();  // of texts that are in no step
    best(loss);
    if (stop(loss)) break;
  }
  best.restore_parameters();
  return network;
}

int main() {
  const Parameters<float> p(1), q(1);
  const Network network = train(p, std::launch::async);
  train(q, std::launch::deferred);  // on this thread
  const bool same = std::ranges::equal(p["cell/Wh"].value(), q["cell/Wh"].value());
  const Ids words = draw(RandomKey(2), 1000), first = words.row(0).reshaped({1000, 1});
  const Variable<float> logits = network(words);
  const auto right = sum(where<float>(gather(logits, first) == max(logits, 1, keepdims), 1, 0)).item();
  std::printf("%.0f of 1000 right, and %s on one thread\n", right, same ? "the same bits" : "OTHER BITS");
  return right == 1000 && same ? 0 : 1;
}
