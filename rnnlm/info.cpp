// rnnlm info; see use.hpp.
#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>

#include "command_line.hpp"
#include "model.hpp"
#include "use.hpp"

namespace xgrad {

void info(const Settings& settings) {
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
