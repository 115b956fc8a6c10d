// AnyCell: a cell whose type is chosen at run time: one of the library's by name, or any other that is put
// into it. It costs a call through a function and a list of the state's parts at each step; a model whose
// cell is known when it is compiled names its type instead.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/cell.hpp>
#include <xgrad/layers/initial_values.hpp>

namespace xgrad {

/// The cells that AnyCell knows by name: "rnn", "rnn_relu", "lstm", "peephole_lstm", "layer_norm_lstm",
/// "gru", "reset_before_gru", "layer_norm_gru", "mgu".
const std::vector<std::string>& cell_names();

/// A cell of any type; its state is the list of that cell's parts.
template <class T>
class AnyCell {
 public:
  using value_type = T;                    ///< the scalar
  using State = std::vector<Variable<T>>;  ///< the parts of the cell's own state, in order

  /// A cell of the library, its other options as by default. Throws Error for a name that is not in
  /// cell_names().
  AnyCell(const Parameters<T>& p, std::size_t D, std::size_t H, const std::string& name,
          const CellOptions& options = {});

  /// Any cell, that was built with H.
  template <class Cell>
  AnyCell(const Cell& cell, std::size_t H)
      : width_(output_width(cell, H)),
        zero_([=](std::size_t N) { return parts<T>(zero_state<T>(cell, N, H)); }),
        step_([cell, like = state_of(cell, H)](const Variable<T>& x, const State& state) {
          if (state.size() != part_count(like)) refuse(state.size(), part_count(like));
          auto typed = like;
          std::size_t i = 0;
          for_each_part(typed, [&](auto& part) { part = state[i++]; });
          auto next = step(cell, x, typed);
          return Step<Variable<T>, State>{std::move(next.y), parts<T>(next.state)};
        }),
        for_training_([=](RandomKey key) { return AnyCell(xgrad::for_training(cell, key), H); }) {}

  /// One step of the cell.     x: (N, D)   state: as zero() makes it
  /// Throws Error for a state of more or fewer parts.
  Step<Variable<T>, State> operator()(const Variable<T>& x, const State& state) const {
    return step_(x, state);
  }
  /// The cell's initial state for a batch of N, as the list of its parts.
  State zero(std::size_t N) const { return zero_(N); }
  /// The width of the output.
  std::size_t width() const { return width_; }
  /// The cell with its dropout at work, for one window; see cell.hpp.
  AnyCell for_training(RandomKey key) const { return for_training_(key); }

 private:
  // A state of the cell's own type, for its form alone.
  template <class Cell>
  static auto state_of(const Cell& cell, std::size_t H) {
    const Inference pause;
    return zero_state<T>(cell, 1, H);
  }
  [[noreturn]] static void refuse(std::size_t parts, std::size_t expected);

  std::size_t width_;
  std::function<State(std::size_t)> zero_;
  std::function<Step<Variable<T>, State>(const Variable<T>&, const State&)> step_;
  std::function<AnyCell(RandomKey)> for_training_;
};

}  // namespace xgrad
