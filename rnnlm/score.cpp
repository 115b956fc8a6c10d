// rnnlm score: log probabilities to base 10, in the columns of KenLM's `query -v word`; see use.hpp. A
// sentence is a line, on its own: it begins after an end of sentence, which it ends with, too.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/models/evaluate.hpp>

#include "model.hpp"
#include "score.hpp"
#include "text.hpp"
#include "use.hpp"

namespace xgrad {

namespace {

using Views = std::vector<std::string_view>;

// The scores of one sentence's tokens.
struct Sentence {
  Views tokens;  // the end included
  std::vector<Vocabulary::Id> ids;
  std::vector<double> log10;  // of each token's probability
  std::size_t unknown = 0;

  double total() const { return std::accumulate(log10.begin(), log10.end(), 0.0); }
};

// A model, and the column of another one's scores.
class Scorer {
 public:
  Scorer(const ModelFile& file, const Model<double>& model, const Settings& settings)
      : file_(file), model_(model), window_(settings.eval_window), lambda_(settings.lambda) {
    const auto end = sentence_end(file.vocabulary, file.settings.level);
    if (!end) throw BadData("score", quote_file(file.path) + " knows no end of a sentence: it can only eval");
    end_ = *end;
    if (!settings.column) return;
    column_name_ = quote_file(*settings.column);
    column_ = read_column(read_file(*settings.column), column_name_);
  }

  Sentence operator()(std::string_view line) {
    Sentence result;
    result.tokens = split_text(line, file_.settings.level);
    result.ids = numbered(result.tokens, file_.vocabulary, result.unknown);
    result.tokens.push_back(file_.settings.level == "word" ? "</s>" : "\\n");
    result.ids.push_back(end_);
    std::vector<Vocabulary::Id> stream{end_};
    stream.insert(stream.end(), result.ids.begin(), result.ids.end());
    result.log10 = token_losses(model_.network, stream, window_);
    for (double& value : result.log10) value = mixed(-value / std::log(10.0));
    return result;
  }

  // Throws BadData unless the column has a score for each token of these sentences, and of their ends.
  void check_column(const std::vector<std::string_view>& sentences) const {
    if (column_name_.empty()) return;
    std::size_t tokens = sentences.size();
    for (const auto sentence : sentences) tokens += split_text(sentence, file_.settings.level).size();
    if (tokens != column_.size())
      throw BadData("score", fmt::format("{} has {} scores for {} tokens, ends of lines included",
                                         column_name_, column_.size(), tokens));
  }

 private:
  // log10(lambda 10^mine + (1 - lambda) 10^other), without leaving the range of a double.
  double mixed(double mine) {
    if (column_name_.empty()) return mine;
    const double other = column_[next_++], largest = std::max(mine, other);
    if (std::isinf(largest)) return largest;
    return largest +
           std::log10(lambda_ * std::pow(10, mine - largest) + (1 - lambda_) * std::pow(10, other - largest));
  }

  const ModelFile& file_;
  const Model<double>& model_;
  std::size_t window_;
  double lambda_;
  Vocabulary::Id end_ = 0;
  std::vector<double> column_;
  std::string column_name_;
  std::size_t next_ = 0;
};

// The sum of all tokens, and of those that are known.
struct Totals {
  double all = 0, known = 0;
  std::size_t tokens = 0, unknown = 0;

