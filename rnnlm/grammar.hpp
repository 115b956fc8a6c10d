// The built-in corpus: English-like sentences from a probabilistic grammar of our own, and the exact entropy
// of it.
//
// The grammar is compiled into a deterministic weighted automaton: a state is what is still to be said, an
// edge carries one word, its probability and the state after it. No state has two edges with the same word,
// so a prefix determines its state, and with it the exact probability of every next word. The perplexity of a
// text under these probabilities is the floor: no language model can expect to do better. Start reading at
// `Grammar`; the sentences themselves are described in sentences.cpp.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <xgrad/training/corpus.hpp>

namespace xgrad {

/// An unambiguous probabilistic grammar: it writes texts, and knows the probability of every word of a text.
///
/// A text is a sequence of lines, one sentence each; words are separated by blanks. The newline is the word
/// `end_of_sentence`, and may be spelled so. Sentences are independent of each other. Immutable once built.
class Grammar {
 public:
  /// What stands for the newline, in word lists and distributions.
  static constexpr std::string_view end_of_sentence = xgrad::end_of_sentence;

  /// A word that may come next. The view lives as long as the grammar.
  struct Choice {
    std::string_view word;
    double probability;
  };

  /// The built-in corpus: sentences of kitchen, sea, garden and theatre.
  Grammar();

  /// A grammar from rules, in the notation explained in sentences.cpp.
  /// Throws Error if a rule is malformed, a symbol has no rule, a recursion has no end, or a
  ///         prefix can continue with the same word in two ways.
  explicit Grammar(std::string_view rules);

  /// The vocabulary, sorted, `end_of_sentence` included.
  const std::vector<std::string>& words() const { return words_; }

  /// At least `tokens` words (`end_of_sentence` counts) of whole sentences, each ended by a newline. The same
  /// seed gives the same text on every platform.
  std::string sample(std::uint32_t seed, std::size_t tokens) const;

  /// The floor: exp of the mean of -log p(word | the words before it) over all words of `text`, ends of
  /// sentences included. A last line without newline counts as ended.
  /// Throws Error for an empty text; naming line and word for one it cannot produce.
  double perplexity(std::string_view text) const;

  /// What may follow `prefix`, with probabilities that sum to one, in the order of the rules.
  /// `prefix` may break off after any word; only its last line matters to the result.
  /// Throws Error with line and word if the grammar cannot produce `prefix`.
  std::vector<Choice> next_words(std::string_view prefix) const;

 private:
  struct Edge {
    std::string word;
    double probability;
    std::size_t target;  // index into states_
  };
  using State = std::vector<Edge>;
  class Compiler;

  // Follows `text` from state to state, shows each edge to `visit`, and returns the index of the last state.
  template <class Visit>
  std::size_t walk(std::string_view text, Visit visit) const;

  std::vector<State> states_;  // the first begins a sentence
  std::vector<std::string> words_;
};

/// The rules of the built-in corpus.
extern const std::string_view built_in_sentences;

}  // namespace xgrad
