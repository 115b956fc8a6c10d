// A text of any length whose entropy is known: zipf_text TOKENS [WORDS [SEED]] writes it to standard output,
// and the perplexity of the process, below which no model can stay, to standard error.
//
// Words are of classes. The next class hangs on the last one alone, the word on its class: so a bigram of
// classes is all that there is to learn, and the class of a word has to be learned for each of them. The
// frequencies of words follow Zipf's law, p(r) ~ 1 / (r + 2); that of rank 0 is the end of a line.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

// Draws from a distribution in constant time (Walker 1977, in the form of Vose 1991).
class Draw {
 public:
  explicit Draw(const std::vector<double>& p) : limit_(p.size()), other_(p.size()) {
    const double mean = std::accumulate(p.begin(), p.end(), 0.0) / static_cast<double>(p.size());
    std::vector<std::uint32_t> small, large;
    for (std::size_t i = 0; i < p.size(); ++i) {
      limit_[i] = p[i] / mean;
      (limit_[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
    }
    while (!small.empty() && !large.empty()) {
      const std::uint32_t less = small.back(), more = large.back();
      small.pop_back();
      other_[less] = more;
      limit_[more] -= 1 - limit_[less];
      if (limit_[more] < 1) small.push_back(more), large.pop_back();
    }
    for (const auto* rest : {&small, &large})
      for (const std::uint32_t i : *rest) limit_[i] = 1;
  }

  std::uint32_t operator()(std::mt19937_64& random) const {
    const std::uint64_t bits = random();
    const std::size_t i = (bits >> 32) * limit_.size() >> 32;
    const double u = static_cast<double>(bits & 0xFFFFFFFF) * 0x1p-32;
    return u < limit_[i] ? static_cast<std::uint32_t>(i) : other_[i];
  }

 private:
  std::vector<double> limit_;
  std::vector<std::uint32_t> other_;
};

double entropy(const std::vector<double>& p) {
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  double result = 0;
  for (const double x : p) result -= x > 0 ? x / sum * std::log(x / sum) : 0;
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fputs("usage: zipf_text TOKENS [WORDS [SEED]]\n", stderr);
    return 2;
  }
  const std::uint64_t tokens = std::strtoull(argv[1], nullptr, 10);
  const std::size_t words = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200000, classes = 100;
  // The language is that of its size; a seed makes another text of it.
  std::mt19937_64 language(words), random(argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);

  std::vector<std::vector<std::uint32_t>> members(classes);
  std::vector<std::vector<double>> weights(classes);
  std::vector<double> of_class(classes, 0);
  for (std::size_t r = 0; r < words; ++r) {
    const std::size_t c = r < classes ? r : language() % classes;
    const double weight = 1 / (static_cast<double>(r) + 2);
    members[c].push_back(static_cast<std::uint32_t>(r));
    weights[c].push_back(weight);
    of_class[c] += weight;
  }
  std::vector<std::vector<double>> next(classes, std::vector<double>(classes));
  std::normal_distribution<double> normal;
  for (auto& row : next)
    for (std::size_t c = 0; c < classes; ++c) row[c] = of_class[c] * std::exp(2 * normal(language));

  // Perplexity: of the classes in the long run, and of the words within them.
  std::vector<double> share(classes, 1.0 / static_cast<double>(classes));
  for (int step = 0; step < 1000; ++step) {
    std::vector<double> after(classes, 0);
    for (std::size_t a = 0; a < classes; ++a) {
      const double sum = std::accumulate(next[a].begin(), next[a].end(), 0.0);
      for (std::size_t b = 0; b < classes; ++b) after[b] += share[a] * next[a][b] / sum;
    }
    share = after;
  }
  double nats = 0;
  for (std::size_t c = 0; c < classes; ++c) nats += share[c] * (entropy(next[c]) + entropy(weights[c]));
  std::fprintf(stderr, "perplexity %.4f\n", std::exp(nats));

  std::vector<Draw> draw_class, draw_word;
  for (std::size_t c = 0; c < classes; ++c) {
    draw_class.emplace_back(next[c]);
    draw_word.emplace_back(weights[c]);
  }
  std::string line;
  std::uint32_t c = 0;
  for (std::uint64_t i = 0; i < tokens; ++i) {
    c = draw_class[c](random);
    const std::uint32_t word = members[c][draw_word[c](random)];
    if (word == 0) {
      line += '\n';
    } else {
      char digits[12];
      const int size = std::snprintf(digits, sizeof(digits), "%u ", word);
      line.append(digits, static_cast<std::size_t>(size));
    }
    if (line.size() < (std::size_t{1} << 16) && i + 1 < tokens) continue;
    if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size()) {
      std::perror("zipf_text");
      return 1;
    }
    line.clear();
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
