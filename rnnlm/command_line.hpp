// From the words of a command line, and configuration files, to Settings. Start with parse().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "settings.hpp"

namespace xgrad {

/// A command line or a configuration that makes no sense; its text says what, where, and what is expected.
struct UsageError {
  std::string message;
};

/// Reads the arguments, without the program's name. Nothing is returned if they asked for a page (--help,
/// --version, --man-page, --bash-completion), which has been printed then.
/// Throws UsageError, and NoInput for a configuration file that cannot be read.
std::optional<Settings> parse(const std::vector<std::string>& arguments);

/// Reads a configuration: lines 'name = value', the names those of train's options; '#' begins a comment.
/// `file` is how errors call it. Throws UsageError, naming file and line.
void read_config(std::string_view text, const std::string& file, Settings& settings);

/// Gives what was not said its default, which depends on what was, and checks what must fit together.
/// Throws UsageError.
void complete(Settings& settings);

/// The numbers' options that are in force, in the form of a configuration.
std::vector<std::pair<std::string, std::string>> in_force(const Settings& settings);

}  // namespace xgrad
