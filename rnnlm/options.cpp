// The tables; see options.hpp. Numbers are taken as text and converted here, so that every impossible value
// (negative, nan, too large, trailing letters) gets one kind of sentence.
#include "options.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <xgrad/layers/any_cell.hpp>

namespace xgrad {

namespace {

template <class Number>
Number number(std::string_view text, Number low, Number high, const std::string& expected) {
  if (text.starts_with('+')) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Written so that nan fails.
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high))
    throw Expected{expected};
  return value;
}

// In any case, as other programs have LSTM for lstm.
std::string lower(std::string word) {
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return word;
}

// @{ What an option writes to, of type M: a member of Settings, or one of TrainSettings.
template <class M>
M& member(Settings& settings, M Settings::*at) {
  return settings.*at;
}
template <class M>
M& member(Settings& settings, M TrainSettings::*at) {
  return settings.train.*at;
}
// @}

template <class At>
constexpr Role role_of = Role::other;
template <class M>
constexpr Role role_of<M TrainSettings::*> = Role::number;

// The value that `at` points to, of settings that are only read.
template <class At>
auto value(const Settings& settings, At at) {
  return member(const_cast<Settings&>(settings), at);
}

template <class At>
using Member = decltype(value(std::declval<const Settings&>(), std::declval<At>()));

class Table {
 public:
  std::vector<Option> all;

  // The section and the commands of what follows.
  void section(const std::string& name, std::vector<Command> of) {
    section_ = name;
    commands_ = std::move(of);
  }

  template <class At>
  Option& count(const std::string& name, At at, std::size_t low, std::size_t high, const std::string& help) {
    const std::string expected = fmt::format("a whole number from {} to {}", low, high);
    Option& option = add(name, "N", help, role_of<At>);
    option.set = [=](Settings& settings, const std::string& text) {
      member(settings, at) = static_cast<Member<At>>(number<std::size_t>(text, low, high, expected));
    };
    option.get = [=](const Settings& settings) {
      const auto now = value(settings, at);
      return now == no_limit ? std::string() : std::to_string(now);
    };
    return option;
  }

  // A real number in [low, high], or above `low` where that is open.
  template <class At>
  Option& real(const std::string& name, At at, const std::string& symbol, double low, double high,
               const std::string& expected, const std::string& help) {
    Option& option = add(name, symbol, help, role_of<At>);
    option.set = [=](Settings& settings, const std::string& text) {
      member(settings, at) = number<double>(text, low, high, expected);
    };
    option.get = [=](const Settings& settings) { return fmt::format("{}", value(settings, at)); };
    return option;
  }

  template <class At>
  Option& choice(const std::string& name, At at, std::vector<std::string> choices, const std::string& help) {
    Option& option = add(name, fmt::format("{}", fmt::join(choices, "|")), help, role_of<At>);
    if (choices.size() > 6) option.symbol = "NAME";
    option.choices = choices;
    option.set = [=](Settings& settings, const std::string& text) {
      const std::string word = lower(text);
      if (std::find(choices.begin(), choices.end(), word) == choices.end())
        throw Expected{fmt::format("one of {}", fmt::join(choices, ", "))};
      member(settings, at) = word;
    };
    option.get = [=](const Settings& settings) { return value(settings, at); };
    return option;
  }

  template <class At>
  Option& text(const std::string& name, At at, const std::string& symbol, const std::string& help) {
    Option& option = add(name, symbol, help, role_of<At>);
    option.set = [=](Settings& settings, const std::string& text) {
      if (text.empty()) throw Expected{"a name that is not empty"};
      member(settings, at) = text;
    };
    option.get = [=](const Settings& settings) { return value(settings, at).value_or(""); };
    return option;
  }

