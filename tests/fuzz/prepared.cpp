// Prepared texts, as a header and elements (fuzz::safetensors_file): what is accepted has ids of its
// vocabulary alone, and can be trained on.
#include "prepared.hpp"
#include "fuzz.hpp"
#include "use.hpp"

namespace {

using namespace xgrad;
using fuzz::require;

void run(std::string_view input) {
  const fuzz::MemoryFile file(fuzz::safetensors_file(input));
  (void)is_prepared(file.path());
  if (says_prepared(file.path())) {
    Settings settings;
    settings.files = {file.path()};
    try {
      (void)fuzz::printed([&] { info(settings); });
    } catch (const BadData&) {
    }
  }
  try {
    const PreparedFile prepared(file.path());
    Text text = prepared.text({});
    require(text.train.size() >= 2, "a training text has two tokens at least");
    for (const auto* heldout : {&text.valid, &text.test})
      if (*heldout)
        for (std::size_t i = 0; i < (*heldout)->tokens.size(); ++i)
          (void)text.vocabulary.word((*heldout)->tokens[i]);
    (void)text.fingerprint();
  } catch (const BadData&) {
  }
}

const fuzz::Target target("prepared", run);

}  // namespace
