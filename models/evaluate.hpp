// evaluate: what a language model loses on many windows, whatever its cell, added up; token_losses: on each
// token of one text.
#pragma once

#include <numeric>
#include <utility>
#include <vector>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/models/window.hpp>

namespace xgrad {

/// The exact sum of token losses, in nats, and how many there were: what a perplexity is made of.
struct TokenLosses {
  double total = 0;       ///< in nats
  std::size_t count = 0;  ///< of tokens
};

/// Runs the model over all `windows` in order, from its initial state, which is carried along; nothing is
/// recorded.
///     windows[i].inputs, windows[i].targets: (T_i, N_i), N_i not growing
/// Windows that have padding, or in which documents begin, say so by one member more, a Sequences
/// `sequences`; what stands at padding counts nowhere.
template <class Model, class Windows>
TokenLosses evaluate(const Model& model, const Windows& windows) {
  const Inference pause;
  TokenLosses result;
  if (windows.size() == 0) return result;
  auto state = model.zero(windows[0].inputs.shape()[1]);
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const auto window = windows[i];
    state = first_rows(std::move(state), window.inputs.shape()[1]);
    const Sequences sequences = detail::sequences_of(window);
    auto [losses, next] = detail::window_loss<decltype(window)>(model, window.inputs, window.targets, state,
                                                                Reduction::none, sequences);
    result.total += std::accumulate(losses.value().begin(), losses.value().end(), 0.0);  // 0 at padding
    result.count += detail::present_count(sequences, window.targets.size());
    state = std::move(next);
  }
  return result;
}

/// -log of the probability, in nats, that the model gives to each token of a text after those before it. The
/// first token is only read: put an end of sentence before the first word, say. Nothing is recorded, and
/// `window` tokens are computed at a time, with the state carried on, which bounds memory and changes results
/// by rounding alone.     tokens: (n,), n >= 1   result: (n - 1,)
/// Throws Error for no tokens, a window of 0, and a token outside the vocabulary.
template <class Model>
std::vector<double> token_losses(const Model& model, const std::vector<Ids::value_type>& tokens,
                                 std::size_t window = 256) {
  if (tokens.empty()) throw Error("token_losses", "needs a text of at least one token");
  if (window == 0) throw Error("token_losses", "needs a window of at least one token, got 0");
  const Inference pause;
  std::vector<double> result;
  result.reserve(tokens.size() - 1);
  auto state = model.zero(1);
  detail::for_windows(tokens.size() - 1, window, [&](std::size_t begin, std::size_t end) {
    auto [losses, next] = model.loss(detail::track(tokens, begin, end),
                                     detail::track(tokens, begin + 1, end + 1), state, Reduction::none);
    result.insert(result.end(), losses.value().begin(), losses.value().end());
    state = std::move(next);
  });
  return result;
}

}  // namespace xgrad
