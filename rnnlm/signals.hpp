// Requests to stop: SIGINT (Ctrl-C), SIGTERM and SIGHUP.
#pragma once

namespace xgrad {

/// From here on the first of these signals is only noted; a second one ends the program at once. Writing to a
/// pipe that nobody reads becomes an error of that write.
void note_stop_signals();
/// SIGUSR1 and SIGUSR2, which mpirun hands on to its processes, are taken for SIGINT and SIGTERM from
/// here on.
void note_forwarded_signals();
/// Notes a signal as if it had been received.
void ask_to_stop(int signal);
/// The signal that was noted; 0 if there was none.
int stop_signal();

/// A run that was asked to stop, and has saved its work.
struct Stopped {
  int signal;
};

}  // namespace xgrad
