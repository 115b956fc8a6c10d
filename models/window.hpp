// What evaluate and truncation read of a window: `inputs` and `targets`, and `sequences`, if it has any.
#pragma once

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

}  // namespace xgrad::detail
