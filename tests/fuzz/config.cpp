// Configuration files: what is accepted prints in a form that reads back as the same, and can go into a
// checkpoint.
#include <fmt/format.h>

#include "command_line.hpp"
#include "fuzz.hpp"
#include "resume.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

std::string as_config(const Settings& settings) {
  std::string text;
  for (const auto& [name, value] : in_force(settings)) text += fmt::format("{} = {}\n", name, value);
  return text;
}

void run(std::string_view input) {
  try {
    Settings settings, again;
    read_config(input, "input", settings);
    const std::string text = as_config(settings);
    try {
      read_config(text, "again", again);
    } catch (const UsageError&) {
      require(false, "settings in force are a configuration");
    }
    require(as_config(again) == text, "settings in force read back as the same");
    (void)resumable_settings(settings);
    complete(settings);
    (void)as_config(settings);
  } catch (const UsageError&) {
  }
}

const fuzz::Target target("config", run);

}  // namespace
