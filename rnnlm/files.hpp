// The files that a run writes: they never take the place of an input, nor, unless that is asked for, of
// anything else.
#pragma once

#include <string>
#include <vector>

#include "settings.hpp"

namespace xgrad {

/// A file, or standard output, that cannot be written.
struct OutputError {
  std::string message;
};

/// There is a file of that name, and nobody has said that it may be replaced.
struct FileExists {
  std::string message;
};

/// The files that the settings have the program read.
std::vector<std::string> input_files(const Settings& settings);

/// Throws unless a regular file of this name can be made, or replaced: FileExists if there is one and
/// `replace` is false, or if it is one of `others` in any case; OutputError if it is no regular file, or its
/// folder is missing or cannot be written. `option` is what errors call it, "--save". Nothing is written.
void check_output(const std::string& option, const std::string& path, bool replace,
                  const std::vector<std::string>& others);

}  // namespace xgrad
