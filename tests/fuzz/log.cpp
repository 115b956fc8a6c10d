// Logs of training runs, a form feed between two, and the pictures of what was read.
#include <algorithm>

#include <xgrad/training/corpus.hpp>

#include "curves.hpp"
#include "fuzz.hpp"
#include "log.hpp"
#include "plot.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

void check_svg(const std::string& picture) {
  require(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "a picture is whole");
  // No number is written as such; names are in texts, which begin with '>'.
  for (const char* word : {"\"nan", "\"-nan", "\"inf", "\"-inf", "Mnan", "Lnan", " nan ", "Minf", "Linf"})
    require(picture.find(word) == std::string::npos, "a picture has finite coordinates alone");
}

void check_text(std::string_view picture, std::size_t width, std::size_t lines) {
  require(picture.ends_with('\n'), "a picture ends with a line");
  require(static_cast<std::size_t>(std::count(picture.begin(), picture.end(), '\n')) <= lines,
          "a picture is as high as was asked for");
  while (!picture.empty()) {
    const std::string_view line = picture.substr(0, picture.find('\n'));
    require(columns_of(line) <= width, "a picture is as wide as was asked for");
    picture.remove_prefix(line.size() + 1);
  }
}

void run(std::string_view input) {
  std::vector<Run> runs;
  try {
    do {
      const std::string_view log = input.substr(0, input.find('\f'));
      input.remove_prefix(std::min(input.size(), log.size() + 1));
      // Names are what somebody chose, too.
      runs.push_back(read_log(log, runs.size() % 2 == 0 ? "run" : std::string(log.substr(0, 40))));
    } while (!input.empty());
  } catch (const BadData&) {
    return;
  }
  for (Run& one : runs) one.name.erase(std::remove(one.name.begin(), one.name.end(), ' '), one.name.end());
  check_svg(svg(runs));
  check_svg(svg(runs, {.over = Over::minutes}));
  check_svg(svg({runs[0]}, {480, 300}));
  check_text(terminal_plot(runs, 80, 20, false, true), 80, 20 + runs.size());
  check_text(terminal_plot(runs, 40, 10, false, false), 40, 10 + runs.size());
  (void)terminal_plot(runs, 200, 50, true, true);
}

const fuzz::Target target("log", run);

}  // namespace
