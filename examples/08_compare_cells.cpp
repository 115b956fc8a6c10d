// Is my cell any better than those there are? The update gate RNN of ugrnn.hpp, a GRU and an LSTM, each in
// the same language model, on the same text and with the same training; the text's grammar is known, and with
// it the best perplexity that any model can reach. With the name of a file it writes the curves there, as a
// script for gnuplot.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/corpus.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/windows.hpp>

#include "grammar.hpp"
#include "ugrnn.hpp"

namespace {

constexpr std::size_t D = 64, H = 64, N = 20, T_steps = 20, epochs = 6;

struct Text {
  std::size_t words;
  StreamWindows train, valid;
};

// Held-out perplexity after each epoch.
template <class Cell>
std::vector<double> curve(const Text& text) {
  const Parameters<double> parameters(1);
  const Rnnlm<double, Cell> model(parameters, text.words, D, H);
  Sgd sgd(parameters, 4);
  std::vector<double> result;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    if (epoch >= 4) sgd.set_rate(sgd.rate() / 2);
    auto state = model.zero(N);
    for (std::size_t i = 0; i < text.train.size(); ++i) {
      const auto [inputs, targets] = text.train[i];
      Tape<double> tape;
      auto [loss, next] = model.loss(inputs, targets, first_rows(state, inputs.shape()[1]));
      auto gradients = tape.gradient(loss);
      clip_global_norm(gradients, parameters, 0.25);
      sgd.step(gradients);
      state = next;
    }
    const TokenLosses losses = evaluate(model, text.valid);
    result.push_back(std::exp(losses.total / static_cast<double>(losses.count)));
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const Grammar grammar;
  const std::string train = grammar.sample(1, 60000), valid = grammar.sample(2, 10000);
  Corpus corpus = make_corpus(train);
  auto held_out = number_words("held-out", valid, corpus);
  const Text text{corpus.vocabulary.size(), StreamWindows(corpus.train, N, T_steps),
                  StreamWindows(std::move(held_out), 10, T_steps)};

  const std::vector<std::pair<const char*, std::vector<double>>> curves{{"Ugrnn", curve<Ugrnn<double>>(text)},
                                                                        {"Gru", curve<Gru<double>>(text)},
                                                                        {"Lstm", curve<Lstm<double>>(text)}};
  const double floor = grammar.perplexity(valid);
  std::printf("epoch   Ugrnn     Gru    Lstm\n");
  for (std::size_t epoch = 0; epoch < epochs; ++epoch)
    std::printf("%5zu %7.2f %7.2f %7.2f\n", epoch + 1, curves[0].second[epoch], curves[1].second[epoch],
                curves[2].second[epoch]);
  std::printf("at best %.2f\n", floor);
  if (argc == 1) return 0;

  std::ofstream script(argv[1]);
  script << "set terminal svg size 640,400 dynamic background '#ffffff'\nset logscale y\nset yrange "
            "[13:140]\nset grid\nset xlabel 'epoch'\n"
         << "set ylabel 'held-out perplexity'\n";
  for (const auto& [name, values] : curves) {
    script << "$" << name << " << EOD\n";
    for (std::size_t epoch = 0; epoch < epochs; ++epoch) script << epoch + 1 << " " << values[epoch] << "\n";
    script << "EOD\n";
  }
  script << "plot ";
  for (const auto& [name, values] : curves)
    script << "$" << name << " with linespoints title '" << name << "', ";
  script << floor << " title 'floor' dashtype 2\n" << std::flush;
  if (!script) std::fprintf(stderr, "cannot write %s\n", argv[1]);
  return script ? 0 : 1;
}
