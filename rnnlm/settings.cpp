// The command line, by CLI11. Numbers are taken as text and converted here, so that every impossible value
// (negative, nan, too large, trailing letters) gets one kind of sentence.
#include "settings.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <xgrad/autograd/config.hpp>
#include <xgrad/layers/any_cell.hpp>

namespace xgrad {

namespace {

template <class Number>
Number number(const std::string& option, const std::string& text, Number low, Number high,
              const char* expected) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // Written so that nan fails.
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high))
    throw UsageError{fmt::format("{} is '{}', expected {}", option, text, expected)};
  return value;
}

void set(const std::string& option, const std::string& text, std::size_t& value, std::size_t low,
         std::size_t high = 1'000'000'000) {
  value = number<std::size_t>(option, text, low, high,
                              fmt::format("a whole number from {} to {}", low, high).c_str());
}

void set(const std::string& option, const std::string& text, double& value, double high) {
  value = number<double>(option, text, std::numeric_limits<double>::min(), high,
                         fmt::format("a number above 0 and up to {}", high).c_str());
}

// The protocol of the reference word model leaves nothing to choose but seed, scalar, epochs and the text.
void apply_reference(Settings& settings, const CLI::App& app) {
  const Settings given = settings;
  settings.reference = true;
  settings.batch = 10;
  settings.window = 5;
  settings.embedding = settings.hidden = 100;
  settings.rate = 0.1;
  settings.decay = 1;
  settings.clip.reset();
  if (app.count("--epochs") == 0) settings.epochs = 100;
  const auto check = [&](const char* option, auto asked, auto fixed) {
    if (app.count(option) > 0 && asked != fixed)
      throw UsageError{
          fmt::format("--protocol reference fixes {} at {}, but {} was asked for; leave one of them out",
                      option, fixed, asked)};
  };
  check("--batch-size", given.batch, settings.batch);
  check("--bptt", given.window, settings.window);
  check("--emsize", given.embedding, settings.embedding);
  check("--nhid", given.hidden, settings.hidden);
  check("--lr", given.rate, settings.rate);
  check("--lr-decay", given.decay, settings.decay);
  if (app.count("--lr-epochs") > 0)
    throw UsageError{"--protocol reference keeps its rate; leave --lr-epochs out"};
  for (const char* option : {"--clip", "--cell", "--nlayers", "--dropout", "--tied"})
    if (app.count(option) > 0)
      throw UsageError{
          fmt::format("--protocol reference is one Elman layer trained without {}; leave it out", option)};
}

}  // namespace

std::optional<Settings> parse(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a recurrent language model, whose cells are written forward-only, and lets it write.",
               "rnnlm");
  app.set_help_flag("-h,--help", "print this page and leave");
  app.set_version_flag(
      "--version", [] { return to_string(config()); }, "print version, BLAS and kernels, and leave");
  const auto option = [&](const char* name, const std::string& text, auto apply) {
    app.add_option_function<std::string>(
           name, [name, apply](const std::string& value) { apply(std::string(name), value); }, text)
        ->take_last();
  };
  const auto count = [&](const char* name, const std::string& text, std::size_t& value,
                         std::size_t high = 1'000'000) {
    option(name, fmt::format("{} (default {})", text, value),
           [&value, high](const std::string& n, const std::string& v) { set(n, v, value, 1, high); });
  };
  const auto positive = [&](const char* name, const std::string& text, double& value, double high) {
    option(name, fmt::format("{} (default {})", text, value),
           [&value, high](const std::string& n, const std::string& v) { set(n, v, value, high); });
  };
  app.add_option(
      "--cell", settings.cell,
      fmt::format("the recurrent cell: {} (default {})", fmt::join(cell_names(), ", "), settings.cell));
  count("--nlayers", "layers of cells", settings.layers, 100);
  option("--dropout", "rate of dropout on embedding, between layers and before the output layer (default 0)",
         [&](const std::string& n, const std::string& v) {
           settings.dropout = number<double>(n, v, 0, 0.99, "a number from 0 to 0.99");
         });
  app.add_flag("--tied", settings.tied, "let the output layer share the embedding's matrix");
  std::string protocol = "streams", scalar = "float", data, log;
  app.add_option(
      "--data", data,
      "folder with train.txt, valid.txt, test.txt, or ptb.train.txt and so on (default: a built-in corpus)");
  option("--tokens", "train on the first N tokens only (default all)",
         [&](const std::string& n, const std::string& v) { set(n, v, settings.tokens, 2); });
  app.add_option(
      "--protocol", protocol,
      "streams: contiguous tracks, every token once an epoch; reference: the small word model of the "
      "teaching literature, exactly (10 rows, 5 steps, 100 units, rate 0.1) (default streams)");
  app.add_option("--dtype", scalar, "float or double (default float)");
  option("--seed", "of the initial weights and the generated text (default 0)",
         [&](const std::string& n, const std::string& v) {
           settings.seed =
               number<std::uint32_t>(n, v, 0, ~std::uint32_t{0}, "a whole number from 0 to 2^32 - 1");
         });
  count("--epochs", "passes over the training text; reference: 100", settings.epochs);
  positive("--lr", "learning rate of gradient descent", settings.rate, 1e37);
  positive("--lr-decay", "factor on the rate after each late epoch", settings.decay, 1);
  count("--lr-epochs", "epochs at the full rate", settings.decay_after);
  option("--clip", fmt::format("largest norm of a step's gradient (default {})", *settings.clip),
         [&](const std::string& n, const std::string& v) { set(n, v, *settings.clip, 1e37); });
  count("--emsize", "size of the word vectors", settings.embedding, 32768);
  count("--nhid", "size of the hidden state", settings.hidden, 32768);
  count("--batch-size", "tracks read side by side", settings.batch);
  count("--bptt", "steps that the gradient flows back", settings.window);
  option("--sentences", fmt::format("sentences to write at the end (default {})", settings.sentences),
         [&](const std::string& n, const std::string& v) { set(n, v, settings.sentences, 0, 1000); });
  app.add_option("--log", log, "file for one JSON object per epoch");

  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return std::nullopt;
  } catch (const CLI::CallForVersion& version) {
    fmt::print("{}\n", version.what());
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError{error.what()};
  }
  if (app.count("--data") > 0) settings.data = data;
  if (app.count("--log") > 0) settings.log = log;
  if (scalar != "float" && scalar != "double")
    throw UsageError{fmt::format("--dtype is '{}', expected float or double", scalar)};
  settings.use_double = scalar == "double";
  if (std::find(cell_names().begin(), cell_names().end(), settings.cell) == cell_names().end())
    throw UsageError{
        fmt::format("--cell is '{}', expected one of {}", settings.cell, fmt::join(cell_names(), ", "))};
  if (settings.tied && settings.embedding != settings.hidden)
    throw UsageError{
        fmt::format("--tied needs word vectors as wide as the hidden state, but --emsize is {} and --nhid {}",
                    settings.embedding, settings.hidden)};
  if (protocol != "streams" && protocol != "reference")
    throw UsageError{fmt::format("--protocol is '{}', expected streams or reference", protocol)};
  if (protocol == "reference") apply_reference(settings, app);
  return settings;
}

}  // namespace xgrad
