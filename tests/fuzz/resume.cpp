// The settings that a run takes over from a checkpoint, given as a header and elements
// (fuzz::safetensors_file).
#include <set>

#include <xgrad/training/corpus.hpp>

#include "command_line.hpp"
#include "fuzz.hpp"
#include "resume.hpp"

namespace {

using namespace xgrad;

void run(std::string_view input) {
  const fuzz::MemoryFile file(fuzz::safetensors_file(input));
  for (const std::set<std::string>& given : {std::set<std::string>{}, {"epochs", "lr", "save"}}) try {
      Settings settings;
      settings.given = given;
      settings.resume = file.path();
      take_resumed_settings(settings);
      (void)in_force(settings);
      (void)resumable_settings(settings);
    } catch (const UsageError&) {
    } catch (const BadData&) {
    }
}

const fuzz::Target target("resume", run);

}  // namespace
