// See run_windows.hpp.
#include "run_windows.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace xgrad {

namespace {

// Throws BadData, naming the options, for a training text that makes no windows.
void check_length(const Settings& all, std::size_t tokens) {
  const TrainSettings& settings = all.train;
  const std::size_t targets = tokens - 1, track = targets / settings.batch;
  const std::size_t least = settings.reference ? settings.batch * settings.window : settings.batch;
  if (targets < least)
    throw BadData(
        "text",
        fmt::format("a training text of {} tokens is too short for --batch-size {}{}: it needs {}", tokens,
                    settings.batch, settings.reference ? fmt::format(" and --bptt {}", settings.window) : "",
                    least + 1));
  if (all.given.contains("bptt") && settings.window > track)
    throw BadData(
        "text",
        fmt::format("--bptt {} is longer than the {} steps of each of the {} tracks (--batch-size) of "
                    "{} tokens; expected at most {}",
                    settings.window, track, settings.batch, tokens, track));
}

}  // namespace

EpochWindows::EpochWindows(const Settings& settings, const TokenSequence& tokens) {
  check_length(settings, tokens.size());
  if (settings.train.reference)
    reference_.emplace(tokens, settings.train.batch, settings.train.window);
  else
    streams_.emplace(tokens, settings.train.batch, settings.train.window);
}

StreamWindows heldout_windows(const Text& text, const TrainSettings& settings, const HeldOut& heldout,
                              std::size_t tracks) {
  const auto before = sentence_end(text.vocabulary, settings.level).value_or(heldout.tokens[0]);
  return StreamWindows(heldout.tokens.after(before), std::min(tracks, heldout.tokens.size()),
                       settings.window);
}

}  // namespace xgrad
