// The training loop. The heart is three lines: record a window, step, carry the state (see `train_window`).
// What a run has to remember to go on with the same bits is listed in `make_checkpoint`.
#include "train.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/parameters/file.hpp>
#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/state.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/generate.hpp>
#include <xgrad/training/checkpoint.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/finite_check.hpp>
#include <xgrad/training/perplexity.hpp>
#include <xgrad/training/shards.hpp>
#include <xgrad/training/stopping.hpp>

#include "check.hpp"
#include "command_line.hpp"
#include "files.hpp"
#include "log.hpp"
#include "memory.hpp"
#include "methods.hpp"
#include "model.hpp"
#include "outputs.hpp"
#include "progress.hpp"
#include "report.hpp"
#include "resume.hpp"
#include "run_windows.hpp"
#include "show.hpp"
#include "signals.hpp"
#include "text.hpp"

namespace xgrad {

namespace {

// Reference word model: standard normals in the order embedding, Wx, Wh, affine, divided by 100 for the
// embedding and by 10 for the others, each rounded to float whatever the scalar of the run; biases zero.
template <class T>
void initialize_reference(const Parameters<T>& parameters, std::uint32_t seed) {
  Random random(seed);
  for (const char* path : {"embed/W", "cell/0/Wx", "cell/0/Wh", "affine/W"}) {
    const Shape shape = parameters[path].shape();
    const double divisor = path == std::string_view("embed/W") ? 100 : 10;
    std::vector<T> values(shape.size());
    for (T& value : values) value = static_cast<T>(static_cast<float>(random.normal() / divisor));
    parameters.assign(path, Array<T>(shape, values));
  }
}

// Of the bytes of a file.
std::uint64_t hash_of(const std::string& file) {
  const MappedFile mapped(file);
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const std::byte byte : mapped.bytes())
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3;
  return hash;
}

// Thrown out of an evaluation by a signal to stop.
struct Interrupted {};

template <class T>
class TrainingRun {
 public:
  TrainingRun(const Settings& all, const Text& text, Ranks& ranks)
      : all_(all),
        settings_(all.train),
        text_(text),
        ranks_(ranks),
        parameters_(settings_.seed),
        network_(build_network(parameters_, text.vocabulary.size(), settings_)),
        optimizer_(make_optimizer(parameters_, settings_)),
        shards_(parameters_, settings_.shards, ranks.exchange(T{})),
        windows_(all, text.train),
        schedule_(settings_, windows_.size()),
        average_(parameters_, settings_),
        best_(parameters_),
        patience_({.patience = std::max<std::size_t>(settings_.patience, 1) - 1}),
        progress_(
            Progress::of_stdout(all.log_interval, [this](std::string_view line) { outputs_.say(line); })) {
    if (settings_.reference) initialize_reference(parameters_, settings_.seed);
    state_ = network_.zero(settings_.batch);
    if (text.valid) valid_.emplace(heldout_windows(text, settings_, *text.valid, 10));
  }

  void operator()() {
    note_stop_signals();
    agree();
    open_files();
    introduce();
    if (all_.check) read_weights();
    if (all_.check && ranks_.is_first())
      check_model(parameters_, settings_, text_.vocabulary.size(), windows_.at(0, 0));
    share_state();
    if (checkpoint_ && !all_.resume) write_checkpoint();
    try {
      for (; at_.epoch <= settings_.epochs && at_.stopped_early == 0; next_epoch()) train_epoch();
      finish();
    } catch (const Interrupted&) {
      stop();
    }
    outputs_.finish();
  }

 private:
  using Clock = std::chrono::steady_clock;

  // Where the run is: all of its numbers that are neither weights nor states.
  struct Position {
    std::uint64_t epoch = 1, window = 0, step = 0, tokens = 0, stopped_early = 0, best_epoch = 0,
                  best_step = 0, log_size = 0;
    std::uint64_t epoch_tokens = 0, interval_tokens = 0;
    double epoch_loss = 0, interval_loss = 0,
           last_loss = 0;  // sums over tokens; of windows in the reference protocol
    double seconds = 0;
  };

