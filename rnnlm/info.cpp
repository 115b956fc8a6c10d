// rnnlm info; see use.hpp.
#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

#include "command_line.hpp"
#include "model.hpp"
#include "prepared.hpp"
#include "use.hpp"

namespace xgrad {

void info(const Settings& settings) {
  if (says_prepared(settings.files[0])) {
    const PreparedFile file(settings.files[0]);
    fmt::print("{}: a prepared text, with a vocabulary of {} at the level {}\n",
               quote_file(settings.files[0]), file.vocabulary.size(), file.level);
    std::size_t i = 0;
    for (const char* name : {"train", "valid", "test"}) {
      const auto unknown = file.unknown[i++];
      if (const auto tokens = file.tokens(name))
        fmt::print("{}: {} tokens, {} of them {}\n", name, tokens->size(), unknown, unknown_word);
    }
    return;
  }
  const ModelFile file(settings.files[0]);
  fmt::print("{}: {} weights in {}, a vocabulary of {} at the level {}\n", quote_file(file.path),
             file.parameters, file.is_double ? "double" : "float", file.vocabulary.size(),
             file.settings.level);
  for (const auto& [name, value] : file.result) fmt::print("{}: {}\n", escaped(name), escaped(value));
  Settings all;
  all.train = file.settings;
  for (const auto& [name, value] : in_force(all)) fmt::print("{} = {}\n", name, escaped(value));
}

}  // namespace xgrad
