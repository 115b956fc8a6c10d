// The training run: build the model, train it, report, keep it, let it write.
#pragma once

#include <string>

#include "ranks.hpp"
#include "settings.hpp"

namespace xgrad {

/// The loss or a gradient stopped being a finite number, and which number was the first; or the model is
/// worse than guessing.
struct Diverged {
  std::string message;
};

/// Trains as the settings say and prints the whole report. Throws NoInput and BadData for texts, OutputError
/// for files that cannot be written, FileExists for one that would be replaced, Diverged if the rate was too
/// high, OutOfMemory, and Stopped when a signal has ended it and the work is saved. Where several processes
/// train together all of them call it, and only the first one writes files.
void train(const Settings& settings, Ranks& ranks);

}  // namespace xgrad
