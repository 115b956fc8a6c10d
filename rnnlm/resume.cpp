// See resume.hpp.
#include "resume.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/safetensors.hpp>
#include <xgrad/training/corpus.hpp>

#include "command_line.hpp"
#include "files.hpp"
#include "options.hpp"

namespace xgrad {

namespace {

bool is_kept(const Option& option) {
  return option.is_of(Command::train) && option.name != "resume" && option.name != "force" &&
         option.name != "check" && option.name != "threads" && option.name != "ranks" &&
         option.name != "restarts";
}

bool is_utf8(std::string_view text) {
  while (!text.empty() && character_size(text) > 0) text.remove_prefix(character_size(text));
  return text.empty();
}

}  // namespace

std::string resumable_settings(const Settings& settings) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Option& option : options()) {
    const std::string text = option.get(settings);
    if (!is_kept(option) || text.empty()) continue;
    if (!is_utf8(text))
      throw UsageError{fmt::format("--{} is {}, which is not UTF-8, as a checkpoint keeps its settings",
                                   option.name, quote(text))};
    object[option.name] = text;
  }
  return object.dump();
}

void take_resumed_settings(Settings& settings) {
  const std::string& file = *settings.resume;
  const std::string quoted = quote_file(file);
  check_input(file, "a checkpoint");
  try {
    const safetensors::File contents(file);
    const auto at = contents.metadata().find("settings/value");
    if (at == contents.metadata().end() && contents.metadata().contains("vocabulary"))
      throw BadData("resume", quoted + " is a model; a run goes on from the file of its --checkpoint");
    if (at == contents.metadata().end())
      throw BadData("resume", quoted + " is no checkpoint of rnnlm: it has no settings");
    const nlohmann::json kept_settings = nlohmann::json::parse(at->second);
    const auto refuse = [&](const std::string& name, const std::string& asked, const std::string& kept) {
      throw UsageError{
          fmt::format("--{} is {}, but {} in {}: a run that goes on keeps its settings; leave it out", name,
                      quote(asked), kept, quoted)};
    };
    if (settings.checkpoint && *settings.checkpoint != file)
      throw UsageError{
          fmt::format("--checkpoint is {}, but --resume {} keeps writing to its own file; to leave "
                      "that one as it is, copy it and resume the copy",
                      quote(*settings.checkpoint), quoted)};
    for (const std::string& name : settings.given) {
      const Option& option = *find_option(name);
      if (option.role == Role::number && !kept_settings.contains(name))
        refuse(name, option.get(settings), "not set");
    }
    const bool cosine =
        kept_settings.value("schedule", "") == "cosine";  // which hangs on the number of epochs
    for (const auto& [name, value] : kept_settings.items()) {
      const Option* const option = find_option(name);
      if (option == nullptr)
        throw BadData("resume", fmt::format("{} has an unknown setting {}", quoted, quote(name)));
      const auto kept = value.get<std::string>();
      if (settings.given.contains(name)) {
        const std::string asked = option->get(settings);
        const bool may_differ = name == "data" || (name == "epochs" && !cosine);
        if (option->role == Role::number && asked != kept && !may_differ) refuse(name, asked, quote(kept));
        continue;
      }
      try {
        option->set(settings, kept);
      } catch (const Expected& expected) {
        throw BadData("resume", fmt::format("{} has the setting {} = {}, expected {}", quoted, name,
                                            quote(kept), expected.text));
      }
      settings.given.insert(name);
    }
  } catch (const nlohmann::json::exception& error) {
    throw BadData("resume", fmt::format("{}: {}", quoted, error.what()));
  } catch (const BadData&) {
    throw;
  } catch (const Error& error) {
    throw BadData("resume", error.what());
  }
}

}  // namespace xgrad
