// A program that is killed again and again, until it ends by itself: for tests of what must outlast that.
#pragma once

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

namespace checks {

/// A program and its arguments.
using Command = std::vector<std::string>;

/// Starts it with `threads` threads, and kills it after so many microseconds unless it has ended; never, if
/// they are 0. Returns its exit status, or -1 if it was killed.
inline int run_for(const Command& command, std::size_t microseconds, std::size_t threads = 1) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const std::string count = std::to_string(threads);
  const pid_t child = fork();
  if (child == 0) {
    setenv("XGRAD_NUM_THREADS", count.c_str(), 1);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (microseconds > 0) {
    usleep(static_cast<useconds_t>(microseconds));
    kill(child, SIGKILL);
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace checks
