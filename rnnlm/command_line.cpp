// Reading the command line, by CLI11, and configuration files; see command_line.hpp. CLI11 splits the words;
// what they may be says the table of options.hpp.
#include "command_line.hpp"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/training/corpus.hpp>

#include "options.hpp"
#include "pages.hpp"
#include "prepared.hpp"
#include "resume.hpp"

namespace xgrad {

namespace {

using Words = std::vector<std::string>;

Words names_for(Command command) {
  Words names;
  for (const Option& option : options())
    if (option.is_of(command)) names.push_back(option.name);
  return names;
}

std::string did_you_mean(const std::string& name, const Words& known, const std::string& dashes = "") {
  const std::string near = nearest(name, known);
  return near.empty() ? "" : fmt::format("; did you mean {}{}?", dashes, near);
}

// Sets an option that `where` calls by its name.
void set(Settings& settings, const Option& option, const std::string& text, const std::string& where) {
  try {
    option.set(settings, text);
  } catch (const Expected& expected) {
    throw UsageError{fmt::format("{} is {}, expected {}", where, quote(text), expected.text)};
  }
  settings.given.insert(option.name);
}

// --batch_size is --batch-size.
Words with_dashes(Words words) {
  for (std::string& word : words)
    if (word.starts_with("--"))
      std::replace(word.begin(), std::min(std::find(word.begin(), word.end(), '='), word.end()), '_', '-');
  return words;
}

// What CLI11 made of the words of one command.
struct Split {
  std::vector<std::pair<const Option*, std::string>> values;
  Words configs, files;
};

// CLI11's parser of one command, and where it puts what it finds.
struct Parser {
  CLI::App app;
  Split result;

  explicit Parser(Command command) {
    app.set_help_flag();
    app.allow_extras();
    for (const Option& option : options()) {
      if (!option.is_of(command)) continue;
      const std::string name = option.name == "cell" ? "--cell,--model" : "--" + option.name;
      const auto take = [this, &option](const std::string& text) {
        result.values.emplace_back(&option, text);
      };
      if (option.is_switch())
        app.add_flag_callback(name, [take] { take("true"); });
      else
        app.add_option_function<std::string>(name, take)->take_last();
    }
    if (command == Command::train) app.add_option("--config", result.configs)->expected(1);
  }

  // It is kept: to be made it compares each option with all others.
  static Parser& of(Command command) {
    static std::map<Command, Parser> all;
    Parser& parser = all.try_emplace(command, command).first->second;
    parser.result = {};
    return parser;
  }
};

Split split(Command command, Words words) {
  Parser& parser = Parser::of(command);
  CLI::App& app = parser.app;
  Split& result = parser.result;
  // What follows "--" is no option.
  const auto dashes = std::find(words.begin(), words.end(), "--");
  Words rest(dashes == words.end() ? dashes : dashes + 1, words.end());
  words.erase(dashes, words.end());
  try {
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    // Its only other complaint is about a value that is missing; it begins with the option's name.
    const std::string text = error.what();
    const std::string name = text.substr(0, text.find_first_of(": "));
    if (name == "--config") throw UsageError{"--config needs a value, the name of a file"};
    const Option* const option = name.starts_with("--") ? find_option(name.substr(2)) : nullptr;
    if (option == nullptr) throw UsageError{text};
    try {
      Settings scratch;
      option->set(scratch, "");
    } catch (const Expected& expected) {
      throw UsageError{fmt::format("{} needs a value, {}", name, expected.text)};
    }
    throw UsageError{name + " needs a value"};
  }
  for (const std::string& word : app.remaining()) {
    if (!word.starts_with("-") || word == "-") {
      result.files.push_back(word);
      continue;
    }
    const std::string name = word.substr(0, word.find('='));
    const std::string bare = name.substr(
        name.find_first_not_of('-') == std::string::npos ? name.size() : name.find_first_not_of('-'));
    const Option* const other = find_option(bare);
    if (other != nullptr && name.starts_with("--")) {
      const CommandPage& page = page_of(command);
      throw UsageError{
          fmt::format("{} is no option of {}{}", quote(name), page.name,
                      page.arguments.empty() ? "" : ": expected " + page.name + " " + page.arguments)};
    }
    if (bare.starts_with("no-") && find_option(bare.substr(3)) != nullptr)
      throw UsageError{
          fmt::format("there is no option {}; --{}=false switches it off", quote(name), bare.substr(3))};
    throw UsageError{
        fmt::format("there is no option {}{}", quote(name), did_you_mean(bare, names_for(command), "--"))};
  }
  result.files.insert(result.files.end(), rest.begin(), rest.end());
  return std::move(result);
}

// What somebody may have meant by a word that is no option.
std::string hint(Command command, const std::string& word) {
  std::error_code ignored;
  const bool takes_data =
      command == Command::train || command == Command::eval || command == Command::prepare;
  if (takes_data && std::filesystem::exists(word, ignored))
    return fmt::format("; did you mean --data {}?", escaped(word));
  if (command == Command::generate) return "; a prompt stands in quotes, --prompt 'once upon'";
  return "";
}

void check_files(const Settings& settings) {
  const CommandPage& page = page_of(settings.command);
  const std::size_t n = settings.files.size();
  if (n > page.most)
    throw UsageError{fmt::format(
        "{} is one too many: {}{}", quote(settings.files[page.most]),
        page.most == 0 ? page.name + " takes options alone" : "expected " + page.name + " " + page.arguments,
        hint(settings.command, settings.files[page.most]))};
  if (n < page.least)
    throw UsageError{
        fmt::format("expected {} {}, as in '{}'", page.name, page.arguments, page.examples.front().first)};
}

}  // namespace

void read_config(std::string_view text, const std::string& file, Settings& settings) {
  constexpr std::string_view blanks = " \t\r";
  const auto trimmed = [&](std::string_view part) {
    const auto begin = part.find_first_not_of(blanks);
    return begin == std::string_view::npos
               ? std::string()
               : std::string(part.substr(begin, part.find_last_not_of(blanks) + 1 - begin));
  };
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view whole = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), whole.size() + 1));
    const std::string line = trimmed(whole.substr(0, whole.find('#')));
    if (line.empty()) continue;
    const auto equals = line.find('=');
    const std::string where = fmt::format("{}, line {}", file, number);
    if (equals == std::string::npos)
      throw UsageError{fmt::format("{} is {}, expected 'name = value'", where, quote(line))};
    std::string name = trimmed(std::string_view(line).substr(0, equals));
    std::replace(name.begin(), name.end(), '_', '-');
    const Option* const option = find_option(name);
    if (option == nullptr || !option->is_of(Command::train))
      throw UsageError{fmt::format("{}: there is no option {}{}", where, quote(name),
                                   did_you_mean(name, names_for(Command::train)))};
    set(settings, *option, trimmed(std::string_view(line).substr(equals + 1)), where + ": " + name);
  }
}

