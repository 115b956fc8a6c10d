// The texts of a run: read, checked, cut into tokens and numbered; and what the model's perplexity is to be
// compared with. Start with load_text().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <xgrad/training/corpus.hpp>
#include <xgrad/training/tokens.hpp>

#include "settings.hpp"

namespace xgrad {

/// The tokens of `text` at a level, as views into it or of static storage: words and `<eos>` for each end of
/// a line (split_words), characters of UTF-8 (CR and LF as one newline), or bytes.
/// Throws BadData, with line and column, for NUL and for what is not UTF-8, unless the level is byte.
std::vector<std::string_view> split_text(std::string_view text, const std::string& level,
                                         std::size_t limit = no_limit);

/// The same of the text of a file, which errors name.
std::vector<std::string_view> split_file_text(const std::string& path, std::string_view text,
                                              const std::string& level, std::size_t limit = no_limit);

/// Reads a text file, or standard input where the path is "-", and says what else it is, if it is no text:
/// UTF-16, compressed. Throws NoInput, and BadData naming the file.
std::string read_text(const std::string& path, const std::string& level);
/// Throws BadData for such a text.
void check_kind(const std::string& path, std::string_view text, const std::string& level);

/// Where the held-out part of one text, a fraction of it, begins: after an end of a line, if there is one
/// near.
std::size_t split_at(std::string_view text, double fraction);

/// Of words in the order of their first appearance, with how often they occur, those that stay: with
/// `min_count` at least, the `most` most frequent ones, 0 being all; of equally frequent ones those that come
/// first.     result: positions, ascending
std::vector<std::size_t> frequent_words(const std::vector<std::uint64_t>& counts, std::size_t most,
                                        std::size_t min_count);

/// The ids of tokens; those that the vocabulary lacks are `<unk>`, and counted in `unknown`.
/// Throws BadData, naming the token, if the vocabulary has no `<unk>` either.
std::vector<Vocabulary::Id> numbered(const std::vector<std::string_view>& tokens,
                                     const Vocabulary& vocabulary, std::size_t& unknown);

/// @{ A vocabulary as a list in JSON, in the order of the ids, and back. Bytes that are not UTF-8, which
/// tokens of --level byte may be, are written as their code points. Throws nlohmann::json::exception for what
/// is no such list.
std::string vocabulary_text(const Vocabulary& vocabulary, const std::string& level);
Vocabulary vocabulary_from(const std::string& text, const std::string& level);
/// @}

/// The id that ends a sentence, or a line: that of `<eos>`, or of the newline; none if there is none.
std::optional<Vocabulary::Id> sentence_end(const Vocabulary& vocabulary, const std::string& level);

/// What simpler models, or none better, reach on a text: perplexities.
struct Baselines {
  double unigram = 0;                 ///< of word frequencies
  std::optional<double> three, five;  ///< of Kneser-Ney models of these orders, if the text is not too long
  std::optional<double> floor;        ///< of the process that wrote the text, where it is known
};

/// A held-out text as ids.
struct HeldOut {
  std::string name;  ///< "valid" or "test"
  TokenSequence tokens;
  std::size_t unknown = 0;  ///< tokens that the vocabulary lacks
  Baselines baselines;
};

/// The texts as ids. The built-in corpus and a single file have no test text, the reference protocol the
/// training text alone.
struct Text {
  Vocabulary vocabulary;
  TokenSequence train;
  std::size_t unknown = 0;  ///< tokens of the training text that the vocabulary leaves out
  std::optional<HeldOut> valid, test;

  /// A number that differs, with near certainty, between different texts or vocabularies.
  std::uint64_t fingerprint() const;
};

/// How often the training text has each token, by id.
std::vector<std::uint64_t> counts_of(const Text& text);

/// What counting models of the training text reach on the held-out ones. `counts` are those of its tokens, by
/// id.
void add_baselines(Text& text, const std::vector<std::uint64_t>& counts, const std::string& level);

/// Reads the texts of the settings, or what `prepare` has made of them, or writes the built-in corpus. Throws
/// NoInput, BadData.
Text load_text(const TrainSettings& settings);

}  // namespace xgrad
