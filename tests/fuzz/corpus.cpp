// Texts: cut into tokens at the three levels, numbered, and read by load_text() as a file of the user's. The
// first byte of an input chooses what load_text() is asked for, the rest is the text.
#include <algorithm>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

#include "fuzz.hpp"
#include "text.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

using Views = std::vector<std::string_view>;

std::string joined(const Views& tokens) {
  std::string text;
  for (const auto token : tokens) text += token;
  return text;
}

// Without a byte order mark, and with LF for each end of a line.
std::string plain(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    result += text[i] == '\r' ? '\n' : text[i];
  }
  return result;
}

bool within(std::string_view part, std::string_view whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void check_words(const Views& words, std::string_view text) {
  std::string letters, lines;
  for (const char c : plain(text)) {
    if (c == '\n') lines += c;
    if (c != ' ' && !(c >= '\t' && c <= '\r')) letters += c;
  }
  std::string found;
  std::size_t ends = 0;
  for (const auto word : words) {
    require(!word.empty() && word.find_first_of(" \t\n\v\f\r") == std::string_view::npos,
            "a word is not empty and has no blanks");
    if (within(word, text))
      found += word;
    else
      require(word == end_of_sentence, "a word is a part of the text or an end of a line"), ++ends;
  }
  require(found == letters && ends == lines.size(), "words leave out nothing but blanks");
}

void check_ids(const TokenSequence& ids, const Vocabulary& vocabulary) {
  for (std::size_t i = 0; i < ids.size(); ++i)
    require(ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < vocabulary.size(),
            "an id is in the vocabulary");
}

void check_numbers(const Views& tokens) {
  Vocabulary all, half;
  for (const auto token : tokens) all.add(token);
  for (std::size_t i = 0; i < all.size(); i += 2) half.add(all.word(static_cast<Vocabulary::Id>(i)));
  std::size_t unknown = 0;
  const auto ids = numbered(tokens, all, unknown);
  require(unknown == 0 && ids.size() == tokens.size(), "a vocabulary of all tokens knows them");
  for (std::size_t i = 0; i < ids.size(); ++i)
    require(all.word(ids[i]) == tokens[i], "an id is that of its token");
  half.add(unknown_word);
  check_ids(numbered(tokens, half, unknown), half);
}

void check_level(const std::string& level, std::string_view text) {
  try {
    const Views tokens = split_text(text, level);
    if (level == "byte") require(joined(tokens) == text, "bytes are the whole text");
    if (level == "char") {
      require(joined(tokens) == plain(text), "characters are the whole text");
      for (const auto token : tokens)
        require(character_size(token) == token.size(), "a character is one of UTF-8");
    }
    if (level == "word") check_words(tokens, text);
    for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, tokens.size() / 2})
      require(split_text(text, level, limit) ==
                  Views(tokens.begin(),
                        tokens.begin() + static_cast<std::ptrdiff_t>(std::min(limit, tokens.size()))),
              "a limit keeps the first tokens");
    check_numbers(tokens);
  } catch (const BadData&) {
    require(level != "byte", "every text is one of bytes");
  }
}

void check_corpus(std::string_view text) {
  try {
    check_words(split_words(text), text);
    const std::size_t third = text.size() / 3;
    Corpus corpus = make_corpus(text.substr(0, third), text.substr(third, third), text.substr(2 * third));
    check_ids(corpus.train, corpus.vocabulary);
    check_ids(corpus.valid, corpus.vocabulary);
    check_ids(corpus.test, corpus.vocabulary);
    check_ids(number_words("fourth", text, corpus), corpus.vocabulary);
  } catch (const BadData&) {
  }
}

void check_file(unsigned char choice, std::string_view text) {
  const fuzz::MemoryFile file(text);
  TrainSettings settings;
  settings.data = file.path();
  settings.level = choice % 4 == 0 ? "char" : choice % 4 == 1 ? "byte" : "word";
  settings.reference = choice % 32 == 31;
  if (choice & 4U) settings.vocabulary = 1 + choice / 32;
  if (choice & 8U) settings.min_count = 2;
  if (choice & 16U) settings.tokens = 2 + choice / 32;
  settings.valid_split = 0.3;
  try {
    const Text all = load_text(settings);
    check_ids(all.train, all.vocabulary);
    if (all.valid) {
      check_ids(all.valid->tokens, all.vocabulary);
      require(all.valid->baselines.unigram >= 1, "no text is surer than sure");
    }
    (void)all.fingerprint();
  } catch (const BadData&) {
  }
}

void run(std::string_view input) {
  if (input.empty()) return;
  const std::string_view text = input.substr(1);
  for (const char* level : {"word", "char", "byte"}) check_level(level, text);
  check_corpus(text);
  check_file(static_cast<unsigned char>(input[0]), text);
}

const fuzz::Target target("corpus", run);

}  // namespace
