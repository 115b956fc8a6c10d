// The built-in corpus or the user's, and the baselines on its held-out parts; see text.hpp.
#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <numeric>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/random.hpp>
#include <xgrad/training/ngram.hpp>

#include "grammar.hpp"
#include "prepared.hpp"

namespace xgrad {

namespace {

using IdList = std::vector<Vocabulary::Id>;
using Views = std::vector<std::string_view>;

// As many training tokens as a minute allows; the held-out text comes from another seed.
constexpr std::size_t built_in_training_tokens = 1'000'000, built_in_heldout_tokens = 50'000;
constexpr std::uint32_t training_seed = 1, heldout_seed = 2;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF", newline = "\n";

// Throws BadData, with line and byte, at the first NUL and at what is not UTF-8.
void check_characters(std::string_view text) {
  std::size_t line = 1, begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = character_size(text.substr(i));
    if (size == 0 || text[i] == '\0')
      throw BadData("text",
                    fmt::format("line {}, byte {} is {}; --level byte takes any file", line, i - begin + 1,
                                size == 0 ? fmt::format("0x{:02X}, which is not UTF-8",
                                                        static_cast<unsigned char>(text[i]))
                                          : "NUL: this is not a text"));
    if (text[i] == '\n') ++line, begin = i + 1;
    i += size;
  }
}

// The words that stay, if not all do.
Vocabulary frequent(const Views& tokens, std::size_t most, std::size_t min_count) {
  Views words;  // in the order of their first appearance
  std::vector<std::uint64_t> counts;
  std::unordered_map<std::string_view, std::size_t> index;
  for (const std::string_view token : tokens) {
    const auto [at, is_new] = index.try_emplace(token, words.size());
    if (is_new) words.push_back(token), counts.push_back(0);
    ++counts[at->second];
  }
  Vocabulary vocabulary;
  for (const std::size_t i : frequent_words(counts, most, min_count)) vocabulary.add(words[i]);
  return vocabulary;
}

void at_least_two(const std::string& name, const Views& tokens, const std::string& advice = "") {
  if (tokens.size() < 2)
    throw BadData("text", fmt::format("{} has {} token{}, expected at least two", name, tokens.size(),
                                      tokens.size() == 1 ? "" : "s") +
                              advice);
}

HeldOut held_out(const std::string& name, const std::string& file, const Views& tokens, const Text& text,
                 const std::string& advice = "") {
  at_least_two(file, tokens, advice);
  HeldOut result;
  result.name = name;
  result.tokens = numbered(tokens, text.vocabulary, result.unknown);
  return result;
}

Text built_in(const TrainSettings& settings) {
  const Grammar grammar;
  const std::string train =
      grammar.sample(training_seed, std::min(settings.tokens, built_in_training_tokens));
  const std::string valid = grammar.sample(heldout_seed, built_in_heldout_tokens);
  Text text;
  const Views tokens = split_text(train, "word", settings.tokens);
  text.vocabulary = frequent(tokens, 0, 1);
  // However few tokens are trained on, the model knows all words of the language: so the floor is within its
  // reach.
  for (const std::string& word : grammar.words()) text.vocabulary.add(word);
  text.train = numbered(tokens, text.vocabulary, text.unknown);
  text.valid = held_out("valid", "the held-out text", split_text(valid, "word"), text);
  add_baselines(text, counts_of(text), "word");
  text.valid->baselines.floor = grammar.perplexity(valid);
  return text;
}

// The user's texts.
Text read_texts(const TrainSettings& settings) {
  const std::string& path = *settings.data;
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  const auto split = [&](const std::string& file, std::string_view text, std::size_t limit = no_limit) {
    return split_file_text(file, text, settings.level, limit);
  };

  Text text;
  const auto take_training = [&](const std::string& file, const Views& tokens) {
    at_least_two(file, tokens);
    text.vocabulary = frequent(tokens, settings.vocabulary, settings.min_count);
    // For the words that are left out, and those of other texts.
    if (!settings.reference || settings.vocabulary > 0 || settings.min_count > 1)
      text.vocabulary.add(unknown_word);
    text.train = numbered(tokens, text.vocabulary, text.unknown);
  };
  if (!is_folder) {
    const std::string whole = read_text(path, settings.level);
    (void)split(path, whole, 1);  // what is wrong with it, by the lines of the whole file
    const std::size_t at = settings.reference ? whole.size() : split_at(whole, settings.valid_split);
    const std::string_view view = whole;
    take_training("the training part of " + quote_file(path),
                  split(path, view.substr(0, at), settings.tokens));
    if (settings.reference) return text;
    text.valid = held_out("valid", "the held-out part of " + quote_file(path), split(path, view.substr(at)),
                          text, "; give a longer text or a larger --valid-split");
    add_baselines(text, counts_of(text), settings.level);
    return text;
  }
  const auto file_of = [&](const char* name) { return split_file(path, name).string(); };
  {
    const std::string file = file_of("train"), whole = read_text(file, settings.level);
    take_training(quote_file(file), split(file, whole, settings.tokens));
  }
  if (settings.reference) return text;
  for (const char* name : {"valid", "test"}) {
    const std::string file = file_of(name);
    if (name == std::string_view("test") &&
        !std::filesystem::exists(std::filesystem::symlink_status(file, ignored)))
      break;
    const std::string whole = read_text(file, settings.level);
    (name == std::string_view("valid") ? text.valid : text.test) =
        held_out(name, quote_file(file), split(file, whole), text);
  }
  add_baselines(text, counts_of(text), settings.level);
  return text;
}

// Numbers the tokens anew, the most frequent of the training text first, of equally frequent ones in the old
// order. Those that occur twice or less are shuffled, as such counts say little about other texts (Good
// 1953): a cluster of an adaptive softmax that has only tokens seen once would be twice as likely as it
// should be, one that has only tokens never seen would end with a probability near 0.
void sort_by_frequency(Text& text) {
  const std::vector<std::uint64_t> counts = counts_of(text);
  IdList order(counts.size()), rank(counts.size());
  std::iota(order.begin(), order.end(), Vocabulary::Id{0});
  std::stable_sort(order.begin(), order.end(), [&](Vocabulary::Id a, Vocabulary::Id b) {
    return counts[static_cast<std::size_t>(a)] > counts[static_cast<std::size_t>(b)];
  });
  const auto rare = std::find_if(order.begin(), order.end(), [&](Vocabulary::Id id) {
    return counts[static_cast<std::size_t>(id)] <= 2;
  });
  Random random(0);
  for (auto end = order.end(); end - rare > 1; --end)
    std::iter_swap(end - 1, rare + static_cast<std::ptrdiff_t>(random.uniform() * double(end - rare)));
  Vocabulary sorted;
  for (const auto id : order) rank[static_cast<std::size_t>(id)] = sorted.add(text.vocabulary.word(id));
  text.train = text.train.renumbered(rank);
  for (auto* heldout : {&text.valid, &text.test})
    if (*heldout) (*heldout)->tokens = (*heldout)->tokens.renumbered(rank);
  text.vocabulary = std::move(sorted);
}

// @{ A byte as the character of that number, and back.
std::string byte_to_text(const std::string& token) {
  const auto byte = static_cast<unsigned char>(token[0]);
  if (byte < 0x80) return token;
  return {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
}
std::string text_to_byte(const std::string& text) {
  if (text.size() != 2) return text;
  return {static_cast<char>((static_cast<unsigned char>(text[0]) & 0x03) << 6 |
                            (static_cast<unsigned char>(text[1]) & 0x3F))};
}
// @}

}  // namespace

Views split_text(std::string_view text, const std::string& level, std::size_t limit) {
  Views tokens;
  if (level == "byte") {
    for (std::size_t i = 0; i < std::min(limit, text.size()); ++i) tokens.push_back(text.substr(i, 1));
    return tokens;
  }
  check_characters(text);
  if (level == "word") return split_words(text, limit);
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  while (!text.empty() && tokens.size() < limit) {
    if (text.starts_with("\r")) {
      tokens.push_back(newline);
      text.remove_prefix(text.starts_with("\r\n") ? 2 : 1);
      continue;
    }
    tokens.push_back(text.substr(0, character_size(text)));
    text.remove_prefix(tokens.back().size());
  }
  return tokens;
}

Views split_file_text(const std::string& path, std::string_view text, const std::string& level,
                      std::size_t limit) {
  try {
    return split_text(text, level, limit);
  } catch (const BadData& error) {
    constexpr std::string_view tag = "[text] ";
    throw BadData("text", quote_file(path) + ", " + std::string(error.what()).substr(tag.size()));
  }
}

std::string read_text(const std::string& path, const std::string& level) {
  std::string text;
  if (path == "-")
    text.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  else
    text = read_file(path);
  check_kind(path, text, level);
  return text;
}

void check_kind(const std::string& path, std::string_view text, const std::string& level) {
  if (level == "byte") return;
  const auto refuse = [&](const char* what) {
    throw BadData("text", fmt::format("{} is {}; --level byte takes any file", quote_file(path), what));
  };
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    refuse("in UTF-16, expected UTF-8 (iconv -f UTF-16 -t UTF-8 converts it)");
  if (text.starts_with("\x1F\x8B")) refuse("compressed by gzip (gunzip unpacks it)");
  if (text.starts_with("\xFD\x37zXZ")) refuse("compressed by xz (unxz unpacks it)");
  if (text.starts_with("PK\x03\x04")) refuse("a zip archive (unzip unpacks it)");
}

std::size_t split_at(std::string_view text, double fraction) {
  const auto at = static_cast<std::size_t>(static_cast<double>(text.size()) * (1 - fraction));
  const std::size_t line = text.rfind('\n', at);
  if (line != std::string_view::npos && line > text.size() / 2) return line + 1;
  std::size_t i = at;  // not within a character
  while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
  return i;
}

std::vector<std::size_t> frequent_words(const std::vector<std::uint64_t>& counts, std::size_t most,
                                        std::size_t min_count) {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] >= min_count) kept.push_back(i);
  if (most == 0 || kept.size() <= most) return kept;
  std::stable_sort(kept.begin(), kept.end(),
                   [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  kept.resize(most);
  std::sort(kept.begin(), kept.end());
  return kept;
}

std::vector<std::uint64_t> counts_of(const Text& text) {
  std::vector<std::uint64_t> counts(text.vocabulary.size(), 0);
  for (std::size_t i = 0; i < text.train.size(); ++i) ++counts[static_cast<std::size_t>(text.train[i])];
  return counts;
}

void add_baselines(Text& text, const std::vector<std::uint64_t>& counts, const std::string& level) {
  // Counting words takes no memory for each token. Longer contexts do: a hundred bytes.
  constexpr std::size_t longest = 20'000'000;
  const auto unigram = KneserNey::of_counts(counts);
  std::vector<double> losses;
  for (std::size_t id = 0; id < counts.size(); ++id)
    losses.push_back(-std::log(unigram.probability({}, static_cast<Vocabulary::Id>(id))));
  bool is_long = text.train.size() > longest;
  for (auto* heldout : {&text.valid, &text.test}) {
    if (!*heldout) continue;
    const TokenSequence& tokens = (*heldout)->tokens;
    is_long = is_long || tokens.size() > longest;
    double total = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) total += losses[static_cast<std::size_t>(tokens[i])];
    (*heldout)->baselines.unigram = std::exp(total / static_cast<double>(tokens.size()));
  }
  if (is_long) return;
  const auto boundary = level == "word" ? text.vocabulary.find(end_of_sentence) : std::nullopt;
  const IdList train = text.train.copy();
  const auto reach = [&](std::size_t order, auto member) {
    const KneserNey model(order, train, text.vocabulary.size(), boundary);
    for (auto* heldout : {&text.valid, &text.test})
      if (*heldout) (*heldout)->baselines.*member = model.perplexity((*heldout)->tokens.copy());
  };
  reach(3, &Baselines::three);
  reach(5, &Baselines::five);
}