std::optional<Settings> parse(const Words& arguments) {
  Words words = with_dashes(arguments);
  Settings settings;
  bool named = false;
  if (!words.empty() && words[0] == "help") {  // as `git help train`
    words.erase(words.begin());
    words.push_back("--help");
  }
  if (!words.empty() && !words[0].starts_with("-")) {
    const auto page = std::find_if(commands().begin(), commands().end(),
                                   [&](const CommandPage& one) { return one.name == words[0]; });
    if (page == commands().end()) {
      Words known;
      for (const CommandPage& one : commands()) known.push_back(one.name);
      throw UsageError{fmt::format("there is no command {}{}{}", quote(words[0]),
                                   did_you_mean(words[0], known), hint(Command::train, words[0]))};
    }
    settings.command = page->command;
    named = true;
    words.erase(words.begin());
  }
  const auto asked = [&](const char* name) {
    return std::find(words.begin(), words.end(), name) != words.end();
  };
  std::optional<std::string> page;
  if (asked("--help") || asked("-h"))
    page = named ? help_page(settings.command) : help_page();
  else if (asked("--version"))
    page = to_string(config()) + "\n";
  else if (asked("--man-page"))
    page = man_page();
  else if (asked("--bash-completion"))
    page = bash_completion();
  if (page) {
    fmt::print("{}", *page);
    return std::nullopt;
  }

  const Split line = split(settings.command, std::move(words));
  for (const std::string& file : line.configs) read_config(read_file(file), quote_file(file), settings);
  for (const auto& [option, text] : line.values) set(settings, *option, text, "--" + option->name);
  settings.configs = line.configs;
  settings.files = line.files;
  check_files(settings);
  if (settings.resume) take_resumed_settings(settings);
  complete(settings);
  return settings;
}

namespace {

// Takes the values of `defaults` for all options that were not given.
void take_defaults(Settings& settings, const TrainSettings& defaults) {
  Settings of_all;
  of_all.train = defaults;
  for (const Option& option : options()) {
    const std::string text = option.get(of_all);
    if (option.role == Role::number && !settings.given.contains(option.name) && !text.empty())
      option.set(settings, text);
  }
}

// The protocol of the reference word model leaves nothing to choose but seed, scalar, epochs and the text.
void apply_reference(Settings& settings) {
  TrainSettings fixed;
  fixed.reference = true;
  fixed.batch = 10;
  fixed.window = 5;
  fixed.embedding = fixed.hidden = 100;
  fixed.rate = 0.1;
  fixed.clip = 0;
  fixed.schedule = "constant";
  fixed.epochs = 100;
  Settings of_all;
  of_all.train = fixed;
  for (const Option& option : options()) {
    if (option.role != Role::number || !settings.given.contains(option.name)) continue;
    static const Words free{"data", "tokens", "seed", "dtype", "epochs", "protocol", "vocab", "min-count"};
    const std::string asked = option.get(settings), expected = option.get(of_all);
    if (std::find(free.begin(), free.end(), option.name) == free.end() && asked != expected)
      throw UsageError{
          fmt::format("--protocol reference fixes --{} at {}, but {} was asked for; leave one of "
                      "them out",
                      option.name, expected, asked)};
  }
  take_defaults(settings, fixed);
}

}  // namespace

