// The language model that `rnnlm train --data FOLDER` trains by default, in libtorch, for the time that both
// take to reach a perplexity: a GRU of 200 units on 20 tracks in windows of 35 tokens, dropout 0.2, SGD at 20
// with its norm clipped at 0.25. Usage: xgrad_libtorch_rnnlm FOLDER EPOCHS FULL_RATE DECAY, FOLDER being that
// of the Penn Treebank; the rate is multiplied by DECAY after each epoch from FULL_RATE on. After each epoch
// it prints the perplexity of the held-out and of the test text, and the seconds since the process began.
// Start with `main`.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <time.h>
#include <torch/torch.h>
#include <unistd.h>

namespace {

using torch::Tensor;

constexpr std::int64_t tracks = 20, held_out_tracks = 10, steps = 35, units = 200;
constexpr double rate = 20, clip = 0.25, dropout = 0.2;

// Since the process began, by the clock.
double seconds() {
  std::ifstream stat("/proc/self/stat");
  std::string field;
  for (int i = 0; i < 22; ++i) stat >> field;  // its name, the second field, has no blanks
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

using Vocabulary = std::unordered_map<std::string, std::int64_t>;

// The ids of the words of a file and of its ends of lines in so many tracks: (tokens of a track, tracks).
Tensor read_tracks(const std::string& file, Vocabulary& vocabulary, std::int64_t count) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file);
  std::vector<std::int64_t> ids;
  const auto add = [&](const std::string& word) {
    ids.push_back(vocabulary.try_emplace(word, static_cast<std::int64_t>(vocabulary.size())).first->second);
  };
  for (std::string line, word; std::getline(in, line); add("<eos>"))
    for (std::istringstream words(line); words >> word;) add(word);
  const std::int64_t length = static_cast<std::int64_t>(ids.size()) / count;
  return torch::tensor(ids).slice(0, 0, length * count).view({count, length}).t().contiguous();
}

struct Model : torch::nn::Module {
  torch::nn::Embedding embed;
  torch::nn::GRU gru;
  torch::nn::Linear linear;
  torch::nn::Dropout drop;

  explicit Model(std::int64_t words)
      : embed(register_module("embed", torch::nn::Embedding(words, units))),
        gru(register_module("gru", torch::nn::GRU(units, units))),
        linear(register_module("linear", torch::nn::Linear(units, words))),
        drop(register_module("drop", torch::nn::Dropout(dropout))) {
    const torch::NoGradGuard no_gradient;
    embed->weight.uniform_(-0.1, 0.1);
    linear->bias.zero_();
  }

  // The mean loss of the targets, after which `state` is that after the window.
  Tensor loss(const Tensor& inputs, const Tensor& targets, Tensor& state) {
    auto [ys, next] = gru(drop(embed(inputs)), state);
    state = next.detach();
    return torch::nn::functional::cross_entropy(linear(drop(ys).flatten(0, 1)), targets.flatten());
  }
};

double perplexity(Model& model, const Tensor& tokens) {
  const torch::NoGradGuard no_gradient;
  model.eval();
  Tensor state = torch::zeros({1, tokens.size(1), units});
  double sum = 0;
  std::int64_t count = 0;
  for (std::int64_t t = 0; t + 1 < tokens.size(0); t += steps) {
    const std::int64_t length = std::min(steps, tokens.size(0) - 1 - t);
    const Tensor loss = model.loss(tokens.narrow(0, t, length), tokens.narrow(0, t + 1, length), state);
    sum += static_cast<double>(length) * loss.item<double>();
    count += length;
  }
  model.train();
  return std::exp(sum / static_cast<double>(count));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) throw std::runtime_error("usage: xgrad_libtorch_rnnlm FOLDER EPOCHS FULL_RATE DECAY");
  const std::string folder = argv[1];
  const int epochs = std::atoi(argv[2]), full_rate = std::atoi(argv[3]);
  torch::manual_seed(0);
  Vocabulary vocabulary;
  const Tensor train = read_tracks(folder + "/ptb.train.txt", vocabulary, tracks),
               valid = read_tracks(folder + "/ptb.valid.txt", vocabulary, held_out_tracks),
               test = read_tracks(folder + "/ptb.test.txt", vocabulary, held_out_tracks);
  Model model(static_cast<std::int64_t>(vocabulary.size()));
  torch::optim::SGD sgd(model.parameters(), rate);
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    Tensor state = torch::zeros({1, tracks, units});
    for (std::int64_t t = 0; t + 1 < train.size(0); t += steps) {
      const std::int64_t length = std::min(steps, train.size(0) - 1 - t);
      sgd.zero_grad();
      model.loss(train.narrow(0, t, length), train.narrow(0, t + 1, length), state).backward();
      torch::nn::utils::clip_grad_norm_(model.parameters(), clip);
      sgd.step();
    }
    const double held_out = perplexity(model, valid);
    const double at = seconds();
    std::printf("epoch %d: held-out %.2f at %.1f s, test %.2f\n", epoch, held_out, at,
                perplexity(model, test));
    std::fflush(stdout);
    if (epoch >= full_rate)
      for (auto& group : sgd.param_groups())
        static_cast<torch::optim::SGDOptions&>(group.options())
            .lr(rate * std::pow(std::atof(argv[4]), epoch - full_rate + 1));
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