IdList numbered(const Views& tokens, const Vocabulary& vocabulary, std::size_t& unknown) {
  const auto other = vocabulary.find(unknown_word);
  IdList ids;
  ids.reserve(tokens.size());
  for (const std::string_view token : tokens) {
    const auto id = vocabulary.find(token);
    if (!id && !other)
      throw BadData("text", fmt::format("the model's vocabulary of {} has neither {} nor {}",
                                        vocabulary.size(), quote(token), unknown_word));
    unknown += id ? 0 : 1;
    ids.push_back(id ? *id : *other);
  }
  return ids;
}

std::string vocabulary_text(const Vocabulary& vocabulary, const std::string& level) {
  nlohmann::json tokens = nlohmann::json::array();
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    const std::string& token = vocabulary.word(static_cast<Vocabulary::Id>(id));
    tokens.push_back(level == "byte" && token.size() == 1 ? byte_to_text(token) : token);
  }
  return tokens.dump();
}

Vocabulary vocabulary_from(const std::string& text, const std::string& level) {
  Vocabulary vocabulary;
  for (const auto& token : nlohmann::json::parse(text)) {
    const auto word = token.get<std::string>();
    vocabulary.add(level == "byte" ? text_to_byte(word) : word);
  }
  return vocabulary;
}

std::optional<Vocabulary::Id> sentence_end(const Vocabulary& vocabulary, const std::string& level) {
  return vocabulary.find(level == "word" ? end_of_sentence : newline);
}

std::uint64_t Text::fingerprint() const {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a, over 64 bits at a time
  const auto mix = [&](std::uint64_t value) { hash = (hash ^ value) * 0x100000001B3; };
  const auto mix_all = [&](const TokenSequence& tokens) {
    mix(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) mix(static_cast<std::uint64_t>(tokens[i]));
  };
  mix_all(train);
  if (valid) mix_all(valid->tokens);
  if (test) mix_all(test->tokens);
  for (std::size_t i = 0; i < vocabulary.size(); ++i) {
    for (const char c : vocabulary.word(static_cast<Vocabulary::Id>(i))) mix(static_cast<unsigned char>(c));
    mix(256);
  }
  return hash;
}

Text load_text(const TrainSettings& settings) {
  Text text = !settings.data                ? built_in(settings)
              : is_prepared(*settings.data) ? PreparedFile(*settings.data).text(settings)
                                            : read_texts(settings);
  if (settings.output != "full") sort_by_frequency(text);
  return text;
}

}  // namespace xgrad
