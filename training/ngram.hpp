// Counting baselines for language models: how well word frequencies alone, and the last two words alone,
// predict a text. A recurrent model has learned something only once it beats them.
//
// One data structure serves every order: the sorted array of the n-grams of the training ids, each packed
// into a 64-bit key, oldest word in the highest bits. The n-grams that share a context are then neighbours,
// so a context is counted by the same binary search as an n-gram. Read the two functions at the end first,
// `NGram` after.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xgrad {

/// An add-k model at its best: the smallest perplexity found on a text, and the k that gives it.
struct AddKFit {
  double perplexity;  ///< of the text
  double k;           ///< what is added to each count
};

/// Word counts with add-k smoothing, p(w | context) = (c(context w) + k) / (c(context) + k V), without
/// backing off.
///
/// A text is thought to follow `order - 1` virtual start marks, which the model never predicts. So every id
/// of a text is a target exactly once, the first one included, and the first words of a text have contexts of
/// their own.
class NGram {
 public:
  /// The largest vocabulary whose trigrams, start mark included, fit a key.
  static constexpr std::size_t max_vocabulary = (std::size_t{1} << 21) - 1;

  /// Counts the n-grams of `train`, token ids in [0, vocabulary), at least one; O(T log T) time and 8 T bytes
  /// for T ids. `order` is 1 (unigram), 2 or 3 (trigram); `vocabulary`, at most `max_vocabulary`, is V.
  /// Throws Error naming the argument, the offending value and what was expected.
  NGram(std::size_t order, std::span<const std::int64_t> train, std::size_t vocabulary);

  /// p(word | context). The last `order - 1` ids of `context` count; a shorter context begins a text.
  /// Throws Error for an id outside the vocabulary or a k that is not positive and finite.
  double probability(std::span<const std::int64_t> context, std::int64_t word, double k) const;

  /// exp of the mean over all ids of `text` of -log p(id | the ids before it).
  /// Throws Error as `probability` does, and for an empty text.
  double perplexity(std::span<const std::int64_t> text, double k) const;

  /// The k in [1e-4, 1] that suits `text` itself best: the best of four values per decade, evenly spaced in
  /// log k, refined by golden-section search between its neighbours. Chosen with knowledge of the evaluated
  /// text, it flatters the baseline; a k chosen on other text can only do worse.
  /// Throws Error for an empty text or an id outside the vocabulary.
  AddKFit best_fit(std::span<const std::int64_t> text) const;

 private:
  struct Counts;
  class Tally;

  Counts count(std::uint64_t key) const;
  std::uint64_t start_key() const;
  std::uint64_t next_key(std::uint64_t key, std::int64_t word) const;

  std::size_t order_;
  std::size_t vocabulary_;
  std::vector<std::uint64_t> keys_;  // sorted, repeats kept: a count is the length of a range
};

/// Perplexity of `heldout` under the word frequencies of `train`, smoothed by the most favourable k.
/// Throws Error for an empty text, an id outside [0, vocabulary) or an unfit vocabulary.
double unigram_perplexity(std::span<const std::int64_t> train, std::span<const std::int64_t> heldout,
                          std::size_t vocabulary);

/// The most favourable add-k trigram model of `train`, judged on `heldout`; errors as `unigram_perplexity`.
AddKFit best_trigram(std::span<const std::int64_t> train, std::span<const std::int64_t> heldout,
                     std::size_t vocabulary);

}  // namespace xgrad