  // That all processes do the same, before they begin.
  void agree() {
    try {
      ranks_.agree("version", config().version);
      ranks_.agree("settings", resumable_settings(all_));
      ranks_.agree("text", std::to_string(text_.fingerprint()));
      ranks_.agree("instruction set", config().kernels);
      if (all_.resume && ranks_.size() > 1) ranks_.agree("checkpoint", std::to_string(hash_of(*all_.resume)));
    } catch (const Error& error) {
      throw UsageError{sentence(error)};
    }
  }

  void open_files() {
    if (all_.resume || all_.checkpoint) {
      make_checkpoint(checkpoint_name());
      if (all_.resume) restore();
    }
    if (!ranks_.is_first()) return;
    // A run that goes on replaces what it has written before.
    std::vector<std::string> others = input_files(all_);
    const auto check = [&](const char* option, const std::optional<std::string>& file) {
      if (!file) return;
      check_output(option, *file, all_.force || all_.resume, others);
      others.push_back(*file);
    };
    check("--save", all_.save);
    if (!all_.resume && all_.checkpoint) {
      check("--checkpoint", all_.checkpoint);
      check("--checkpoint", *all_.checkpoint + ".previous");
    }
    check("--log", all_.log);
    check("--report", all_.report);
    if (all_.save) model_file_.emplace("--save", *all_.save);
    if (checkpoint_) checkpoint_file_.emplace(all_.resume ? "--resume" : "--checkpoint", checkpoint_name());
    if (!all_.log) return;
    if (all_.resume && at_.log_size > 0 && !std::filesystem::exists(*all_.log))
      throw OutputError{fmt::format(
          "the log of this run, {}, is gone; put it back, or begin another by --log", quote_file(*all_.log))};
    log_ = all_.resume && at_.log_size > 0 ? Log::resume(*all_.log, at_.log_size)
                                           : Log::create(*all_.log, all_.force);
  }

  const std::string& checkpoint_name() const { return all_.resume ? *all_.resume : *all_.checkpoint; }

  void make_checkpoint(const std::string& file) {
    checkpoint_.emplace(file);
    checkpoint_->keep("model", parameters_).keep("optimizer", *optimizer_).keep("schedule", schedule_);
    checkpoint_->keep("average", average_).keep("best", best_).keep("patience", patience_);
    checkpoint_->keep("state", state_).keep("settings", settings_text_).keep("text", text_mark_);
    checkpoint_->keep("epoch", at_.epoch).keep("window", at_.window).keep("step", at_.step);
    checkpoint_->keep("tokens", at_.tokens).keep("stopped_early", at_.stopped_early);
    checkpoint_->keep("best_epoch", at_.best_epoch).keep("best_step", at_.best_step);
    checkpoint_->keep("log_size", at_.log_size).keep("epoch_tokens", at_.epoch_tokens);
    checkpoint_->keep("interval_tokens", at_.interval_tokens).keep("epoch_loss", at_.epoch_loss);
    checkpoint_->keep("interval_loss", at_.interval_loss).keep("last_loss", at_.last_loss);
    checkpoint_->keep("seconds", at_.seconds);
    settings_text_ = resumable_settings(all_);
    text_mark_ = text_.fingerprint();
  }

  void restore() {
    const std::string quoted = quote_file(*all_.resume), settings = settings_text_;
    const std::uint64_t mark = text_mark_;
    try {
      if (!checkpoint_->load()) throw NoInput("checkpoint", "there is no file " + quoted);
    } catch (const NoInput&) {
      throw;
    } catch (const Error& error) {
      throw BadData("checkpoint", error.what());
    }
    if (text_mark_ != mark)
      throw BadData(
          "checkpoint",
          fmt::format("{} is of a run on another text than {}; give that text, or begin a new run", quoted,
                      settings_.data ? quote_file(*settings_.data) : "the built-in corpus"));
    // Another log begins here.
    if (nlohmann::json::parse(settings_text_).value("log", "") != all_.log.value_or("")) at_.log_size = 0;
    settings_text_ = settings;
    resumed_seconds_ = at_.seconds;
  }

  // Makes the updates that an optimizer has deferred, as reading does, in all processes at once; see World.
  void read_weights() {
    for (const auto& w : parameters_.list()) (void)w.value();
  }

