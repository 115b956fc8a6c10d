// Command lines, one argument a line. Nothing is printed, and files are hardly read: words that ask for a
// page are left out, and --config and --resume name a file that cannot be there.
#include <algorithm>

#include <xgrad/training/corpus.hpp>

#include "command_line.hpp"
#include "fuzz.hpp"
#include "options.hpp"
#include "resume.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

// With the dashes that parse() puts for underlines.
std::string name_of(std::string_view word) {
  std::string name(word.substr(0, word.find('=')));
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::vector<std::string> arguments(std::string_view input) {
  std::vector<std::string> words;
  while (!input.empty()) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    std::string word(line.substr(0, line.find('\0')));  // as the system's are
    const std::string name = name_of(word);
    static const std::vector<std::string> pages{"help",      "-h",         "--help",
                                                "--version", "--man-page", "--bash-completion"};
    if (std::find(pages.begin(), pages.end(), name) != pages.end()) continue;
    if (name == "--config" || name == "--resume") word = name + "=/dev/null/nothing";
    words.push_back(std::move(word));
  }
  return words;
}

void run(std::string_view input) {
  try {
    const auto settings = parse(arguments(input));
    require(settings.has_value(), "a command line that asks for no page is one of settings");
    for (const Option& option : options()) {
      const std::string text = option.get(*settings);
      if (text.empty()) continue;
      Settings other;
      try {
        option.set(other, text);
      } catch (const Expected&) {
        require(false, "an option takes its value in force");
      }
      require(option.get(other) == text, "an option in force reads back as the same");
    }
    (void)resumable_settings(*settings);
  } catch (const UsageError&) {
  } catch (const NoInput&) {
  } catch (const BadData&) {  // of a file that --data happens to name
  }
}

const fuzz::Target target("flags", run);

}  // namespace
