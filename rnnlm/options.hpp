// The one table of the program's commands and options. The command line, configuration files, the header that
// echoes the settings, the log, checkpoints, the pages of --help, the man page and the completion of the
// shell are all made from it, so that they cannot disagree. Start with `Option`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "settings.hpp"

namespace xgrad {

/// What an option does for a run.
enum class Role {
  number,  ///< it belongs to what determines the numbers of a training run
  other    ///< it does not
};

/// An option of one or several commands.
struct Option {
  std::string name;    ///< "batch-size", without the dashes
  std::string symbol;  ///< what stands for its value in the pages, "N"; empty for a switch
  std::string help;    ///< what it does, its unit
  std::string section;
  std::vector<Command> commands;  ///< that know it
  Role role = Role::other;
  std::vector<std::string> choices;  ///< the only values, if not empty

  /// Takes a value as text, of a switch "true" or "false". Throws Expected.
  std::function<void(Settings&, const std::string& text)> set;
  /// The value in force, in the form that `set` takes; empty where there is none.
  std::function<std::string(const Settings&)> get;

  bool is_switch() const { return symbol.empty(); }
  bool is_of(Command command) const;  ///< whether that command knows it
};

/// A value that an option cannot take; says which it can.
struct Expected {
  std::string text;  ///< "a whole number from 1 to 100"
};

/// A command, for its page.
struct CommandPage {
  Command command;
  std::string name;
  std::string arguments;            ///< what follows it that is not an option, "MODEL"
  std::size_t least = 0, most = 0;  ///< of these
  std::string summary;              ///< one line
  std::string text;                 ///< paragraphs
  std::vector<std::pair<std::string, std::string>> examples;  ///< command lines, and what they do
};

/// All options, section by section.
const std::vector<Option>& options();
/// The option of this name, or null.
const Option* find_option(std::string_view name);
/// All commands.
const std::vector<CommandPage>& commands();
/// That of one command.
const CommandPage& page_of(Command command);
/// The one of `known` that a misspelt name most likely means; empty if none is near.
std::string nearest(std::string_view name, const std::vector<std::string>& known);

/// The exit statuses and what they mean, for the pages.
const std::vector<std::pair<int, std::string>>& exit_statuses();

}  // namespace xgrad
