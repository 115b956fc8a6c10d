// Stack: recurrent layers on top of each other, each reading the outputs of the one below.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/layers/dropout.hpp>
#include <xgrad/layers/unroll.hpp>

namespace xgrad {

/// Options of Stack.
struct StackOptions {
  std::size_t layers = 2;  ///< at least 1
  /// Adds a layer's input to its output wherever the two are equally wide (He et al. 2016; Wu et al. 2016,
  /// arXiv:1609.08144).
  bool residual = false;
  /// Rate of dropout between layers, that is on the output of all but the last (Zaremba et al. 2014,
  /// arXiv:1409.2329), in [0, 1); it works in for_training().
  double dropout = 0;
  /// Whether that drops the same elements at all steps of a window, which differ from sequence to sequence
  /// (Gal & Ghahramani 2016, arXiv:1512.05287; "locked" dropout in Merity et al. 2018, arXiv:1708.02182).
  bool variational = false;
};

/// `layers` cells of one kind: the first is built as Cell(p / "0", D, H, args...), the next as
/// Cell(p / "1", W, H, args...), where W is the output width of the one below. A cell itself, so that
/// everything that takes a cell takes a stack, and unrolled it goes layer by layer, so that a layer may be
/// one that needs the whole sequence (Bidirectional).
///     x: (N, D)   y: (N, width())   state: a vector of the layers' states
template <class Cell>
struct Stack {
  using value_type = ScalarOf<Cell>;  ///< the scalar of the cell
  using T = value_type;               ///< the same

  std::size_t H;                   ///< the width that the cells were built with
  StackOptions options;            ///< as given
  std::vector<Cell> cells;         ///< the layers, the lowest first
  std::optional<RandomKey> key{};  ///< set in for_training()

  /// Throws Error for no layers, and for a rate of dropout outside [0, 1).
  template <class... Args>
  Stack(const Parameters<T>& p, std::size_t D, std::size_t hidden, const StackOptions& stack_options = {},
        const Args&... args)
      : H(hidden), options(stack_options) {
    if (options.layers == 0) throw Error("Stack", "needs at least one layer");
    detail::check_rate("Stack", options.dropout);
    cells.reserve(options.layers);
    for (std::size_t i = 0; i < options.layers; ++i)
      cells.emplace_back(p / std::to_string(i), i == 0 ? D : output_width(cells.back(), H), H, args...);
  }

  /// The width of the last layer's output.
  std::size_t width() const { return output_width(cells.back(), H); }

  /// The layers' initial states for a batch of N.
  auto zero(std::size_t N) const {
    std::vector<decltype(zero_state<T>(cells[0], N, H))> states;
    for (const Cell& cell : cells) states.push_back(zero_state<T>(cell, N, H));
    return states;
  }

  /// One step of all layers.     x: (N, D)   y: (N, width())
  /// Throws Error unless there is one state per layer and, in training with dropout between layers that is
  /// not variational, a TimeStep is open.
  template <class S>
  Step<Variable<T>, std::vector<S>> operator()(const Variable<T>& x, const std::vector<S>& state) const {
    check_layers(state.size());
    const bool anew = key && drops(0) && !options.variational;
    const auto now = anew ? std::optional(detail::step_key("Stack", *key)) : key;
    Variable<T> y = x;
    std::vector<S> next;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      auto step = xgrad::step(cells[i], y, state[i]);
      next.push_back(std::move(step.state));
      y = add_residual(y, step.y);
      // With the same key at all steps the elements are those of unroll.
      if (now && drops(i)) y = dropout(y, options.dropout, now->fold(i));
    }
    return {y, std::move(next)};
  }

  /// All steps of a layer before those of the next, each with an equal share of a budget of bytes.
  ///     xs: (T, N, D)   ys: (T, N, width())
  /// Throws Error unless there is one state per layer; an error inside a layer names it.
  template <class S>
  Unrolled<T, std::vector<S>> unroll(const Variable<T>& xs, std::vector<S> state,
                                     const Sequences& sequences = {}) const {
    check_layers(state.size());
    const Sequences shared = detail::with_share(sequences, cells.size());
    Variable<T> ys = xs;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      try {
        auto unrolled = xgrad::unroll(cells[i], ys, std::move(state[i]), shared);
        state[i] = std::move(unrolled.state);
        ys = add_residual(ys, unrolled.ys);
        if (key && drops(i)) ys = detail::drop_steps(ys, options.dropout, options.variational, key->fold(i));
        if (options.residual) ys = detail::mask_steps(ys, sequences);
      } catch (const Error& error) {
        throw error.with_context("in layer " + std::to_string(i) + " of " + std::to_string(cells.size()));
      }
    }
    return {ys, std::move(state)};
  }

  /// The cell with its dropout at work, for one window; see cell.hpp.
  Stack for_training(RandomKey with) const {
    Stack result = *this;
    result.key = with.fold(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i)
      result.cells[i] = xgrad::for_training(cells[i], with.fold(i));
    return result;
  }

 private:
  bool drops(std::size_t layer) const { return options.dropout > 0 && layer + 1 < cells.size(); }

  // A layer's output y, to which its input is added if that is an option.
  Variable<T> add_residual(const Variable<T>& x, const Variable<T>& y) const {
    return options.residual && x.shape() == y.shape() ? x + y : y;
  }

  void check_layers(std::size_t states) const {
    if (states != cells.size())
      throw Error("Stack", "has " + std::to_string(cells.size()) + " layers, got a state of " +
                               std::to_string(states));
  }
};

}  // namespace xgrad