  void print() const {
    const auto perplexity = [](double log10, std::size_t n) {
      return n == 0 ? 1 : std::pow(10, -log10 / static_cast<double>(n));
    };
    fmt::print(
        "Perplexity including OOVs:\t{:.10g}\nPerplexity excluding OOVs:\t{:.10g}\nOOVs:\t{}\nTokens:\t{}\n",
        perplexity(all, tokens), perplexity(known, tokens - unknown), unknown, tokens);
  }
};

void score_words(const std::string& text, const ModelFile& file, Scorer& scorer) {
  const auto other = file.vocabulary.find(unknown_word);
  std::vector<std::string_view> lines;
  for_each_line(text, [&](std::string_view line, std::size_t) { lines.push_back(line); });
  scorer.check_column(lines);
  Totals totals;
  for_each_line(text, [&](std::string_view line, std::size_t) {
    const Sentence sentence = scorer(line);
    for (std::size_t i = 0; i < sentence.ids.size(); ++i) {
      const bool unknown = sentence.ids[i] == other;
      fmt::print("{}={} {} {:.6g}\t", escaped(sentence.tokens[i]), sentence.ids[i], i + 1, sentence.log10[i]);
      totals.all += sentence.log10[i];
      totals.known += unknown ? 0 : sentence.log10[i];
      totals.unknown += unknown ? 1 : 0;
    }
    totals.tokens += sentence.ids.size();
    fmt::print("Total: {:.6g} OOV: {}\n", sentence.total(),
               std::count(sentence.ids.begin(), sentence.ids.end(), other.value_or(-1)));
  });
  totals.print();
}

void rank(const std::string& text, const std::string& name, Scorer& scorer) {
  struct Candidate {
    std::string_view line;
    NBestLine parts;
    double score;
  };
  std::vector<Candidate> all;
  std::vector<std::string_view> sentences;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    all.push_back({line, read_nbest(line, name, number), 0});
    sentences.push_back(all.back().parts.text);
  });
  scorer.check_column(sentences);
  for (Candidate& one : all) one.score = scorer(one.parts.text).total();
  for (auto begin = all.begin(); begin != all.end();) {  // the lines of an id stand together
    const auto end =
        std::find_if(begin, all.end(), [&](const Candidate& one) { return one.parts.id != begin->parts.id; });
    std::stable_sort(begin, end, [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
    for (; begin != end; ++begin) fmt::print("{} ||| {:.6g}\n", escaped(begin->line), begin->score);
  }
}

}  // namespace

NBestLine read_nbest(std::string_view line, const std::string& name, std::size_t number) {
  constexpr std::string_view bar = " ||| ";
  const auto first = line.find(bar);
  if (first == std::string_view::npos)
    throw BadData("score",
                  fmt::format("{}, line {} is {}, expected 'id ||| text'", name, number, quote(line)));
  const std::string_view rest = line.substr(first + bar.size());
  return {line.substr(0, first), rest.substr(0, rest.find(bar))};
}

std::vector<double> read_column(std::string_view text, const std::string& name) {
  std::vector<double> column;
  for_each_line(text, [&](std::string_view line, std::size_t number) {
    const auto add = [&](std::string_view one) {
      double value = 0;
      const auto [end, error] = std::from_chars(one.data(), one.data() + one.size(), value);
      if (error != std::errc{} || end != one.data() + one.size() || !(value <= 0))
        throw BadData("score", fmt::format("{}, line {} is {}, expected the log10 of a probability, or what "
                                           "`rnnlm score` writes",
                                           name, number, quote(one)));
      column.push_back(value);
    };
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    for (const char* closing :
         {"Perplexity including OOVs:\t", "Perplexity excluding OOVs:\t", "OOVs:\t", "Tokens:\t"})
      if (line.starts_with(closing)) return;
    // A line of `score`: "word=id n log10", a tab, and so on until "Total: ...".
    std::size_t tab = 0;
    for (; (tab = line.find('\t')) != std::string_view::npos; line.remove_prefix(tab + 1)) {
      const std::string_view word = line.substr(0, tab);
      add(word.substr(word.rfind(' ') + 1));
    }
    if (!line.starts_with("Total: ")) add(line);
  });
  return column;
}

void score(const ModelFile& file, const Model<double>& model, const std::string& text,
           const std::string& name, const Settings& settings) {
  // What is wrong with it, by the lines of the whole text, and before anything is printed.
  (void)split_file_text(name, text, file.settings.level, 1);
  Scorer scorer(file, model, settings);
  settings.nbest ? rank(text, quote_file(name), scorer) : score_words(text, file, scorer);
}

void score(const Settings& settings) {
  const ModelFile file(settings.files[0]);
  const std::string path = settings.files.size() > 1 ? settings.files[1] : "-";
  const std::string text = read_text(path, file.settings.level);
  score(file, Model<double>(file), text, path == "-" ? "standard input" : path, settings);
}

}  // namespace xgrad
