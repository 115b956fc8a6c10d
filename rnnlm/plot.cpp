// rnnlm plot; see use.hpp.
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

#include "files.hpp"
#include "log.hpp"
#include "plot.hpp"
#include "use.hpp"

namespace xgrad {

namespace {

// That of the terminal, or what fits a page of text.
std::size_t columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

bool has_colour() {
  const char *const term = std::getenv("TERM"), *const no_colour = std::getenv("NO_COLOR");
  return isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string(term) != "dumb" &&
         (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace

void plot(const Settings& settings) {
  std::vector<Run> runs;
  for (const std::string& file : settings.files) runs.push_back(read_log(read_file(file), file));
  const Over over = settings.over == "minutes" ? Over::minutes : Over::epochs;
  if (!settings.output) {
    fmt::print("{}", terminal_plot(runs, columns(), 20, has_colour(), utf8_locale(), over));
    return;
  }
  check_output("--output", *settings.output, settings.force, settings.files);
  write_file("--output", *settings.output, svg(runs, {.over = over}));
  fmt::print("the curves are in {}\n", quote_file(*settings.output));
}

}  // namespace xgrad