  // A switch, or a choice of two words, the second of which means true.
  template <class At>
  Option& flag(const std::string& name, At at, const std::string& help) {
    Option& option = add(name, "", help, role_of<At>);
    two(option, at, "false", "true");
    return option;
  }
  template <class At>
  Option& either(const std::string& name, At at, const std::string& no, const std::string& yes,
                 const std::string& help) {
    Option& option = add(name, no + "|" + yes, help, role_of<At>);
    option.choices = {no, yes};
    two(option, at, no, yes);
    return option;
  }

 private:
  template <class At>
  static void two(Option& option, At at, const std::string& no, const std::string& yes) {
    option.set = [=](Settings& settings, const std::string& text) {
      const std::string word = lower(text);
      if (word != no && word != yes) throw Expected{no + " or " + yes};
      member(settings, at) = word == yes;
    };
    option.get = [=](const Settings& settings) { return value(settings, at) ? yes : no; };
  }

  Option& add(const std::string& name, const std::string& symbol, const std::string& help, Role role) {
    all.push_back({name, symbol, help, section_, commands_, role, {}, {}, {}});
    return all.back();
  }

  std::string section_;
  std::vector<Command> commands_;
};

constexpr double tiny = std::numeric_limits<double>::min();
constexpr std::size_t million = 1'000'000, billion = 1'000'000'000;

