// What tests of layers share: a cell that the library has never seen, whose state is nested and has three parts, and
// AnyCell, which is this one or one of the family, by name.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/layer_norm_cells.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/mgu.hpp>
#include <xgrad/layers/rnn.hpp>

namespace cells {

template <class T>
struct NestedState {
  std::array<xgrad::Variable<T>, 2> fast;
  xgrad::Variable<T> slow;
};

/// A leaky memory beside two coupled units of different sizes; it starts from a state that it learns.
///     x: (N, D)   fast: (N, H) and (N, 2)   slow: (N, H)   y: (N, H)
template <class T>
struct Nested {
  std::size_t H;
  xgrad::Variable<T> Wx, Wh, Wk, Wm, slow0;

  Nested(const xgrad::Parameters<T>& p, std::size_t D, std::size_t hidden)
      : H(hidden),
        Wx(p.weight("Wx", {D, H})),
        Wh(p.weight("Wh", {H, H})),
        Wk(p.weight("Wk", {2, H})),
        Wm(p.weight("Wm", {H, 2})),
        slow0(p.weight("slow0", {H})) {}

  auto operator()(const xgrad::Variable<T>& x, const NestedState<T>& s) const {
    const auto h = tanh(matmul(x, Wx) + matmul(s.fast[0], Wh) + matmul(s.fast[1], Wk));
    const auto k = sigmoid(matmul(h, Wm));
    const auto slow = 0.9 * s.slow + 0.1 * square(h);
    return xgrad::Step{h + slow, NestedState<T>{{h, k}, slow}};
  }
  NestedState<T> zero(std::size_t N) const {
    return {{xgrad::Array<T>::zeros({N, H}), xgrad::Array<T>::zeros({N, 2})}, broadcast_to(slow0, {N, H})};
  }
};

/// Any cell of the family, or Nested, by name; its state is the list of the parts. So tests that run each of them in many
/// arrangements compile each arrangement once.
template <class T>
class AnyCell {
 public:
  using value_type = T;
  using State = std::vector<xgrad::Variable<T>>;

  AnyCell(const xgrad::Parameters<T>& p, std::size_t D, std::size_t H, const std::string& name) {
    using namespace xgrad;
    if (name == "rnn") set(Rnn<T>(p, D, H), H);
    if (name == "rnn_relu") set(Rnn<T>(p, D, H, {.nonlinearity = Nonlinearity::relu}), H);
    if (name == "lstm") set(Lstm<T>(p, D, H), H);
    if (name == "peephole_lstm") set(PeepholeLstm<T>(p, D, H), H);
    if (name == "gru") set(Gru<T>(p, D, H), H);
    if (name == "reset_before_gru") set(ResetBeforeGru<T>(p, D, H), H);
    if (name == "mgu") set(Mgu<T>(p, D, H), H);
    if (name == "layer_norm_lstm") set(LayerNormLstm<T>(p, D, H), H);
    if (name == "layer_norm_gru") set(LayerNormGru<T>(p, D, H), H);
    if (name == "nested") set(Nested<T>(p, D, H), H);
    if (!step_) throw Error("AnyCell", "there is no cell '" + name + "'");
  }

  auto operator()(const xgrad::Variable<T>& x, const State& state) const { return step_(x, state); }
  State zero(std::size_t N) const { return zero_(N); }

 private:
  template <class Cell>
  void set(const Cell& cell, std::size_t H) {
    zero_ = [=](std::size_t N) { return xgrad::parts<T>(xgrad::zero_state<T>(cell, N, H)); };
    step_ = [=](const xgrad::Variable<T>& x, const State& state) {
      auto typed = xgrad::zero_state<T>(cell, state.at(0).shape()[0], H);
      std::size_t i = 0;
      xgrad::for_each_part(typed, [&](auto& part) { part = state.at(i++); });
      const auto next = xgrad::step(cell, x, typed);
      return xgrad::Step<xgrad::Variable<T>, State>{next.y, xgrad::parts<T>(next.state)};
    };
  }

  std::function<xgrad::Step<xgrad::Variable<T>, State>(const xgrad::Variable<T>&, const State&)> step_;
  std::function<State(std::size_t)> zero_;
};

inline const std::vector<std::string> names{
    "rnn", "rnn_relu",        "lstm",           "gru",   "reset_before_gru", "peephole_lstm",
    "mgu", "layer_norm_lstm", "layer_norm_gru", "nested"};

/// A state like `zero`, whose parts are checked inputs "state0", "state1", ...
template <class T, class S>
S input_state(const xgrad::Parameters<T>& p, S zero) {
  std::size_t i = 0;
  xgrad::for_each_part(zero,
                       [&](auto& part) { part = p.input("state" + std::to_string(i++), part.shape()); });
  return zero;
}

}  // namespace cells