  // The state of all tracks, which are fewer after the last window of an epoch, to that of the shards here,
  // and back.
  void share_state() {
    std::size_t count = 0;
    for_each_part(state_, [&](const auto& part) { count = part.shape()[0]; });
    states_.clear();
    for (std::size_t shard = shards_.first(); shard < shards_.last(); ++shard) {
      const Columns tracks = shards_.columns(shard, settings_.batch);
      states_.push_back(rows(state_, std::min(tracks.first, count), std::min(tracks.last, count)));
    }
  }
  void gather_state() {
    if (shards_.count() == 1) {
      state_ = states_[0];
    } else {
      state_ = gather_rows(concat_rows(states_),
                           [this](const std::string& bytes) { return ranks_.concatenate(bytes); });
    }
  }

  void write_checkpoint() {
    gather_state();
    if (!ranks_.is_first()) return;
    log_.synchronize();
    at_.log_size = log_.size();
    at_.seconds = seconds();
    checkpoint_file_->replace([&] { checkpoint_->save(); });
  }
  void save_checkpoint() {
    outputs_.attempt("checkpoint", [&] { write_checkpoint(); });
  }
  template <class Line>
  void log(const Line& line) {
    outputs_.attempt_once("log", [&] { log_.write(line); });
  }

  void introduce() {
    fmt::print("{}", text_summary(settings_, text_));
    fmt::print("{}", paragraph(fmt::format("{} of {} units, {} layer{}, word vectors of {}: {} parameters",
                                           settings_.cell, settings_.hidden, settings_.layers,
                                           settings_.layers == 1 ? "" : "s", settings_.embedding,
                                           parameters_.count())));
    fmt::print("{}", paragraph("settings: " + settings_in_force(all_)));
    if (all_.resume && (at_.epoch > settings_.epochs || at_.stopped_early != 0))
      fmt::print("{} is of a run that has done its {} epochs; with more --epochs it goes on\n",
                 quote_file(*all_.resume), at_.epoch - 1);
    else if (all_.resume)
      fmt::print("goes on from {}: epoch {}, window {} of {}\n", quote_file(*all_.resume), at_.epoch,
                 at_.window, windows_.size());
    std::fflush(stdout);
    if (all_.resume && at_.log_size > 0) return;
    nlohmann::ordered_json options = nlohmann::ordered_json::object();
    for (const auto& [name, value] : in_force(all_)) options[name] = value;
    log_.settings({{"version", config().version},
                   {"settings", options},
                   {"parameters", parameters_.count()},
                   {"vocabulary", text_.vocabulary.size()},
                   {"training_tokens", text_.train.size()},
                   {"steps_per_epoch", windows_.size()}});
  }

  void train_epoch() {
    epoch_start_ = process_seconds();
    tokens_before_ = at_.tokens;
    try {
      while (at_.window < windows_.size()) {
        const Window window = windows_.at(at_.window, at_.step);
        optimizer_->set_rate(schedule_(at_.epoch, at_.step));
        train_window(window);
        if (checkpoint_ && at_.step % all_.every == 0) save_checkpoint();
        if (asked_to_stop()) stop();
      }
    } catch (const NonfiniteError& error) {
      progress_.clear();
      // All processes come here; the first of those whose shards have made the number speaks.
      const auto ranks = static_cast<int>(ranks_.size()), rank = static_cast<int>(ranks_.rank());
      const int speaker = ranks - ranks_.largest(error.report.finite() ? 0 : ranks - rank);
      const std::string text = ranks_.concatenate(
          rank == speaker || (speaker == ranks && rank == 0) ? std::string(error.what()) : "");
      throw Diverged{
          fmt::format("{}; the training diverged; try a smaller --lr than {}", text, settings_.rate)};
    }
    finish_epoch();
  }

