// See program.hpp. The commands are in train.hpp and use.hpp; what they can be told, and all statuses, stand
// in options.cpp.
#include "program.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/training/corpus.hpp>

#include <fmt/format.h>

#include "check.hpp"
#include "command_line.hpp"
#include "files.hpp"
#include "launch.hpp"
#include "memory.hpp"
#include "signals.hpp"
#include "train.hpp"
#include "use.hpp"

namespace xgrad {

namespace {

// What the program opens must not get the number of a standard stream that is closed: a log would have the
// report's lines in it. Returns whether standard output is open.
bool fill_standard_streams() {
  bool has_output = true;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) != -1) continue;
    if (stream == STDOUT_FILENO) has_output = false;
    if (open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY) == -1) return false;
  }
  return has_output;
}

// OpenBLAS starts a thread for each processor before main, each with a buffer: where memory is limited they
// look for one for ever, so that the program never ends, and where threads are limited it is ended before it
// has begun. As this program computes its products by the library's own kernels, it starts itself again with
// an environment that tells OpenBLAS so. What stands in .preinit_array comes before all that shared libraries
// do.
void limit_blas_threads(int, char** argv, char** environment) {
  static char variable[] = "OPENBLAS_NUM_THREADS=1";
  std::vector<char*> extended;
  for (char** one = environment; *one != nullptr; ++one) {
    const std::string_view text = *one;
    if (text == variable) return;
    if (!text.starts_with("OPENBLAS_NUM_THREADS=")) extended.push_back(*one);
  }
  extended.push_back(variable);
  extended.push_back(nullptr);
  execve("/proc/self/exe", argv, extended.data());  // if it cannot, it goes on as it is
}
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)(int, char**,
                                                                             char**) = limit_blas_threads;

void run(const Settings& settings, Ranks& ranks) {
  if (settings.command != Command::train && ranks.size() > 1)
    throw UsageError{"train alone runs in several processes"};
  if (ranks.is_started() && settings.given.contains("ranks") && settings.ranks != ranks.size())
    throw UsageError{fmt::format("--ranks is {}, but mpirun has started {}", settings.ranks, ranks.size())};
  if (ranks.size() > settings.train.shards)
    throw UsageError{
        fmt::format("mpirun has started {} processes, but --shards is {}: each needs at least one",
                    ranks.size(), settings.train.shards)};
  // Not by set_threads(), which starts as many threads of OpenBLAS.
  if (settings.threads > 0) setenv("XGRAD_NUM_THREADS", std::to_string(settings.threads).c_str(), 1);
  try {
    threads();
  } catch (const Error& error) {  // of the environment variable
    throw UsageError{sentence(error)};
  }
  switch (settings.command) {
    case Command::train:
      return train(settings, ranks);
    case Command::eval:
      return eval(settings);
    case Command::score:
      return score(settings);
    case Command::generate:
      return generate(settings);
    case Command::info:
      return info(settings);
    case Command::plot:
      return plot(settings);
    case Command::prepare:
      return prepare(settings);
  }
}

}  // namespace

Outcome program(int argc, char** argv, Ranks& ranks) {
  const auto fail = [](int status, const std::string& message) { return Outcome{status, message}; };
  std::signal(SIGXFSZ, SIG_IGN);  // a file that would become too long is an error of its write
  if (!fill_standard_streams()) return fail(74, "standard output is closed");
  try {
    const auto settings = parse({argv + 1, argv + argc});
    if (settings && settings->ranks > 1 && !ranks.is_started())
      return {launch(*settings, {argv + 1, argv + argc}), ""};
    if (settings)
      with_memory_for("what " + std::string("this command reads"), "try a smaller file",
                      [&] { run(*settings, ranks); });
    if (std::fflush(stdout) != 0)
      return fail(74, std::string("cannot write to standard output: ") + std::strerror(errno));
    return {0, ""};
  } catch (const UsageError& error) {
    return fail(2, error.message + "; see rnnlm --help");
  } catch (const NoInput& error) {
    return fail(66, sentence(error));
  } catch (const BadData& error) {
    return fail(65, sentence(error));
  } catch (const WrongGradient& error) {
    return fail(70, error.message);
  } catch (const OutOfMemory& error) {
    return fail(71, error.message);
  } catch (const FileExists& error) {
    return fail(73, error.message);
  } catch (const OutputError& error) {
    return fail(74, error.message);
  } catch (const Diverged& error) {
    return fail(75, error.message);
  } catch (const Stopped& stopped) {
    return {128 + stopped.signal, ""};
  } catch (const std::system_error& error) {  // fmt's word for standard output that cannot be written
    return fail(74, error.what());
  } catch (const std::exception& error) {
    return fail(70, error.what());
  }
}

}  // namespace xgrad
