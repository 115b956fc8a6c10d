// evaluate: what a language model loses on a text, token by token, whatever its cell.
#pragma once

#include <numeric>
#include <utility>

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

}  // namespace xgrad
