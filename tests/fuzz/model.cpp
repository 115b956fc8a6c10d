// Model files, as a header and elements (fuzz::safetensors_file), and what the commands do with one that is
// accepted.
#include <xgrad/training/corpus.hpp>

#include "fuzz.hpp"
#include "use.hpp"

namespace {

using namespace xgrad;

void run(std::string_view input) {
  static const fuzz::MemoryFile text("the cat sat\nthe dog");
  const fuzz::MemoryFile file(fuzz::safetensors_file(input));
  Settings settings;
  settings.files = {file.path()};
  settings.train.data = text.path();
  settings.length = 3;
  for (const auto command : {info, generate, eval}) try {
      (void)fuzz::printed([&] { command(settings); });
    } catch (const BadData&) {
    }
  settings.files.push_back(text.path());
  try {
    (void)fuzz::printed([&] { score(settings); });
  } catch (const BadData&) {
  }
}

const fuzz::Target target("model", run);

}  // namespace
