// What evaluate and truncation read of a window: `inputs` and `targets`, and `sequences`, if it has any. And
// one long text cut into windows.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <xgrad/autograd/ops/losses.hpp>
#include <xgrad/layers/sequences.hpp>

namespace xgrad::detail {

template <class Window>
concept HasSequences = requires(const Window& window) {
  window.sequences;
};

template <class Window>
Sequences sequences_of(const Window& window) {
  if constexpr (HasSequences<Window>) return window.sequences;
  return {};
}

// The model's loss, which is told of the sequences if windows have them.
template <class Window, class Model, class S>
auto window_loss(const Model& model, const Ids& inputs, const Ids& targets, const S& state,
                 Reduction reduction, const Sequences& sequences) {
  if constexpr (HasSequences<Window>) {
    return model.loss(inputs, targets, state, reduction, sequences);
  } else {
    return model.loss(inputs, targets, state, reduction);
  }
}

// Calls f(begin, end) for one window after the other of `count` tokens; each has `length`, the last one may
// have fewer. Positions in an error are those in a window, so one that is not the first is named.
template <class F>
void for_windows(std::size_t count, std::size_t length, F f) {
  for (std::size_t begin = 0; begin < count; begin += std::min(length, count - begin)) {
    try {
      f(begin, begin + std::min(length, count - begin));
    } catch (const Error& error) {
      if (begin == 0) throw;
      throw error.with_context("in the window that begins at token " + std::to_string(begin));
    }
  }
}

// Tokens [begin, end) as a batch of one sequence.     result: (end - begin, 1)
inline Ids track(const std::vector<Ids::value_type>& tokens, std::size_t begin, std::size_t end) {
  return Ids({end - begin, 1}, {tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                tokens.begin() + static_cast<std::ptrdiff_t>(end)});
}

}  // namespace xgrad::detail
