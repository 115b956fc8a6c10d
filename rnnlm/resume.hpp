// The settings of a run in its checkpoint: a run that goes on keeps them. The rest of a checkpoint stands in
// train.cpp.
#pragma once

#include <string>

#include "settings.hpp"

namespace xgrad {

/// All options in force of a training run, as a JSON object of texts. Throws UsageError for a file's name
/// that is not UTF-8.
std::string resumable_settings(const Settings& settings);

/// Takes over, from the checkpoint that the settings go on from, every option that was not given. Throws
/// UsageError, naming it, if one that was given differs where it would change the numbers of the run; the
/// number of epochs may, and the name of the text. Throws NoInput and BadData for the file.
void take_resumed_settings(Settings& settings);

}  // namespace xgrad
