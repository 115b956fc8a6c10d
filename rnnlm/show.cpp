// See show.hpp.
#include "show.hpp"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <string_view>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>

#include "command_line.hpp"
#include "options.hpp"

namespace xgrad {

namespace {

// Beyond so many words a step's time and memory are the vocabulary's.
constexpr std::size_t large_vocabulary = 50'000;

std::string unknown_note(const HeldOut& text) {
  if (text.unknown == 0) return "";
  return paragraph(fmt::format("{} of {} {} tokens are not in the vocabulary and count as {}", text.unknown,
                               text.tokens.size(), text.name == "valid" ? "held-out" : "test", unknown_word));
}

}  // namespace

std::string paragraph(const std::string& text) {
  constexpr std::size_t width = 100;
  std::string result, line;
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      result.append(line).append(1, '\n');
      line.assign(1, ' ');
    }
    if (!line.empty()) line.append(1, ' ');
    line.append(word);
  }
  return result.append(line).append(1, '\n');
}

std::string settings_in_force(const Settings& settings) {
  std::string result;
  for (const Option& option : options()) {
    const std::string text = option.get(settings);
    if (text.empty() || option.name == "force" || option.name == "check") continue;
    if (!option.is_of(Command::train)) continue;
    result += fmt::format("{}{} {}", result.empty() ? "" : ", ", option.name, escaped(text));
  }
  return result;
}

std::string text_summary(const TrainSettings& settings, const Text& text) {
  const char* const unit = settings.level == "word"   ? "words"
                           : settings.level == "char" ? "characters"
                                                      : "bytes";
  const std::size_t V = text.vocabulary.size();
  std::string lengths = fmt::format("{} training", text.train.size());
  if (text.valid) lengths += fmt::format(", {} held-out", text.valid->tokens.size());
  if (text.test) lengths += fmt::format(", {} test", text.test->tokens.size());
  std::string result =
      paragraph(fmt::format("{}: {} tokens, a vocabulary of {} {}",
                            settings.data ? escaped(*settings.data) : "built-in corpus", lengths, V, unit));
  if (text.unknown > 0)
    result += paragraph(fmt::format("{} of {} training tokens are rare and count as {}", text.unknown,
                                    text.train.size(), unknown_word));
  for (const auto* heldout : {&text.valid, &text.test})
    if (*heldout) result += unknown_note(**heldout);
  if (text.valid) result += paragraph("held-out text: " + beside(text.valid->baselines));
  if (V > large_vocabulary && settings.output == "full") {
    const double weights = static_cast<double>(V) *
                           static_cast<double>(settings.embedding + (settings.tied ? 0 : settings.hidden));
    const double logits = static_cast<double>(V) * static_cast<double>(settings.batch * settings.window);
    const double bytes = settings.use_double ? 8 : 4;
    result += paragraph(fmt::format(
        "warning: {} {} take {:.1f} GB for their weights, {:.1f} GB for the logits of "
        "a window, and most of the time "
        "of each step; --output adaptive or sampled costs a fraction, --vocab 50000 keeps the most frequent",
        V, unit, weights * bytes / 1e9, logits * bytes / 1e9));
  }
  return result;
}

std::string beside(const Baselines& baselines) {
  std::string result = fmt::format("unigram {:.2f}", baselines.unigram);
  if (baselines.three) result += fmt::format(", KN-3 {:.2f}", *baselines.three);
  if (baselines.five) result += fmt::format(", KN-5 {:.2f}", *baselines.five);
  if (baselines.floor) result += fmt::format(", floor {:.2f}", *baselines.floor);
  return result;
}

std::string signal_name(int signal) {
  return signal == SIGINT    ? "SIGINT"
         : signal == SIGTERM ? "SIGTERM"
         : signal == SIGHUP  ? "SIGHUP"
                             : "SIGPIPE";
}

std::string shell_word(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-_./+,:=@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
  return escaped(result) + "'";
}

}  // namespace xgrad