  // One step of truncated backpropagation through time. The tape ends with the scope, so the state goes on as
  // a constant, and the gradient of the next window stops there. Each token has the same weight: the short
  // window at the end of an epoch makes a short step. A loss or gradient that is not finite ends the run
  // before it is stepped on, with the reason: the window is run again for it.
  void train_window(const Window& window) {
    const RandomKey key = RandomKey(settings_.seed).fold(at_.step);
    const bool whole = shards_.count() == 1;
    const auto all = static_cast<double>(settings_.batch * settings_.window);
    const std::size_t tokens = window.inputs.size();
    const auto part_of = [&](std::size_t shard) {
      return whole ? window : columns(window, shards_.columns(shard, settings_.batch));
    };
    std::vector<State> next = states_;
    // Weights that are dropped are computed on the tape.
    const auto forward = [&](std::size_t shard, const Window& part) {
      const std::size_t i = shard - shards_.first();
      const State state = first_rows(states_[i], part.inputs.shape()[1]);
      auto [loss, after] =
          for_training(network_, whole ? key : key.fold(shard)).loss(part.inputs, part.targets, state);
      next[i] = std::move(after);
      return loss;
    };
    Gradients<T> gradients;
    double mean = 0;
    if (whole) {
      Tape<T> tape;
      const auto loss = forward(0, window);
      gradients = tape.gradient(loss, {.seed = Array<T>(static_cast<double>(tokens) / all)});
      mean = static_cast<double>(loss.item());
    } else {
      auto result = shards_.gradient([&](std::size_t shard) -> std::optional<Variable<T>> {
        const Window part = part_of(shard);
        if (part.inputs.size() == 0) return std::nullopt;
        return forward(shard, part) * (static_cast<double>(part.inputs.size()) / all);
      });
      gradients = std::move(result.gradients);
      mean = result.loss * all / static_cast<double>(tokens);
    }
    const double norm = settings_.clip > 0 ? clip_global_norm(gradients, parameters_, settings_.clip)
                                           : global_norm(gradients, parameters_);
    const auto word = [this](Vocabulary::Id id) { return text_.vocabulary.word(id); };
    // The number may also be of a shard that is computed elsewhere.
    const auto again = [&] {
      if (whole) return forward(0, window);
      Variable<T> total = Array<T>(0);
      for (std::size_t shard = shards_.first(); shard < shards_.last(); ++shard)
        if (const Window part = part_of(shard); part.inputs.size() > 0)
          total = total + forward(shard, part) * (static_cast<double>(part.inputs.size()) / all);
      return total;
    };
    NonfiniteOptions replay{.word = word};
    if (whole) {
      replay.tokens = window.inputs;
      replay.seed = static_cast<double>(tokens) / all;
    }
    check_finite(mean, norm, again, {at_.step + 1, at_.epoch, replay});
    optimizer_->step(gradients);
    average_.update();
    states_ = std::move(next);

    // The reference's perplexity is e to the mean of its window losses.
    const double weight = settings_.reference ? 1 : static_cast<double>(tokens);
    const std::uint64_t counted = settings_.reference ? 1 : tokens;
    ++at_.window;
    ++at_.step;
    at_.tokens += tokens;
    at_.epoch_loss += mean * weight;
    at_.epoch_tokens += counted;
    at_.interval_loss += mean * weight;
    at_.interval_tokens += counted;
    progress_.update(
        {at_.epoch, settings_.epochs, at_.window, windows_.size(), mean, norm, optimizer_->rate(), speed()});
    if (at_.step % all_.log_interval != 0) return;
    log(Interval{at_.epoch, at_.step, at_.tokens,
                 at_.interval_loss / static_cast<double>(at_.interval_tokens), norm, optimizer_->rate(),
                 seconds()});
    at_.interval_loss = 0;
    at_.interval_tokens = 0;
  }

  // The held-out loss, or in the reference protocol, which has no such text, the training loss.
  void finish_epoch() {
    const double training = at_.epoch_loss / static_cast<double>(at_.epoch_tokens);
    const double tokens_per_second = speed();
    double loss = training;
    {
      const auto averaged = average_.use();
      if (valid_) loss = heldout("valid", *valid_);
      progress_.clear();
      check_sense(training, loss);
      if (note_best(loss) && all_.save) save_to_model_file(Weights::best);
    }
    at_.last_loss = loss;
    schedule_.observe(loss);
    average_.observe(loss);
    at_.stopped_early = settings_.patience > 0 && patience_(loss) ? 1 : 0;
    log(Epoch{at_.epoch, at_.step, at_.tokens, training,
              valid_ ? loss : std::numeric_limits<double>::quiet_NaN(), optimizer_->rate(), seconds()});
    outputs_.say(epoch_line(training, loss, tokens_per_second) + "\n");
  }

  void next_epoch() {
    ++at_.epoch;
    at_.window = 0;
    at_.epoch_loss = 0;
    at_.epoch_tokens = 0;
    if (!settings_.reference) {  // which carries it on
      state_ = network_.zero(settings_.batch);
      share_state();
    }
    if (checkpoint_) save_checkpoint();
    if (asked_to_stop()) stop();
  }

