// The built-in corpus or the user's, and the baselines on its held-out parts; see text.hpp.
#include "text.hpp"

#include <xgrad/training/ngram.hpp>

#include "grammar.hpp"

namespace xgrad {

namespace {

using Tokens = std::vector<Vocabulary::Id>;

// As many training tokens as a minute allows; the held-out text comes from another seed.
constexpr std::size_t built_in_training_tokens = 1'000'000, built_in_heldout_tokens = 50'000;
constexpr std::uint32_t training_seed = 1, heldout_seed = 2;

Baselines baselines(const Corpus& corpus, const Tokens& heldout) {
  const std::size_t V = corpus.vocabulary.size();
  const KneserNey trigram(3, corpus.train, V, corpus.vocabulary.find(end_of_sentence));
  return {unigram_perplexity(corpus.train, heldout, V), trigram.perplexity(heldout), {}};
}

Text built_in(const Settings& settings) {
  const Grammar grammar;
  const std::string train = grammar.sample(training_seed, built_in_training_tokens);
  const std::string valid = grammar.sample(heldout_seed, built_in_heldout_tokens);
  Text text;
  text.corpus = make_corpus(train, settings.tokens);
  // However few tokens are trained on, the model knows all words of the language: so the floor is within its
  // reach.
  for (const std::string& word : grammar.words()) text.corpus.vocabulary.add(word);
  text.corpus.valid = number_words("held-out", valid, text.corpus);
  text.valid = baselines(text.corpus, text.corpus.valid);
  text.valid->floor = grammar.perplexity(valid);
  return text;
}

}  // namespace

Text load_text(const Settings& settings) {
  if (!settings.data) return built_in(settings);
  Text text;
  text.corpus =
      read_corpus(*settings.data, settings.reference ? Splits::train_only : Splits::all, settings.tokens);
  if (!settings.reference) {
    text.valid = baselines(text.corpus, text.corpus.valid);
    text.test = baselines(text.corpus, text.corpus.test);
  }
  return text;
}

}  // namespace xgrad
