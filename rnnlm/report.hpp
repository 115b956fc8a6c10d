// --report: one page of HTML that shows a training run, and needs no other file: its curves, its settings,
// what the model writes, and how much each word of the held-out text surprised it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "log.hpp"

namespace xgrad {

/// What the page shows.
struct Report {
  Run run;                                                    ///< for the curves
  std::vector<std::pair<std::string, std::string>> settings;  ///< names and values
  std::vector<std::pair<std::string, std::string>> results;   ///< the same of what was reached
  std::vector<std::string> samples;                           ///< sentences of the model
  /// A piece of the held-out text: its tokens, and the loss of each in nats.
  std::vector<std::pair<std::string, double>> text;
  bool words = true;  ///< tokens are words, between which there are blanks
};

/// The page. Whatever the texts hold is escaped.
std::string html_page(const Report& report);

}  // namespace xgrad
