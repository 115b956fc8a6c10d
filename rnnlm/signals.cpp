// See signals.hpp.
#include "signals.hpp"

#include <csignal>
#include <initializer_list>

namespace xgrad {

namespace {

volatile std::sig_atomic_t noted = 0;

extern "C" void note(int signal) {
  noted = signal;
  for (const int other : {SIGINT, SIGTERM, SIGHUP}) std::signal(other, SIG_DFL);
}

extern "C" void note_forwarded(int signal) { noted = signal == SIGUSR1 ? SIGINT : SIGTERM; }

}  // namespace

void note_forwarded_signals() {
  std::signal(SIGUSR1, note_forwarded);
  std::signal(SIGUSR2, note_forwarded);
}

void note_stop_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // A signal that the shell has the program ignore, as nohup does, stays ignored.
    if (std::signal(signal, note) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

void ask_to_stop(int signal) { noted = signal; }

int stop_signal() { return noted; }

}  // namespace xgrad
