// Kneser-Ney language models: what counting the last few words, done as well as it can be, says of a text. A
// recurrent model has learned something only once it beats them.
//
// One data structure holds everything: a trie in which every n-gram of the training text is the child, by its
// last word, of the n-gram before it, its context. Read `KneserNey::step` in ngram.cpp first, which walks it.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace xgrad {

/// Interpolated modified Kneser-Ney smoothing (Chen & Goodman, "An empirical study of smoothing techniques
/// for language modeling", 1999) of n-grams up to an order N.
///
/// With h a context of n - 1 words, h' the same without its first word, and a(.) the count of an n-gram,
///
///     p(w | h) = [a(h w) - D(a(h w))] / a(h) + g(h) p(w | h'),    a(h) = sum over v of a(h v),
///     g(h) = [sum over v of D(a(h v))] / a(h)
///
/// for n = N down to 1, and 1 / V after the empty context; where a(h) = 0, p(w | h) = p(w | h'). So each of
/// the V words has a probability above 0 after each context, and they sum to one.
///
/// Counts. An n-gram of order N counts how often it occurs. A shorter one counts how many different words
/// it follows, once more if the text begins with it. With a `boundary`, the id of the end of a sentence,
/// contexts do not reach over it, as in SRILM and KenLM: each sentence begins with the boundary as its start
/// mark, which is a word of contexts and is not predicted there, and it ends with the boundary as a word
/// that is predicted. N-grams that begin with the start mark follow nothing, and count how often they occur,
/// whatever their order.
///
/// Discounts. D(0) = 0; D(1), D(2) and D(3), which is for all counts from 3 on, are estimated for each order
/// from n_k, the number of its n-grams with a(.) = k: D(k) = k - (k + 1) Y n_(k+1) / n_k, with
/// Y = n_1 / (n_1 + 2 n_2). In texts that are small or have few words one of them may be undefined, as n_k
/// is 0, or not above 0: then all three are Y, as in plain Kneser-Ney smoothing, and if n_1 or n_2 is 0, so
/// that Y is not between 0 and 1, they are 0.5, 1 and 1.5.
class KneserNey {
 public:
  /// The highest order.
  static constexpr std::size_t max_order = 9;

  /// Counts the n-grams of `train`, ids in [0, vocabulary), at least one; N = `order` is 1 ... max_order, and
  /// V = `vocabulary` is of any size. Without a boundary the text is one stream, as characters are.
  /// Takes O(N T) time for T ids, and for each different n-gram up to 48 bytes, 80 while it is built.
  /// Throws Error naming the argument, the offending value and what was expected.
  KneserNey(std::size_t order, std::span<const std::int64_t> train, std::size_t vocabulary,
            std::optional<std::int64_t> boundary = std::nullopt);

  /// The model of order 1 of a text in which id i occurs counts[i] times, however long it is. Throws Error if
  /// there are no counts, or all are 0.
  static KneserNey of_counts(std::span<const std::uint64_t> counts);

  /// p(word | context). Of `context` no more than the last N - 1 ids count, and those before the last
  /// boundary do not. Nothing is known of what came before a shorter context: the empty one has p(word), and
  /// a sentence begins after the boundary.
  /// Throws Error for an id outside the vocabulary.
  double probability(std::span<const std::int64_t> context, std::int64_t word) const;

  /// log p(id | the ids before it), in nats, of each id of `text`. With a boundary, the first id begins a
  /// sentence, otherwise its context is empty.
  /// Throws Error for an id outside the vocabulary.
  std::vector<double> log_probabilities(std::span<const std::int64_t> text) const;

  /// exp of the mean over all ids of `text` of -log p(id | the ids before it), as log_probabilities has them.
  /// Throws Error as it does, and for an empty text.
  double perplexity(std::span<const std::int64_t> text) const;

 private:
  using Index = std::uint32_t;  // of an n-gram

  struct Ngram {
    std::int64_t word;  // its last one
    Index context;      // the n-gram of the words before
    std::uint32_t order;
    double share;   // [a - D(a)] / a(context); while the text is being counted, a
    double weight;  // g, what the next lower order is weighted with after this n-gram as a context
  };

  // The n-grams that the last 0, 1, 2, ... words are, as far as the trie has them.
  using State = std::array<Index, max_order + 1>;

  explicit KneserNey(std::size_t vocabulary) : order_(1), vocabulary_(vocabulary) {}
  static State no_context();
  State start() const;
  double step(State& state, std::int64_t word) const;
  Index find(Index context, std::int64_t word) const;
  Index insert(Index context, std::int64_t word);
  void count(std::span<const std::int64_t> train);
  void smooth();

  std::size_t order_;
  std::size_t vocabulary_;
  std::optional<std::int64_t> boundary_;
  std::vector<Ngram> ngrams_;  // the empty one first; contexts before what follows them
  std::vector<Index> table_;   // a hash table of all others by context and word
};

/// Perplexity of `heldout` under the word frequencies of `train`, a model of order 1. Errors as KneserNey's.
inline double unigram_perplexity(std::span<const std::int64_t> train, std::span<const std::int64_t> heldout,
                                 std::size_t vocabulary) {
  return KneserNey(1, train, vocabulary).perplexity(heldout);
}

}  // namespace xgrad