  // Whether a signal has asked any of the processes to.
  bool asked_to_stop() {
    asked_ = ranks_.largest(stop_signal());
    return asked_ != 0;
  }

  // The work is saved before anything else is done; then the weights of this moment are evaluated, unless the
  // run was over, and take the place of the best ones in the file if they are better.
  [[noreturn]] void stop() {
    const int signal = asked_;
    stopping_ = true;
    progress_.clear();
    if (checkpoint_ && !over_) save_checkpoint();
    std::string file;
    if (at_.best_epoch > 0) {
      file = with_best([this] { return keep_model(Weights::best); });
    } else {
      const auto averaged = average_.use();
      file = keep_model(Weights::last);
    }
    const auto kept = [&] {
      if (file.empty()) return std::string("no model is kept");
      if (at_.best_epoch == 0) return "the model is in " + quote_file(file);
      return fmt::format("the best model so far, of epoch {} and held-out perplexity {:.2f}, is in {}",
                         at_.best_epoch, std::exp(best_.loss()), quote_file(file));
    };
    if (signal == SIGPIPE)
      throw OutputError{"cannot write to standard output, whose reader is gone; " + kept()};
    std::string reached;
    if (valid_ && !over_) {
      const auto averaged = average_.use();
      const double loss = heldout("valid", *valid_);
      progress_.clear();
      reached = fmt::format(", held-out perplexity {:.2f}", std::exp(loss));
      if (note_best(loss)) {
        model_is_written_ = false;
        file = keep_model(Weights::best, file == all_.save ? "" : file);
      }
    }
    outputs_.say(paragraph(fmt::format("stopped by {} in epoch {} of {}{}", signal_name(signal),
                                       std::min<std::uint64_t>(at_.epoch, settings_.epochs), settings_.epochs,
                                       reached)));
    if (all_.report && at_.best_epoch > 0)
      with_best([this] { return outputs_.attempt("report", [this] { write_report(std::nullopt); }); });
    if (checkpoint_)
      outputs_.say(fmt::format("go on with: rnnlm --resume {}\n", shell_word(checkpoint_name())));
    outputs_.say(paragraph(kept()));
    throw Stopped{signal};
  }

  void finish() {
    over_ = true;
    std::string file;
    if (!settings_.reference) {
      best_.restore_parameters();
      // A model of a text of one's own is kept without --save, too.
      if (all_.save || settings_.data) file = keep_model(Weights::best);
    }
    write_sentences();
    if (settings_.reference) {
      outputs_.attempt_once("log", [&] { log_.end(std::nullopt); });
      outputs_.say(fmt::format("training perplexity {:.4f} after {} epochs\n", std::exp(at_.last_loss),
                               settings_.epochs));
      return;
    }
    std::optional<double> test;
    if (text_.test) {
      test = heldout("test", heldout_windows(text_, settings_, *text_.test, 1));
      progress_.clear();
    }
    outputs_.attempt_once("log", [&] { log_.end(test); });
    if (all_.report) outputs_.attempt("report", [&] { write_report(test); });
    if (test)
      outputs_.say(
          fmt::format("test perplexity {:.2f}, {}\n", std::exp(*test), beside(text_.test->baselines)));
    if (!file.empty())
      outputs_.say(fmt::format("the model of epoch {} is in {}\n", at_.best_epoch, quote_file(file)));
    const Baselines& baselines = text_.valid->baselines;
    const double perplexity = std::exp(best_.loss());
    if (baselines.floor)
      outputs_.say(fmt::format("held-out perplexity {:.2f}, floor {:.2f}, ratio {:.3f}\n", perplexity,
                               *baselines.floor, perplexity / *baselines.floor));
    else
      outputs_.say(fmt::format("held-out perplexity {:.2f}, {}\n", perplexity, beside(baselines)));
  }

