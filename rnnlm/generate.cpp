// rnnlm generate: text of a model, token by token as it is drawn; see use.hpp.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/models/generate.hpp>

#include "files.hpp"
#include "model.hpp"
#include "text.hpp"
#include "use.hpp"

namespace xgrad {

namespace {

template <class T>
class Writer {
 public:
  Writer(const ModelFile& file, const Settings& settings)
      : file_(file), settings_(settings), model_(file), words_(file.settings.level == "word") {
    end_ = sentence_end(file.vocabulary, file.settings.level);
    // No text has it as a character.
    const auto other = file.vocabulary.find(unknown_word);
    if (!words_ && other) never_.push_back(*other);
  }

  // One text that begins with the prompt, which is shown, too.
  void write(const std::string& prompt, std::uint32_t seed) const {
    std::size_t unknown = 0;
    const auto views = split_text(prompt, file_.settings.level);
    std::vector<Vocabulary::Id> ids = numbered(views, file_.vocabulary, unknown);
    if (unknown > 0)
      fmt::print(stderr,
                 "rnnlm: {} of {} tokens of the prompt are not in the vocabulary and are read as {}: {}\n",
                 unknown, ids.size(), unknown_word, unknown_tokens(views));
    Generator<Network<T>> generator(model_.network, {.seed = seed,
                                                     .temperature = settings_.temperature,
                                                     .top_k = settings_.top_k,
                                                     .top_p = settings_.top_p,
                                                     .never = never_});
    generator.read({end_.value_or(0)});
    generator.read(ids);
    bool begins = true;  // of a line: no blank before the word
    for (const std::string_view view : views) show(view, begins);
    for (std::size_t i = 0; i < settings_.length; ++i) {
      const Vocabulary::Id id = next(generator);
      if (id == end_ && (settings_.sentence || i + 1 == settings_.length)) break;  // its newline comes below
      show(file_.vocabulary.word(id), begins);
      if (std::fflush(stdout) != 0) throw OutputError{"cannot write to standard output"};
    }
    fmt::print("\n");
  }

 private:
  // Finite weights may still give logits that are not.
  static Vocabulary::Id next(Generator<Network<T>>& generator) {
    try {
      return generator.next();
    } catch (const Error& error) {
      throw BadData("generate", error.what());
    }
  }

  // The first of them.
  std::string unknown_tokens(const std::vector<std::string_view>& tokens) const {
    std::string result;
    std::size_t count = 0;
    for (const std::string_view token : tokens) {
      if (file_.vocabulary.find(token)) continue;
      if (++count > 3) return result + " ...";
      result += (result.empty() ? "" : ", ") + quote(token);
    }
    return result;
  }

  void show(std::string_view token, bool& begins) const {
    if (words_ && token == end_of_sentence) {
      fmt::print("\n");
      begins = true;
      return;
    }
    // A terminal obeys control characters; bytes make characters only together.
    const bool raw =
        token == "\n" || token == "\t" || file_.settings.level == "byte" || isatty(STDOUT_FILENO) == 0;
    fmt::print("{}{}", words_ && !begins ? " " : "", raw ? std::string(token) : escaped(token));
    begins = false;
  }

  const ModelFile& file_;
  const Settings& settings_;
  Model<T> model_;
  bool words_;
  std::optional<Vocabulary::Id> end_;
  std::vector<Vocabulary::Id> never_;  // drawn
};

template <class T>
void generate_with(const ModelFile& file, const Settings& settings) {
  const Writer<T> writer(file, settings);
  const std::uint32_t seed = settings.train.seed;
  if (!settings.prompt && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {
    std::string line;
    for (std::uint32_t n = 0; fmt::print("> "), std::fflush(stdout), std::getline(std::cin, line);)
      for (std::size_t i = 0; i < settings.count; ++i) writer.write(line, seed + n++);
    fmt::print("\n");
    return;
  }
  std::string prompt = settings.prompt.value_or("");
  if (prompt == "-") {
    prompt.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    if (file.settings.level == "word" && prompt.ends_with('\n'))
      prompt.pop_back();  // the shell's, not the text's
  }
  for (std::uint32_t n = 0; n < settings.count; ++n) writer.write(prompt, seed + n);
}

}  // namespace

void generate(const Settings& settings) {
  const ModelFile file(settings.files[0]);
  file.is_double ? generate_with<double>(file, settings) : generate_with<float>(file, settings);
}

}  // namespace xgrad
