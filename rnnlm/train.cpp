// The training loop. The heart is three lines: record a window, step, carry the state (see `train_window`).
#include "train.hpp"

#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/any_cell.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/generate.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/clipping.hpp>
#include <xgrad/training/finite_check.hpp>
#include <xgrad/training/perplexity.hpp>
#include <xgrad/training/sgd.hpp>
#include <xgrad/training/windows.hpp>

#include "report.hpp"

namespace xgrad {

namespace {

using Tokens = std::vector<Vocabulary::Id>;

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

// A held-out text as windows: an end of sentence goes before it, so that its first word is predicted too.
StreamWindows heldout_windows(const Corpus& corpus, const Tokens& text, std::size_t window) {
  Tokens tokens{corpus.vocabulary.find(end_of_sentence).value_or(text.front())};
  tokens.insert(tokens.end(), text.begin(), text.end());
  const std::size_t tracks = std::min<std::size_t>(10, text.size());
  return StreamWindows(std::move(tokens), tracks, window);
}

template <class T>
class Run {
 public:
  Run(const Settings& settings, const Text& text)
      : settings_(settings),
        text_(text),
        parameters_(settings.seed),
        model_(parameters_, text.corpus.vocabulary.size(), settings.embedding, settings.hidden,
               {.tied = settings.tied, .dropout = settings.dropout},
               StackOptions{.layers = settings.layers, .dropout = settings.dropout}, settings.cell),
        sgd_(parameters_, settings.rate),
        progress_(settings.epochs),
        log_(settings.log) {
    if (settings.reference) initialize_reference(parameters_, settings.seed);
  }

  void operator()() {
    introduce();
    const double perplexity = train();
    write_sentences();
    if (settings_.reference) {
      fmt::print("training perplexity {:.4f} after {} epochs\n", perplexity, settings_.epochs);
      return;
    }
    if (text_.test) {
      const double test = heldout(heldout_windows(text_.corpus, text_.corpus.test, settings_.window));
      fmt::print("test perplexity {:.2f}, unigram {:.2f}, trigram {:.2f}\n", test, text_.test->unigram,
                 text_.test->trigram);
    }
    if (const auto& floor = text_.valid->floor) {
      fmt::print("held-out perplexity {:.2f}, floor {:.2f}, ratio {:.3f}\n", perplexity, *floor,
                 perplexity / *floor);
    } else {
      fmt::print("held-out perplexity {:.2f}, unigram {:.2f}, trigram {:.2f}\n", perplexity,
                 text_.valid->unigram, text_.valid->trigram);
    }
  }

 private:
  using Model = Rnnlm<T, Stack<AnyCell<T>>>;
  using State = decltype(std::declval<Model>().zero(1));

  void introduce() const {
    const Corpus& corpus = text_.corpus;
    fmt::print("{}: {} training and {} held-out tokens, {} words\n",
               settings_.data.value_or("built-in corpus"), corpus.train.size(), corpus.valid.size(),
               corpus.vocabulary.size());
    if (corpus.unknown > 0)
      fmt::print("{} held-out tokens are not in the training text and count as {}\n", corpus.unknown,
                 unknown_word);
    fmt::print(
        "{} of {} units, {} layer{}, word vectors of {}, {} parameters, {}; rate {}, {} tracks, windows of "
        "{}\n",
        settings_.cell, settings_.hidden, settings_.layers, settings_.layers == 1 ? "" : "s",
        settings_.embedding, parameters_.count(), settings_.use_double ? "double" : "float", settings_.rate,
        settings_.batch, settings_.window);
  }

  double train() {
    try {
      return settings_.reference ? train_reference() : train_streams();
    } catch (const NonfiniteError& error) {
      progress_.clear();
      throw Diverged{
          fmt::format("{}; the training diverged; try a smaller --lr than {}", error.what(), settings_.rate)};
    }
  }

  // One step of truncated backpropagation through time; returns the window's mean loss. The tape ends with
  // the scope, so the state goes on as a constant, and the gradient of the next window stops there. Each
  // token has the same weight: the short window at the end of an epoch makes a short step. A loss or gradient
  // that is not finite ends the run before it is stepped on, with the reason: the window is run again for it.
  double train_window(const Window& window, State& state, std::size_t epoch) {
    const Model noisy = for_training(model_, RandomKey(settings_.seed).fold(step_));
    const auto forward = [&] { return noisy.loss(window.inputs, window.targets, state); };
    Tape<T> tape;
    auto [loss, next] = forward();
    const double share =
        static_cast<double>(window.inputs.size()) / static_cast<double>(settings_.batch * settings_.window);
    auto gradients = tape.gradient(loss, {.seed = Array<T>(share)});
    const double norm = settings_.clip ? clip_global_norm(gradients, parameters_, *settings_.clip)
                                       : global_norm(gradients, parameters_);
    const auto word = [this](Vocabulary::Id id) { return text_.corpus.vocabulary.word(id); };
    check_finite(static_cast<double>(loss.item()), norm, [&] { return forward().y; },
                 {++step_, epoch, {.tokens = window.inputs, .seed = share, .word = word}});
    sgd_.step(gradients);
    state = std::move(next);
    return static_cast<double>(loss.item());
  }