  void write_report(std::optional<double> test) {
    if (!ranks_.is_first()) return;
    Report report;
    report.run = read_log(read_file(*all_.log), *all_.log);
    report.settings = in_force(all_);
    report.results = {
        {"held-out perplexity", fmt::format("{:.2f}, in epoch {}", std::exp(best_.loss()), at_.best_epoch)}};
    if (test) report.results.emplace_back("test perplexity", fmt::format("{:.2f}", std::exp(*test)));
    report.results.emplace_back("beside", beside(text_.valid->baselines));
    report.results.emplace_back("weights", std::to_string(parameters_.count()));
    report.samples = samples_;
    report.words = settings_.level == "word";
    // A few pages of it.
    const TokenSequence& tokens = text_.valid->tokens;
    const auto before = sentence_end(text_.vocabulary, settings_.level).value_or(tokens[0]);
    const std::vector<Vocabulary::Id> stream = tokens.first(report.words ? 1000 : 4000).after(before).copy();
    const auto losses = token_losses(network_, stream);
    for (std::size_t i = 0; i < losses.size(); ++i)
      report.text.emplace_back(text_.vocabulary.word(stream[i + 1]), losses[i]);
    write_file("--report", *all_.report, html_page(report));
    outputs_.say(fmt::format("the report is in {}\n", quote_file(*all_.report)));
  }

  // Mean loss in nats.
  double heldout(const char* name, const StreamWindows& windows) {
    const Watched watched{windows, [&](std::size_t done) {
                            if (!stopping_ && asked_to_stop()) throw Interrupted();
                            progress_.evaluating(name, done, windows.size());
                          }};
    const TokenLosses losses = evaluate(network_, watched);
    return losses.total / static_cast<double>(losses.count);
  }

  // The loss of an epoch, or of a part of one, at the weights of this moment.
  bool note_best(double loss) {
    if (!best_(loss)) return false;
    at_.best_epoch = at_.epoch;
    at_.best_step = at_.step;
    return true;
  }

  // Calls f while the weights are the best ones.
  template <class F>
  auto with_best(F f) {
    std::vector<Array<T>> now;
    for (const auto& w : parameters_.list()) now.push_back(w.value());
    best_.restore_parameters();
    const auto result = f();
    for (std::size_t i = 0; i < now.size(); ++i)
      parameters_.assign(parameters_.path_of(parameters_.list()[i]), now[i]);
    return result;
  }

  // Which weights a file has: those of the least held-out loss, or those of this moment.
  enum class Weights { best, last };

  void save(const std::string& file, Weights weights) const {
    if (!ranks_.is_first()) return;
    std::map<std::string, std::string> result;
    result["epoch"] = std::to_string(weights == Weights::best ? at_.best_epoch : at_.epoch);
    result["step"] = std::to_string(weights == Weights::best ? at_.best_step : at_.step);
    if (weights == Weights::best)
      result["held-out perplexity"] = fmt::format("{:.4f}", std::exp(best_.loss()));
    try {
      save_model(file, parameters_, text_.vocabulary, settings_, result);
    } catch (const Error& error) {
      throw OutputError{sentence(error)};
    }
  }

  bool save_to_model_file(Weights weights) {
    if (!ranks_.is_first()) return model_is_written_ = true;
    return model_is_written_ =
               outputs_.attempt("model", [&] { model_file_->replace([&] { save(*all_.save, weights); }); });
  }

  // Writes the weights of this moment, unless the file of --save has them, to that file or, where there is
  // none or it cannot be written, to `other` or, where that is empty, to a file of a name that is free.
  // Returns its name, or nothing if nothing could be written.
  std::string keep_model(Weights weights, const std::string& other = "") {
    if (!ranks_.is_first()) return "";
    if (all_.save && ((model_is_written_ && model_file_->is_there()) || save_to_model_file(weights)))
      return *all_.save;
    std::string file;
    outputs_.attempt("another model", [&] {
      if (other.empty())
        file = save_under_free_name([&](const std::string& free) { save(free, weights); });
      else
        save(file = other, weights);
    });
    return file;
  }

  // A model that is worse than one that knows nothing has diverged, though all of its numbers are finite. A
  // smaller rate may still save it, unless it is hopeless or the last epoch is over.
  void check_sense(double training, double loss) {
    const auto V = static_cast<double>(text_.vocabulary.size());
    if (!std::isfinite(loss))
      throw Diverged{fmt::format(
          "the held-out loss after epoch {} is {}: the training diverged; try a smaller --lr than {}",
          at_.epoch, loss, settings_.rate)};
    const double worse = std::min(training, loss) - std::log(V);
    if (worse <= 0) return;
    const std::string what = fmt::format(
        "the perplexity after epoch {} is {:.4g}, where guessing among the {} tokens of "
        "the vocabulary has {}",
        at_.epoch, std::exp(loss), V, V);
    const bool is_last = at_.epoch == settings_.epochs && best_.loss() > std::log(V);
    if (worse > std::log(is_last ? 1.5 : 10.0))
      throw Diverged{fmt::format("{}: the training diverged; try a smaller --lr than {}, or a smaller --clip",
                                 what, settings_.rate)};
    outputs_.say(paragraph("warning: " + what));
  }

