// The commands besides train. eval, score, generate and info take what they need from the model's file alone.
#pragma once

#include "settings.hpp"

namespace xgrad {

/// Prints the perplexity of a text: an exact sum over all of its tokens, in double, read as one stream.
/// Throws NoInput and BadData for the model and the text.
void eval(const Settings& settings);

/// Prints the log probability of every word, or ranks lists of candidates. Throws NoInput and BadData for the
/// model and the texts.
void score(const Settings& settings);

/// Lets a model write. Throws NoInput and BadData for the model and the prompt.
void generate(const Settings& settings);

/// Writes texts as the ids of their tokens, for training and evaluation to read from the disk. Throws NoInput
/// and BadData for the texts, FileExists and OutputError for what is written.
void prepare(const Settings& settings);

/// Prints what a model file, or a prepared text, holds. Throws NoInput and BadData for it.
void info(const Settings& settings);

/// Draws the curves of training logs, in the terminal or as SVG. Throws NoInput and BadData for the logs,
/// FileExists and OutputError for the picture.
void plot(const Settings& settings);

}  // namespace xgrad
