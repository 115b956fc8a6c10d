// rnnlm eval; see use.hpp.
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/training/windows.hpp>

#include "memory.hpp"
#include "model.hpp"
#include "prepared.hpp"
#include "text.hpp"
#include "use.hpp"

namespace xgrad {

namespace {

// What is measured.
struct Measured {
  std::string name;      // of the file, quoted
  TokenSequence tokens;  // by the model's ids
  std::size_t unknown = 0;
  std::size_t characters = 0;  // 0: not known
};

Measured read(const std::string& data, const ModelFile& file) {
  const std::string& level = file.settings.level;
  std::error_code ignored;
  const std::string path =
      std::filesystem::is_directory(data, ignored) ? split_file(data, "test").string() : data;
  Measured result{quote_file(path), {}};
  if (is_prepared(path)) {
    const PreparedFile prepared(path);
    if (prepared.level != level)
      throw BadData("text", fmt::format("{} is prepared at --level {}, but the model is of --level {}",
                                        result.name, prepared.level, level));
    // A word that only one of the two vocabularies has is unknown.
    std::vector<std::string_view> words;
    for (std::size_t id = 0; id < prepared.vocabulary.size(); ++id)
      words.push_back(prepared.vocabulary.word(static_cast<Vocabulary::Id>(id)));
    std::size_t other_words = 0;
    const std::vector<Vocabulary::Id> ids = numbered(words, file.vocabulary, other_words);
    const auto test = prepared.tokens("test"), valid = prepared.tokens("valid");
    const TokenSequence tokens = test ? *test : valid ? *valid : *prepared.tokens("train");
    result.name += test ? ", test text" : valid ? ", held-out text" : ", training text";
    result.unknown = prepared.unknown[test ? 2 : valid ? 1 : 0];
    std::vector<bool> is_other(words.size());
    for (std::size_t id = 0; id < words.size(); ++id) is_other[id] = !file.vocabulary.find(words[id]);
    if (other_words > 0)
      for (std::size_t i = 0; i < tokens.size(); ++i)
        result.unknown += is_other[static_cast<std::size_t>(tokens[i])] ? 1 : 0;
    result.tokens = tokens.renumbered(ids);
    return result;
  }
  const std::string text = read_text(path, level);
  const auto tokens = split_file_text(path, text, level);
  if (tokens.empty()) throw BadData("text", result.name + " is empty");
  result.tokens = numbered(tokens, file.vocabulary, result.unknown);
  for (const char c : text) result.characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return result;
}

}  // namespace

void eval(const Settings& settings) {
  const ModelFile file(settings.files[0]);
  const std::string& level = file.settings.level;
  const Measured text = read(*settings.train.data, file);
  const auto before = sentence_end(file.vocabulary, level).value_or(text.tokens[0]);
  const StreamWindows windows(text.tokens.after(before), 1, settings.eval_window);

  const Model<double> model(file);
  const TokenLosses losses =
      with_memory_for("a window", "lower --window", [&] { return evaluate(model.network, windows); });
  const double bits = losses.total / std::log(2);
  const auto count = static_cast<double>(losses.count);
  fmt::print("{}: {} tokens, {} of them unknown\n", text.name, losses.count, text.unknown);
  fmt::print("loss {:.10f} nats, {:.6f} bits a token\n", losses.total / count, bits / count);
  // An unknown word is only said to be unknown, so that its letters cost nothing.
  if (level == "word" && text.unknown == 0 && text.characters > 0)
    fmt::print("{:.6f} bits a character\n", bits / static_cast<double>(text.characters));
  fmt::print("perplexity {:.10g}\n", std::exp(losses.total / count));
}

}  // namespace xgrad
