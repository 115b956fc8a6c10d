// What tests of layers share: a cell that the library has never seen, whose state is nested and has three
// parts, and NamedCell, which is this one or one of the library's, by name.
#pragma once

#include <array>
#include <string>
#include <vector>

#include <xgrad/layers/any_cell.hpp>
#include <xgrad/layers/cell.hpp>

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

/// Any cell of the library, or Nested, by name, so that tests that run each of them in many arrangements
/// compile each arrangement once.
template <class T>
struct NamedCell : xgrad::AnyCell<T> {
  using Base = xgrad::AnyCell<T>;
  NamedCell(const xgrad::Parameters<T>& p, std::size_t D, std::size_t H, const std::string& name)
      : Base(name == "nested" ? Base(Nested<T>(p, D, H), H) : Base(p, D, H, name)) {}
  NamedCell(Base base)
      : Base(std::move(base)) {}  // NOLINT(google-explicit-constructor): what for_training gives
};

inline const std::vector<std::string> names = [] {
  auto result = xgrad::cell_names();
  result.push_back("nested");
  return result;
}();

/// A state like `zero`, whose parts are checked inputs "state0", "state1", ...
template <class T, class S>
S input_state(const xgrad::Parameters<T>& p, S zero) {
  std::size_t i = 0;
  xgrad::for_each_part(zero,
                       [&](auto& part) { part = p.input("state" + std::to_string(i++), part.shape()); });
  return zero;
}

}  // namespace cells
