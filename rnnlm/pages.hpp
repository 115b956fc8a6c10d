// The pages that describe the program, made from the tables of options.hpp: --help, the man page, and the
// completion for bash.
#pragma once

#include <string>

#include "settings.hpp"

namespace xgrad {

/// The overview: all commands, and the options of train. At most 100 columns.
std::string help_page();
/// The page of one command. At most 100 columns.
std::string help_page(Command command);
/// The man page rnnlm(1), in the macros of man(7).
std::string man_page();
/// A script that bash reads to complete command lines of rnnlm.
std::string bash_completion();

}  // namespace xgrad