std::vector<Option> make_options() {
  using enum Command;
  using T = TrainSettings;
  using S = Settings;
  const std::string part = "a number from 0 to 0.99";
  Table t;
  t.section("Text", {train});
  t.text("data", &T::data, "PATH",
         "one text file, which is split, or a folder with train.txt, valid.txt and perhaps test.txt, or "
         "ptb.train.txt and so on, or what rnnlm prepare has written; without it a built-in corpus");
  t.section("Text", {train, prepare});
  t.choice("level", &T::level, {"word", "char", "byte"},
           "what a token is: a word between blanks, a character of UTF-8, a byte");
  t.count("vocab", &T::vocabulary, 0, billion,
          "keep the N most frequent words, the others are <unk>; 0 keeps all");
  t.count("min-count", &T::min_count, 1, billion, "words that occur less than N times are <unk>");
  t.real("valid-split", &T::valid_split, "FRACTION", tiny, 0.5, "a number above 0 and up to 0.5",
         "of one text file, the part at its end that is held out");
  t.count("tokens", &T::tokens, 2, no_limit - 1, "train on the first N tokens only").commands = {train};

  t.section("Model", {train});
  t.choice("cell", &T::cell, cell_names(), "the recurrent cell; also --model");
  t.count("emsize", &T::embedding, 1, 32768, "size of the word vectors");
  t.count("nhid", &T::hidden, 1, 32768, "units of each layer");
  t.count("nlayers", &T::layers, 1, 100, "layers of cells");
  t.flag("tied", &T::tied, "the output layer shares the embedding's matrix");
  t.choice(
      "output", &T::output, {"full", "adaptive", "sampled"},
      "the output layer; for vocabularies of tens of thousands of words and more, adaptive: rare words have "
      "narrower vectors and cost little; sampled: trained on --samples words a step. Both are evaluated "
      "exactly");
  t.count("samples", &T::samples, 1, million, "words that a step of --output sampled draws beside its own");
  t.real("dropout", &T::dropout, "RATE", 0, 0.99, part,
         "rate of dropout on the embedding, between layers and before the output layer");
  t.flag("variational", &T::variational, "drop the same elements at all steps of a window");
  t.real("wdrop", &T::weight_drop, "RATE", 0, 0.99, part, "rate of dropout on the recurrent weights");
  t.real("init", &T::init, "BOUND", 0, 1e3, "a number from 0 to 1000",
         "initial weights are uniform in +-BOUND; 0 leaves each layer its own way");

  t.section("Training", {train});
  t.choice("optimizer", &T::optimizer, {"sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"},
           "what steps the weights; momentum is SGD with momentum 0.9");
  t.real("lr", &T::rate, "RATE", tiny, 1e37, "a number above 0 and up to 1e37",
         "learning rate of sgd; where none is given, momentum has a tenth, adam, adamw and rmsprop 0.002, "
         "adagrad 0.05");
  t.real("wdecay", &T::weight_decay, "RATE", 0, 1, "a number from 0 to 1", "weight decay");
  t.real("clip", &T::clip, "NORM", 0, 1e37, "a number from 0 to 1e37",
         "largest norm of a step's gradient; 0 clips nothing");
  t.choice("schedule", &T::schedule, {"constant", "decay", "plateau", "cosine"},
           "of the rate. decay: times --lr-decay after each epoch from --lr-epochs on; plateau: times "
           "--lr-decay after an epoch whose held-out loss is not the best so far; cosine: down to 0 in the "
           "last step");
  t.real("lr-decay", &T::decay, "FACTOR", tiny, 1, "a number above 0 and up to 1",
         "factor of each reduction of the rate");
  t.count("lr-epochs", &T::decay_after, 1, million, "epochs at the full rate");
  t.count("warmup", &T::warmup, 0, billion, "steps in which the rate rises to --lr");
  t.choice("average", &T::average, {"none", "exponential", "triggered"},
           "of the weights, evaluated and saved in their place. exponential: decay 0.999 a step; triggered: "
           "the mean since the held-out loss stopped falling (NT-ASGD)");
  t.count("epochs", &T::epochs, 1, million, "passes over the training text");
  t.count("patience", &T::patience, 0, million,
          "stop after N epochs without a better held-out loss; 0 never stops early");
  t.count("batch-size", &T::batch, 1, million, "tracks that are read side by side");
  t.count("bptt", &T::window, 1, million, "steps that the gradient flows back");
  t.count("shards", &T::shards, 1, 4096,
          "parts of the batch whose gradients are added up by a fixed tree: the numbers are the same for any "
          "--ranks; 8, or --batch-size if that is less, where --ranks is given");
  t.count("seed", &T::seed, 0, ~std::uint32_t{0}, "of the initial weights and all that is drawn");
  t.either("dtype", &T::use_double, "float", "double", "the scalar");
  t.either("protocol", &T::reference, "streams", "reference",
           "streams: contiguous tracks, every token once an epoch; reference: the small word model of the "
           "teaching literature, exactly (10 rows, 5 steps, 100 units, rate 0.1)");

  t.section("Files", {train});
  t.text("save", &S::save, "MODEL",
         "write the model here whenever it is the best so far; without it, a model of --data goes to "
         "rnnlm.safetensors at the end");
  t.text("checkpoint", &S::checkpoint, "FILE", "write all of the run here, so that it can go on");
  t.count("every", &S::every, 1, billion, "steps from one checkpoint to the next");
  t.text("resume", &S::resume, "FILE",
         "go on from a checkpoint, with its settings, and keep writing to it; the numbers are those of the "
         "unbroken run");
  t.text("log", &S::log, "FILE", "write one JSON object a line: settings, every interval, every epoch");
  t.count("log-interval", &S::log_interval, 1, billion, "windows from one line of progress to the next");
  t.text("report", &S::report, "FILE.html",
         "write a page with the curves of --log, which it needs, settings, sentences, and the held-out text "
         "coloured by surprise");
  t.flag("force", &S::force, "replace a file that is there").commands = {train, plot, prepare};

  t.section("Processes", {train});
  t.count("ranks", &S::ranks, 1, 4096,
          "processes that share the shards among them, started by mpirun; each holds the whole model");
  t.count("restarts", &S::restarts, 0, 1000,
          "where a process is lost, go on from the checkpoint so many times");

  t.section("What is shown", {train});
  t.flag("check", &S::check,
         "before training, prove the gradient of this very model on its first window, and report how many "
         "digits it keeps in float");
  t.count("sentences", &S::sentences, 0, 1000, "sentences to write at the end");

  t.section("Generation", {generate});
  t.text("prompt", &S::prompt, "TEXT",
         "what the text begins with; - reads standard input, which is not read otherwise, but where it is a "
         "terminal that is asked for prompts");
  t.count("seed", &T::seed, 0, ~std::uint32_t{0}, "of the draws: the same seed, the same text").role =
      Role::other;
  t.count("length", &S::length, 1, billion, "tokens to draw at most");
  t.count("count", &S::count, 1, million, "texts to draw, each with a seed of its own");
  t.real("temperature", &S::temperature, "TAU", 0, 1e6, "a number from 0 to 1000000",
         "divides the logits; 0 always takes the likeliest token");
  t.count("top-k", &S::top_k, 0, billion, "draw from the K likeliest tokens; 0: from all")
      .symbol.assign(1, 'K');
  t.real("top-p", &S::top_p, "P", tiny, 1, "a number above 0 and up to 1",
         "draw from the likeliest tokens that together have at least probability P");
  t.flag("sentence", &S::sentence, "stop at the end of a sentence");

  t.section("Scores", {score});
  t.flag("nbest", &S::nbest, "the text is lines 'id ||| text': rank the texts of each id");
  t.text(
      "mix", &S::column, "FILE",
      "mix with another model's log10 probabilities of the same text: what its `score` has written, or one "
      "number a line for each word and end of line");
  t.real("lambda", &S::lambda, "WEIGHT", 0, 1, "a number from 0 to 1", "weight of this model in the mixture");
  t.section("Text", {eval});
  t.text("data", &T::data, "PATH",
         "the text to measure: a file, or a folder, whose test.txt is read, or the test text of what rnnlm "
         "prepare has written; - reads standard input")
      .role = Role::other;
  t.section("Text", {prepare});
  t.text("data", &T::data, "PATH",
         "one text file, which is split, or a folder as for train; - reads standard input, and keeps it in a "
         "temporary file")
      .role = Role::other;
  t.text("save", &S::save, "FILE", "write the prepared text here");
  t.section("Scores", {eval, score});
  t.count("window", &S::eval_window, 1, million, "tokens read at a time; the result does not depend on it");

  t.section("Picture", {plot});
  t.text("output", &S::output, "FILE.svg", "write the curves here instead of to the terminal");
  t.choice("over", &S::over, {"epochs", "minutes"}, "what the curves are drawn over");

  t.section("Common", {train, eval, score, generate, prepare});
  t.count("threads", &S::threads, 0, 1024, "threads at most; 0: one for each processor");
  return std::move(t.all);
}

}  // namespace

