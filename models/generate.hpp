// generate: text from a language model, one token at a time, whatever its cell. Start reading at Generator,
// whose next() is a token; how it is drawn from the logits stands in generate.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/models/window.hpp>

namespace xgrad {

/// How tokens are drawn: from softmax(logits / temperature), or from what top_k and then top_p leave of it.
struct GenerateOptions {
  std::uint32_t seed = 0;  ///< of the draws
  /// Divides the logits, >= 0. At 0 the likeliest token is taken, the one of the lowest id among equals.
  double temperature = 1;
  /// Only so many of the likeliest tokens may be drawn, of equals those of the lower ids; 0: all.
  std::size_t top_k = 0;
  /// Nucleus sampling (Holtzman et al. 2020, arXiv:1904.09751): only the smallest set of likeliest tokens
  /// whose probability is at least this, in [0, 1], may be drawn, and at least one token; of equals those of
  /// the lower ids. It is the probability after the temperature, among what top_k leaves. 1: all.
  double top_p = 1;
  /// Tokens that are not drawn, as if their logits were -inf.
  std::vector<Ids::value_type> never{};
  /// The token at which generate() ends; it is not part of the result. To Generator it is like any other.
  std::optional<Ids::value_type> stop{};
};

namespace detail {

/// Returns `options`. Throws Error naming the one that cannot be, its value and what was expected.
const GenerateOptions& checked(const GenerateOptions& options);

/// Draws token number i of a text.     logits: (V,), -inf for a token that is never drawn
/// Throws Error for logits that are NaN or inf, or all -inf, and for a stop outside [0, V).
Ids::value_type draw(const std::vector<double>& logits, const GenerateOptions& options, std::uint64_t i);

}  // namespace detail

/// Text from a model, one token a call, for as long as you like:
///
///     Generator generator(model, {.seed = 1});
///     generator.read({0, 1});  // what it is to go on from
///     const auto token = generator.next();
///
/// Nothing is recorded, and memory does not grow with the text. The same seed gives the same text: the draw
/// of token i depends on (seed, i) alone. A copy goes on from where its original stands.
template <class Model>
class Generator {
 public:
  /// Begins at the model's initial state. The model must outlive the generator.
  /// Throws Error for a temperature below 0 and a top_p outside [0, 1].
  explicit Generator(const Model& model, const GenerateOptions& options = {})
      : model_(&model), options_(detail::checked(options)), state_(initial(model)) {}
  /// Such a model would not outlive it.
  explicit Generator(const Model&&, const GenerateOptions& = {}) = delete;

  /// Goes on as if the text so far ended with `tokens`, of which only windows of bounded length are computed
  /// at a time. They do not count as drawn.     tokens: (P,)
  /// Throws Error for a token outside the vocabulary, and has read none of them then.
  void read(const std::vector<Ids::value_type>& tokens) {
    feed_last();
    feed(tokens);
  }

  /// Draws a token, which the next one follows.
  /// Throws Error if there is nothing to follow yet, for a stop outside the vocabulary, and for logits that
  /// are NaN or inf, or all of them -inf; a token whose logit is -inf beside others is never drawn. The same
  /// for one of options.never outside the vocabulary.
  Ids::value_type next() {
    feed_last();
    if (logits_.empty()) throw Error("generate", "needs a prompt of at least one token before it can draw");
    last_ = detail::draw(logits_, options_, drawn_);
    ++drawn_;
    return *last_;
  }

 private:
  using State = decltype(std::declval<const Model&>().zero(1));

  static State initial(const Model& model) {
    const Inference pause;
    return model.zero(1);
  }

  // The token that was drawn last is fed when another is wanted: nothing follows the end of a text.
  void feed_last() {
    if (last_) feed({*last_});
    last_.reset();
  }

  void feed(const std::vector<Ids::value_type>& tokens) {
    if (tokens.empty()) return;
    const Inference pause;
    State state = state_;  // an error leaves it as it was
    std::vector<double> following;
    detail::for_windows(tokens.size(), 256, [&](std::size_t begin, std::size_t end) {
      auto [logits, next] = (*model_)(detail::track(tokens, begin, end), state);
      state = std::move(next);
      const auto row = logits.value().row(end - begin - 1);
      following.assign(row.begin(), row.end());
    });
    state_ = std::move(state);
    logits_ = std::move(following);
  }

  const Model* model_;
  GenerateOptions options_;
  State state_;                          // after what was fed
  std::vector<double> logits_;           // of the token that follows it; empty if nothing was fed yet
  std::optional<Ids::value_type> last_;  // drawn but not fed yet
  std::uint64_t drawn_ = 0;              // tokens so far
};

/// `count` tokens that follow `prompt`, drawn by a Generator; fewer if options.stop is drawn, which is left
/// out.     prompt: (P,), P >= 1
/// Throws Error for an empty prompt, a token outside the vocabulary, and what Generator refuses.
template <class Model>
std::vector<Ids::value_type> generate(const Model& model, const std::vector<Ids::value_type>& prompt,
                                      std::size_t count, const GenerateOptions& options = {}) {
  if (prompt.empty()) throw Error("generate", "needs a prompt of at least one token");
  Generator generator(model, options);
  generator.read(prompt);
  std::vector<Ids::value_type> tokens;
  while (tokens.size() < count) {
    const auto token = generator.next();
    if (token == options.stop) break;
    tokens.push_back(token);
  }
  return tokens;
}

}  // namespace xgrad
