// See launch.hpp.
#include "launch.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include <sys/prctl.h>
#include <sys/stat.h>
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

// What Open MPI has to be told, by version 4 and by version 5.
void set_up_mpi(const Settings& settings) {
  if (geteuid() == 0) {
    set_default("OMPI_ALLOW_RUN_AS_ROOT", "1");
    set_default("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
  }
  // As many processes as asked for, and each with all of its threads, not bound to one processor.
  set_default("OMPI_MCA_rmaps_base_oversubscribe", "1");
  set_default("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
  set_default("OMPI_MCA_hwloc_base_binding_policy", "none");
  set_default("PRTE_MCA_hwloc_default_binding_policy", "none");
  const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
  if (settings.threads == 0)
    set_default("XGRAD_NUM_THREADS", std::to_string(std::max<std::size_t>(1, processors / settings.ranks)));
}

// Notes signals to stop, but for those that the shell has the program ignore.
void note_signals() {
  struct sigaction action {};
  action.sa_handler = note_for_ranks;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    sigaction(signal, &action, &before);
    if (before.sa_handler == SIG_IGN) std::signal(signal, SIG_IGN);
  }
}

// Starts mpirun. In a group of its own, so that Ctrl-C reaches this process alone, but not to outlive it.
pid_t start(std::size_t ranks, const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"mpirun", "-n", std::to_string(ranks), program_of_ranks()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) throw OutputError{"cannot start a process for mpirun"};
  if (child > 0) return child;
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (std::freopen("/dev/null", "r", stdin) == nullptr) _exit(127);
  execvp(argv[0], argv.data());
  _exit(127);
}

// Its exit status, or 128 and the number of the signal that ended it. Looks every so often rather than
// waits, so that a signal that comes at the wrong moment is handed on a moment later.
int wait_for(pid_t mpirun) {
  int handed_on = 0;
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(mpirun, &status, WNOHANG);
    if (ended == mpirun) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) throw OutputError{"cannot wait for mpirun"};
    if (times != handed_on) {
      handed_on = times;
      // mpirun hands these on to its processes, and takes others for its own end.
      kill(mpirun, handed_on > 1 ? SIGTERM : asked == SIGINT ? SIGUSR1 : SIGUSR2);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// Which file has that name, and since when; zeros for none.
std::pair<ino_t, std::int64_t> version_of(const std::string& file) {
  struct stat found {};
  if (file.empty() || stat(file.c_str(), &found) != 0) return {};
  return {found.st_ino, std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
}

}  // namespace

int launch(const Settings& settings, const std::vector<std::string>& arguments) {
  set_up_mpi(settings);
  note_signals();
  const std::string checkpoint = settings.resume ? *settings.resume : settings.checkpoint.value_or("");
  const auto before = version_of(checkpoint);
  std::vector<std::string> command = arguments;
  for (std::size_t left = settings.restarts;; --left) {
    const int status = wait_for(start(settings.ranks, command));
    if (status == 127) throw UsageError{"--ranks needs mpirun, which is not on the PATH"};
    // Before the processes listened the signal has ended them.
    if (times > 0) return status == 128 + SIGUSR1 || status == 128 + SIGUSR2 ? 128 + asked : status;
    // With these the program ends by itself, when it has saved its work.
    if (status <= 128 || status == 128 + SIGINT || status == 128 + SIGTERM || status == 128 + SIGHUP)
      return status;
    // A checkpoint that was there before is another run's.
    const bool can_go_on =
        settings.resume || (version_of(checkpoint) != before && version_of(checkpoint).first != 0);
    const std::string what =
        fmt::format("one of {} processes was ended by signal {}", settings.ranks, status - 128);
    const auto say = [](const std::string& line) { std::fputs(("rnnlm: " + line + "\n").c_str(), stderr); };
    if (left == 0 || !can_go_on) {
      say(what + (can_go_on ? fmt::format("; go on with: rnnlm --resume {} --ranks {}",
                                          shell_word(checkpoint), settings.ranks)
                            : "; there is no checkpoint to go on from, which --checkpoint keeps"));
      return lost;
    }
    say(fmt::format("{}; goes on from {}, restarts left: {}", what, quote_file(checkpoint), left - 1));
    if (settings.resume) continue;  // by the same command line
    command = {"--resume", checkpoint, "--ranks", std::to_string(settings.ranks)};
    if (settings.threads > 0) command.insert(command.end(), {"--threads", std::to_string(settings.threads)});
  }
}

}  // namespace xgrad
