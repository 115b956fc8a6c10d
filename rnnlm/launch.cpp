// See launch.hpp.
#include "launch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>

#include <xgrad/autograd/parameters/quote.hpp>

#include "command_line.hpp"
#include "files.hpp"
#include "show.hpp"

namespace xgrad {

namespace {

constexpr int lost = 76;  // the status where a process was lost

volatile std::sig_atomic_t asked = 0, times = 0;
extern "C" void note_for_ranks(int signal) {
  asked = signal;
  times = times + 1;
}

// The program that mpirun starts, which stands beside this one.
std::string program_of_ranks() {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const auto program = self.parent_path() / "rnnlm-ranks";
  if (failed || access(program.c_str(), X_OK) != 0)
    throw UsageError{
        "--ranks needs the program rnnlm-ranks beside this one, which is built where MPI is installed (on "
        "Debian "
        "libopenmpi-dev and openmpi-bin)"};
  return program.string();
}

void set_default(const char* name, const std::string& value) { setenv(name, value.c_str(), 0); }

// Starts mpirun. In a group of its own, so that Ctrl-C reaches this process alone.
pid_t start(std::size_t ranks, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"mpirun", "-n", std::to_string(ranks), program_of_ranks()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  setpgid(0, 0);
  if (std::freopen("/dev/null", "r", stdin) == nullptr) _exit(127);
  execvp(argv[0], argv.data());
  _exit(127);
}

// Its exit status, or 128 and the number of the signal that ended it.
int wait_for(pid_t mpirun) {
  int handed_on = 0, status = 0;
  while (waitpid(mpirun, &status, 0) < 0 && errno == EINTR) {
    if (times == handed_on) continue;
    // mpirun hands these on, and takes others for its own end.
    kill(mpirun, times > 1 ? SIGTERM : asked == SIGINT ? SIGUSR1 : SIGUSR2);
    handed_on = times;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int launch(const Settings& settings, const std::vector<std::string>& arguments) {
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  // Open MPI refuses these unless told, by version 4 and by version 5.
  if (geteuid() == 0) {
    set_default("OMPI_ALLOW_RUN_AS_ROOT", "1");
    set_default("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
  }
  if (settings.ranks > processors) {
    set_default("OMPI_MCA_rmaps_base_oversubscribe", "1");
    set_default("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
  }
  if (settings.threads == 0)
    set_default("XGRAD_NUM_THREADS", std::to_string(std::max<std::size_t>(1, processors / settings.ranks)));

  struct sigaction action {};
  action.sa_handler = note_for_ranks;  // without SA_RESTART, so that waiting ends
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    sigaction(signal, &action, &before);
    if (before.sa_handler == SIG_IGN) std::signal(signal, SIG_IGN);
  }

  const std::string checkpoint = settings.resume ? *settings.resume : settings.checkpoint.value_or("");
  std::vector<std::string> command = arguments;
  for (std::size_t left = settings.restarts;; --left) {
    const int status = wait_for(start(settings.ranks, command));
    if (status == 127) throw UsageError{"--ranks needs mpirun, which is not on the PATH"};
    // A process of its own accord ends with one of the statuses of the program.
    if (status <= 128 || times > 0) return status;
    const bool can_go_on = !checkpoint.empty() && std::filesystem::exists(checkpoint);
    const std::string what =
        fmt::format("one of {} processes was ended by signal {}", settings.ranks, status - 128);
    if (left == 0 || !can_go_on) {
      std::fputs(("rnnlm: " + what + "; " +
                  (can_go_on ? "go on with: rnnlm --resume " + shell_word(checkpoint) +
                                   fmt::format(" --ranks {}", settings.ranks)
                             : "there is no checkpoint to go on from; --checkpoint keeps one") +
                  "\n")
                     .c_str(),
                 stderr);
      return lost;
    }
    std::fputs(fmt::format("rnnlm: {}; goes on from {}, {} more times if need be\n", what,
                           quote_file(checkpoint), left - 1)
                   .c_str(),
               stderr);
    command = {"--resume", checkpoint, "--ranks", std::to_string(settings.ranks)};
    if (settings.threads > 0) command.insert(command.end(), {"--threads", std::to_string(settings.threads)});
  }
}

}  // namespace xgrad
