// What the program can be told on the command line, with its defaults.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace xgrad {

/// The options of one run. The defaults train on the built-in corpus in about a minute on two cores.
struct Settings {
  std::string cell = "rnn";         ///< one of cell_names()
  std::size_t layers = 1;           ///< of cells, stacked
  double dropout = 0;               ///< rate on embedding, between layers, and on what the output layer reads
  bool tied = false;                ///< the output layer shares the embedding's matrix
  std::optional<std::string> data;  ///< a folder of texts; without it the built-in corpus
  std::size_t tokens = std::numeric_limits<std::size_t>::max();  ///< of the training text, the first ones
  bool reference = false;                                        ///< reproduce a published network exactly
  bool use_double = false;
  std::uint32_t seed = 0;
  std::size_t epochs = 10;
  double rate = 4;
  std::optional<double> clip = 0.25;  ///< largest norm of a step's gradient
  double decay = 0.5;                 ///< factor on the rate after every epoch from `decay_after` on
  std::size_t decay_after = 4;        ///< epochs at the full rate
  std::size_t embedding = 128, hidden = 128, batch = 20, window = 20;
  std::size_t sentences = 5;  ///< to generate at the end
  std::optional<std::string> log;
};

/// A command line that makes no sense; its text says what and what is expected.
struct UsageError {
  std::string message;
};

/// Reads the command line. Nothing is returned if it asked for help, which has been printed then.
/// Throws UsageError for unknown options and impossible values.
std::optional<Settings> parse(int argc, char** argv);

}  // namespace xgrad
