// The run itself: build the model, train it, report, let it write.
#pragma once

#include "settings.hpp"
#include "text.hpp"

namespace xgrad {

/// The loss or a gradient stopped being a finite number, and which number was the first; or the perplexity is
/// beyond the largest one.
struct Diverged {
  std::string message;
};

/// Trains on `text` in the scalar of the settings and prints the whole report. Throws OutputError if the log
/// cannot be written, BadData if the text is too short for the windows, Diverged if the rate was too high.
void run(const Settings& settings, const Text& text);

}  // namespace xgrad