  double train_streams() {
    const StreamWindows windows(text_.corpus.train, settings_.batch, settings_.window);
    const StreamWindows valid = heldout_windows(text_.corpus, text_.corpus.valid, settings_.window);
    double result = 0;
    for (std::size_t epoch = 1; epoch <= settings_.epochs; ++epoch) {
      start_epoch();
      if (epoch > settings_.decay_after) sgd_.set_rate(sgd_.rate() * settings_.decay);
      Perplexity training;
      State state = model_.zero(settings_.batch);
      for (std::size_t i = 0; i < windows.size(); ++i) {
        const Window window = windows[i];
        state = first_rows(std::move(state), window.inputs.shape()[1]);
        const double loss = train_window(window, state, epoch);
        count(window);
        training.add(loss * static_cast<double>(window.inputs.size()), window.inputs.size());
        progress_.update(epoch, i + 1, windows.size(), speed());
      }
      const double tokens_per_second = speed();
      result = heldout(valid);
      finish_epoch(epoch, result);
      fmt::print(
          "epoch {:2}/{}: held-out {:7.2f}, unigram {:.2f}, trigram {:.2f}{}; training {:.2f}, {:.0f} "
          "tokens/s\n",
          epoch, settings_.epochs, result, text_.valid->unigram, text_.valid->trigram,
          text_.valid->floor ? fmt::format(", floor {:.2f}", *text_.valid->floor) : "", training.value(),
          tokens_per_second);
      std::fflush(stdout);
    }
    return result;
  }

  // The state is carried on through windows and epochs and never reset; the perplexity of an epoch is e to
  // the mean of its window losses, each measured before its update.
  double train_reference() {
    ReferenceWindows windows(text_.corpus.train, settings_.batch, settings_.window);
    State state = model_.zero(settings_.batch);
    double result = 0;
    for (std::size_t epoch = 1; epoch <= settings_.epochs; ++epoch) {
      start_epoch();
      Perplexity perplexity;
      for (std::size_t i = 0; i < windows.size(); ++i) {
        const Window window = windows.next();
        perplexity.add(train_window(window, state, epoch), 1);
        count(window);
        progress_.update(epoch, i + 1, windows.size(), speed());
      }
      result = perplexity.value();
      const double tokens_per_second = speed();
      finish_epoch(epoch, result);
      fmt::print("epoch {:3}/{}: training perplexity {:.6f}, {:.0f} tokens/s\n", epoch, settings_.epochs,
                 result, tokens_per_second);
      std::fflush(stdout);
    }
    return result;
  }

  double heldout(const StreamWindows& windows) const {
    const TokenLosses losses = evaluate(model_, windows);
    Perplexity perplexity;
    perplexity.add(losses.total, losses.count);
    return perplexity.value();
  }

  void start_epoch() {
    start_ = std::chrono::steady_clock::now();
    tokens_ = 0;
  }
  void count(const Window& window) { tokens_ += window.inputs.size(); }
  double speed() const {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    return static_cast<double>(tokens_) / seconds.count();
  }
  void finish_epoch(std::size_t epoch, double perplexity) {
    progress_.clear();
    if (!std::isfinite(perplexity))
      throw Diverged{
          fmt::format("the perplexity of epoch {} is {}: the training diverged; try a smaller --lr than {}",
                      epoch, perplexity, settings_.rate)};
    log_.write(epoch, perplexity);
  }

  // Sentences that the model makes up, each begun after an end of sentence.
  void write_sentences() const {
    const Vocabulary& vocabulary = text_.corpus.vocabulary;
    const auto end = vocabulary.find(end_of_sentence);
    for (std::size_t i = 0; i < settings_.sentences; ++i) {
      const auto seed = static_cast<std::uint32_t>(settings_.seed + i);
      std::string sentence;
      for (const auto id : generate(model_, {end.value_or(text_.corpus.train.front())}, 40, {.seed = seed})) {
        if (id == end) break;
        sentence += " " + vocabulary.word(id);
      }
      fmt::print("  {}.{}\n", i + 1, sentence);
    }
  }

  const Settings& settings_;
  const Text& text_;
  Parameters<T> parameters_;
  Model model_;
  Sgd<T> sgd_;
  Progress progress_;
  Log log_;
  std::chrono::steady_clock::time_point start_;
  std::size_t tokens_ = 0, step_ = 0;
};

}  // namespace

void run(const Settings& settings, const Text& text) {
  if (settings.use_double) {
    Run<double>(settings, text)();
  } else {
    Run<float>(settings, text)();
  }
}

}  // namespace xgrad
