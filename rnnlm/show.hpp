// Sentences about a run, for people: at most 100 columns wide.
#pragma once

#include <string>

#include "settings.hpp"
#include "text.hpp"

namespace xgrad {

/// The text in lines of at most 100 columns, each ended by a newline; all but the first indented.
std::string paragraph(const std::string& text);
/// "cell gru, emsize 200, ...", all options that are in force and determine the numbers, and those of the
/// files.
std::string settings_in_force(const Settings& settings);
/// How long the texts are, what is unknown, and a warning of a vocabulary that costs much; in lines.
std::string text_summary(const TrainSettings& settings, const Text& text);
/// "unigram 639.30, KN-3 148.28, KN-5 141.19".
std::string beside(const Baselines& baselines);
/// A text as a shell reads it as one word, quoted where it has to be. Control characters are escaped.
std::string shell_word(const std::string& text);
/// "SIGINT".
std::string signal_name(int signal);

}  // namespace xgrad