double suitable_rate(const TrainSettings& settings) {
  const std::string& name = settings.optimizer;
  if (name == "adam" || name == "adamw" || name == "rmsprop") return 0.002;
  if (name == "adagrad") return 0.05;
  return name == "momentum" ? settings.rate / 10 : settings.rate;
}

TrainSettings with_data() {
  TrainSettings settings;
  settings.cell = "gru";
  settings.embedding = settings.hidden = 200;
  settings.dropout = 0.2;
  settings.window = 35;
  settings.rate = 20;
  settings.schedule = "plateau";
  settings.decay = 0.25;
  settings.epochs = 12;
  return settings;
}

void complete(Settings& settings) {
  if (settings.command == Command::eval && !settings.train.data)
    throw UsageError{"eval needs --data, the text to evaluate"};
  if (settings.command == Command::prepare && !settings.train.data)
    throw UsageError{"prepare needs --data, a text"};
  if (settings.command == Command::prepare && !settings.save)
    throw UsageError{"prepare needs --save, the file to write"};
  const auto only_with = [&](const char* name, bool fits, const std::string& other) {
    if (settings.given.contains(name) && !fits)
      throw UsageError{fmt::format("--{} means something only with {}", name, other)};
  };
  only_with("lambda", settings.column.has_value(), "--mix");
  if (settings.command != Command::train) return;
  TrainSettings& train = settings.train;
  if (train.data == "-")
    throw UsageError{
        "train reads no text from standard input; rnnlm prepare --data - writes it to a file that train "
        "reads"};
  if (!settings.resume && train.reference)
    apply_reference(settings);
  else if (!settings.resume && train.data)
    take_defaults(settings, with_data());
  if (!settings.given.contains("lr")) train.rate = suitable_rate(train);
  if (train.tied && train.embedding != train.hidden)
    throw UsageError{
        fmt::format("--tied needs word vectors as wide as the hidden state, but --emsize is {} and --nhid {}",
                    train.embedding, train.hidden)};
  if (train.tied && train.output == "adaptive")
    throw UsageError{"--tied and --output adaptive exclude each other: its vectors have several widths"};
  only_with("restarts", settings.ranks > 1, "--ranks");
  only_with("restarts", settings.checkpoint || settings.resume, "--checkpoint or --resume");
  if (settings.ranks > 1 && train.reference)
    throw UsageError{"--protocol reference computes its batch as a whole, in one process: leave out --ranks"};
  if (settings.ranks > train.batch)
    throw UsageError{fmt::format("--ranks {} are more than the tracks of the batch, --batch-size {}",
                                 settings.ranks, train.batch)};
  if (!settings.resume && settings.given.contains("ranks") && !settings.given.contains("shards"))
    train.shards = std::max(settings.ranks, std::min<std::size_t>(8, train.batch));
  if (settings.ranks > train.shards)
    throw UsageError{fmt::format("--ranks {} are more than --shards {}: each needs at least one",
                                 settings.ranks, train.shards)};
  if (train.shards > train.batch)
    throw UsageError{fmt::format("--shards {} are more than the tracks of the batch, --batch-size {}",
                                 train.shards, train.batch)};
  if (settings.resume) return;
  only_with("samples", train.output == "sampled", "--output sampled");
  only_with("lr-epochs", train.schedule == "decay", "--schedule decay");
  only_with("lr-decay", train.schedule == "decay" || train.schedule == "plateau",
            "--schedule decay or plateau");
  only_with("every", settings.checkpoint || settings.resume, "--checkpoint or --resume");
  only_with("variational", train.dropout > 0, "--dropout");
  only_with("report", settings.log.has_value(), "--log, which has its curves");
  only_with("valid-split", train.data.has_value(), "--data");
  if (train.data && is_prepared(*train.data)) {  // which says what it is
    for (const char* name : {"level", "vocab", "min-count", "valid-split"})
      if (settings.given.contains(name))
        throw UsageError{fmt::format("{} is a prepared text: --{} belongs to rnnlm prepare",
                                     quote_file(*train.data), name)};
    train.level = prepared_metadata(*train.data, "level");  // checked when it is loaded
  }
  if (!train.data && train.level != "word")
    throw UsageError{"the built-in corpus is of words; --level " + train.level + " needs --data"};
}

std::vector<std::pair<std::string, std::string>> in_force(const Settings& settings) {
  std::vector<std::pair<std::string, std::string>> result;
  for (const Option& option : options()) {
    const std::string text = option.get(settings);
    if (option.role == Role::number && !text.empty()) result.emplace_back(option.name, text);
  }
  return result;
}

}  // namespace xgrad
