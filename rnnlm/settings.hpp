// What the program can be told, with its defaults. How it is told stands in options.hpp.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace xgrad {

/// What the program is asked to do.
enum class Command { train, eval, score, generate, info, plot, prepare };

/// The largest number that an option without a limit of its own takes.
inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// What determines the numbers of a training run: two runs with equal ones, and equal texts, print the same
/// losses. The defaults train on the built-in corpus in about half a minute on two cores; for texts of the
/// user's others are better, see with_data().
struct TrainSettings {
  std::optional<std::string> data;  ///< a folder of texts or one text file; without it the built-in corpus
  std::string level = "word";       ///< what a token is: word, char or byte
  std::size_t vocabulary = 0;       ///< so many words, the most frequent ones; 0: all
  std::size_t min_count = 1;        ///< words that occur less often are unknown
  double valid_split = 0.05;        ///< of one text file, the part at its end that is held out
  std::size_t tokens = no_limit;    ///< of the training text, the first ones

  std::string cell = "rnn";  ///< one of cell_names()
  std::size_t embedding = 128, hidden = 128, layers = 1;
  bool tied = false;            ///< the output layer shares the embedding's matrix
  std::string output = "full";  ///< the output layer: full, adaptive or sampled
  std::size_t samples = 1024;   ///< tokens that a step of a sampled one draws
  double dropout = 0;           ///< rate on embedding, between layers, and on what the output layer reads
  bool variational = false;     ///< the same elements are dropped at all steps of a window
  double weight_drop = 0;       ///< rate on the recurrent weights
  double init = 0;              ///< initial weights are uniform in +-init; 0: as each layer's default

  std::string optimizer = "sgd";  ///< sgd, momentum, adam, adamw, rmsprop or adagrad
  double rate = 4;
  double weight_decay = 0;
  double clip = 0.25;              ///< largest norm of a step's gradient; 0: any
  std::string schedule = "decay";  ///< of the rate: constant, decay, plateau or cosine
  double decay = 0.5;              ///< factor of each reduction of the rate
  std::size_t decay_after = 4;     ///< epochs at the full rate (decay)
  std::size_t warmup = 0;          ///< steps in which the rate rises from 0
  std::string average = "none";    ///< of the weights: none, exponential or triggered
  std::size_t epochs = 10;
  std::size_t patience = 0;  ///< epochs without a better held-out loss after which the run stops; 0: none
  std::size_t batch = 20, window = 20;
  std::size_t shards = 1;  ///< parts of the batch, whose gradients are computed apart
  std::uint32_t seed = 0;
  bool use_double = false;
  bool reference = false;  ///< reproduce a published network exactly
};

/// All of a command line.
struct Settings {
  Command command = Command::train;
  std::set<std::string> given;  ///< the options that were said, rather than left at their defaults
  TrainSettings train;

  // What a training run writes and how it shows it: nothing of this changes its numbers.
  std::optional<std::string> save;        ///< the model file
  std::optional<std::string> checkpoint;  ///< the file from which a run goes on
  std::size_t every = 1000;               ///< steps from one checkpoint to the next
  std::optional<std::string> resume;      ///< the checkpoint to go on from
  std::optional<std::string> log, report;
  std::size_t log_interval = 200;  ///< windows from one line of the log to the next
  bool force = false;              ///< replace files that are there
  bool check = false;              ///< prove the model's gradient first
  std::size_t sentences = 5;       ///< to generate at the end
  std::size_t threads = 0;         ///< 0: as many as there are processors
  std::size_t ranks = 1;           ///< processes that train together
  std::size_t restarts = 0;        ///< how often they are started again where one is lost

  std::vector<std::string> configs;  ///< the configuration files that were read
  std::vector<std::string> files;    ///< what is not an option: a model, a text, logs
  std::optional<std::string> prompt;
  double temperature = 1, top_p = 1;
  std::size_t top_k = 0, length = 100, count = 1;
  bool sentence = false;              ///< generation stops at the end of one
  std::size_t eval_window = 1000;     ///< tokens that eval and score read at a time
  bool nbest = false;                 ///< the text to score is a list of candidates
  std::optional<std::string> column;  ///< the file of another model's scores
  double lambda = 0.5;                ///< this model's weight in an interpolation
  std::optional<std::string> output;  ///< of plot
  std::string over = "epochs";        ///< of plot
};

/// The rate that is taken where none is given, for the optimizer: that of the settings is for gradient
/// descent.
double suitable_rate(const TrainSettings& settings);

/// The defaults for a text of the user's: a recipe that is better than an interpolated Kneser-Ney 5-gram on
/// the Penn Treebank.
TrainSettings with_data();

}  // namespace xgrad
