// rnnlm --ranks N: starts the processes that train together by mpirun, hands on what stops them, says how
// they ended, and starts them again if one was lost.
#pragma once

#include <string>
#include <vector>

#include "settings.hpp"

namespace xgrad {

/// Runs the command line in settings.ranks processes. A signal to stop is handed on to all of them, which
/// save their work; a second one ends them. Where one was killed, the others are ended by mpirun; the run
/// goes on from its checkpoint, settings.restarts times. Returns the exit status. Throws UsageError if
/// rnnlm-ranks is not beside this program, or there is no mpirun, and OutputError if no process can be
/// started.
int launch(const Settings& settings, const std::vector<std::string>& arguments);

}  // namespace xgrad