bool Option::is_of(Command command) const {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

const std::vector<Option>& options() {
  static const std::vector<Option> all = make_options();
  return all;
}

const Option* find_option(std::string_view name) {
  if (name == "model") name = "cell";  // as in PyTorch's word_language_model
  const auto at = std::find_if(options().begin(), options().end(),
                               [&](const Option& option) { return option.name == name; });
  return at == options().end() ? nullptr : &*at;
}

const std::vector<CommandPage>& commands() {
  using enum Command;
  static const std::vector<CommandPage> all{
      {train,
       "train",
       "",
       0,
       0,
       "train a model; what a command line without a command means",
       "Trains on a text, or on a built-in corpus. Ctrl-C, or SIGTERM, ends the run after the window at "
       "hand: "
       "the model is saved, then evaluated; a second one ends it at once.",
       {{"rnnlm", "the demonstration on the built-in corpus, half a minute"},
        {"rnnlm train --data book.txt --save book.safetensors", "train on a text of your own"},
        {"rnnlm --data ptb --cell lstm --tied --log run.jsonl", "a folder of three texts, and a log"},
        {"rnnlm --data book.txt --checkpoint run.ckpt --every 500", "a run that can be killed"},
        {"rnnlm --resume run.ckpt", "and go on"},
        {"rnnlm --config recipes/zaremba-small.conf --data ptb", "a published recipe"}}},
      {eval,
       "eval",
       "MODEL",
       1,
       1,
       "measure the perplexity of a text under a model",
       "Reads the text as one stream, whatever the window: the perplexity is an exact sum over all tokens.",
       {{"rnnlm eval book.safetensors --data other.txt", ""},
        {"rnnlm eval lstm.safetensors --data ptb", "the test.txt of a folder"}}},
      {score,
       "score",
       "MODEL [FILE|-]",
       1,
       2,
       "write the log probability of every word and sentence",
       "Each line of the text is a sentence of its own, that begins after an end of sentence. Probabilities "
       "are logarithms to base 10.",
       {{"rnnlm score book.safetensors sentences.txt", ""},
        {"rnnlm score book.safetensors - --nbest < candidates", "rank candidates 'id ||| text'"}}},
      {generate,
       "generate",
       "MODEL",
       1,
       1,
       "let a model write",
       "Draws one token at a time and shows it at once. Without --prompt on a terminal it asks for prompts.",
       {{"rnnlm generate book.safetensors --prompt 'once upon' --length 50", ""},
        {"rnnlm generate book.safetensors --temperature 0.8 --top-p 0.95 --count 3 --sentence", ""}}},
      {info, "info", "MODEL", 1, 1, "say what a model file holds", "", {{"rnnlm info book.safetensors", ""}}},
      {plot,
       "plot",
       "LOG...",
       1,
       100,
       "draw the curves of one or several training logs",
       "Draws the losses of --log files: in the terminal, or as SVG.",
       {{"rnnlm plot run.jsonl", ""}, {"rnnlm plot a.jsonl b.jsonl --output curves.svg", ""}}},
      {prepare,
       "prepare",
       "",
       0,
       0,
       "write a text as ids, to train on more than fits into memory",
       "Chooses the words, numbers the tokens, and writes both to one file, which train, eval and info read "
       "from the disk as they need it. The results are those of the text.",
       {{"rnnlm prepare --data wiki.txt --vocab 200000 --save wiki.tokens", ""},
        {"zcat wiki.gz | rnnlm prepare --data - --vocab 65000 --save wiki.tokens", "from a pipe"},
        {"rnnlm train --data wiki.tokens --output adaptive --save wiki.safetensors", "and train on it"}}},
  };
  return all;
}

const CommandPage& page_of(Command command) {
  return *std::find_if(commands().begin(), commands().end(),
                       [&](const CommandPage& page) { return page.command == command; });
}

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
  // Levenshtein's distance, row by row.
  const auto distance = [&](std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::size_t diagonal = std::exchange(row[0], i + 1);
      for (std::size_t j = 0; j < other.size(); ++j) {
        const std::size_t changed = diagonal + (name[i] == other[j] ? 0 : 1);
        diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
      }
    }
    return row.back();
  };
  std::string best;
  std::size_t least = name.size() / 3 + 2;  // more changes than that are another word
  for (const std::string& one : known) {
    const std::size_t changes = name.size() > 40 ? least : distance(one);
    if (changes < least) least = changes, best = one;
  }
  return best;
}

const std::vector<std::pair<int, std::string>>& exit_statuses() {
  static const std::vector<std::pair<int, std::string>> all{
      {0, "it is done"},
      {2, "the command line or a configuration file makes no sense"},
      {65, "a text, model, checkpoint or log that cannot be used"},
      {66, "a file that cannot be read"},
      {70, "a fault of the program"},
      {71, "there is not enough memory"},
      {73, "a file that is there and would be replaced"},
      {74, "output that cannot be written"},
      {75, "training that diverged"},
      {76, "a process of --ranks was lost"},
      {130, "ended by SIGINT, Ctrl-C; the model is saved"},
      {143, "ended by SIGTERM; the model is saved"},
  };
  return all;
}

}  // namespace xgrad
