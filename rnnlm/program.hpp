// The whole program but for what its processes are: a command is chosen, and every error becomes a
// sentence and an exit status, of those of sysexits.h.
#pragma once

#include <string>

#include "ranks.hpp"

namespace xgrad {

/// How a run ended.
struct Outcome {
  int status;           ///< of the process
  std::string message;  ///< what went wrong; empty if nothing did, or if it has been said
};

/// Runs the command line in this process, which may be one of several.
Outcome program(int argc, char** argv, Ranks& ranks);

}  // namespace xgrad