  std::string epoch_line(double training, double loss, double tokens_per_second) const {
    if (settings_.reference)
      return fmt::format("epoch {:3}/{}: training perplexity {:.6f}, {:.0f} tokens/s", at_.epoch,
                         settings_.epochs, std::exp(loss), tokens_per_second);
    return fmt::format(
        "epoch {:2}/{}: held-out {:7.2f}, training {:.2f}, rate {:.4g}{}{}", at_.epoch, settings_.epochs,
        std::exp(loss), std::exp(training), optimizer_->rate(),
        tokens_per_second > 0 ? fmt::format(", {:.0f} tokens/s", tokens_per_second)
                              : "",  // resumed at its end
        at_.best_epoch == at_.epoch ? "" : fmt::format("; best was {:.2f}", std::exp(best_.loss())));
  }

  // Sentences that the model makes up, each begun after an end of sentence.
  void write_sentences() {
    const auto end = sentence_end(text_.vocabulary, settings_.level);
    for (std::size_t i = 0; i < all_.sentences; ++i) {
      const auto seed = static_cast<std::uint32_t>(settings_.seed + i);
      std::string sentence;
      for (const auto id : generate(network_, {end.value_or(text_.train[0])}, 40, {.seed = seed})) {
        if (id == end) break;
        sentence += (settings_.level == "word" ? " " : "") + text_.vocabulary.word(id);
      }
      outputs_.say(
          fmt::format("  {}.{}{}\n", i + 1, settings_.level == "word" ? "" : " ", escaped(sentence)));
      samples_.push_back(sentence);
    }
  }

  // Tokens a second in this epoch so far.
  double speed() const {
    return static_cast<double>(at_.tokens - tokens_before_) / (process_seconds() - epoch_start_);
  }
  double process_seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double seconds() const { return resumed_seconds_ + process_seconds(); }

  const Settings& all_;
  const TrainSettings& settings_;
  const Text& text_;
  Ranks& ranks_;
  Parameters<T> parameters_;
  Network<T> network_;
  std::unique_ptr<RatedOptimizer<T>> optimizer_;
  Shards<T> shards_;
  EpochWindows windows_;
  std::optional<StreamWindows> valid_;
  Schedule schedule_;
  Averaging<T> average_;
  Best<T> best_;
  EarlyStopping patience_;
  using State = decltype(std::declval<Network<T>>().zero(1));
  State state_;                // of all tracks; between checkpoints of a run in shards it is not kept up
  std::vector<State> states_;  // of the tracks of each shard here
  Position at_;
  std::vector<std::string> samples_;
  std::string settings_text_;
  std::uint64_t text_mark_ = 0, tokens_before_ = 0;
  std::optional<Checkpoint> checkpoint_;
  std::optional<OwnFile> checkpoint_file_, model_file_;
  int asked_ = 0;                         // the signal to stop of which all processes know
  bool stopping_ = false, over_ = false;  // over: the weights are the best ones, not the last
  bool model_is_written_ = false;         // in this process, with the best weights so far
  Log log_;
  Outputs outputs_;
  Progress progress_;
  Clock::time_point start_ = Clock::now();
  double resumed_seconds_ = 0, epoch_start_ = 0;
};

}  // namespace

void train(const Settings& settings, Ranks& ranks) {
  const Text text = with_memory_for("the text", "--tokens N trains on its first tokens",
                                    [&] { return load_text(settings.train); });
  const auto run = [&]<class T>(T) {
    const auto advice =
        "lower --nhid, --emsize, --nlayers, --batch-size or --bptt, or keep fewer words by --vocab";
    with_memory_for("this model", advice, [&] { TrainingRun<T>(settings, text, ranks)(); });
  };
  settings.train.use_double ? run(double{}) : run(float{});
}

}  // namespace xgrad
