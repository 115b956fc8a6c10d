// The text of a run: token ids, the words behind them, and what the model's perplexity is to be compared
// with.
#pragma once

#include <optional>
#include <vector>

#include <xgrad/training/corpus.hpp>

#include "settings.hpp"

namespace xgrad {

/// What simpler models, or none better, reach on a text.
struct Baselines {
  double unigram, trigram;      ///< perplexity of word frequencies, and of a Kneser-Ney trigram model
  std::optional<double> floor;  ///< perplexity of the process that wrote the text, where it is known
};

/// The texts as ids. The built-in corpus has no test text, the reference protocol the training text alone.
struct Text {
  Corpus corpus;
  std::optional<Baselines> valid, test;
};

/// Reads the folder of the settings, or writes the built-in corpus.
/// Throws NoInput and BadData as read_corpus does.
Text load_text(const Settings& settings);

}  // namespace xgrad
