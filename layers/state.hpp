// What the state of a recurrent cell may be: a variable, or a tuple, array, vector or plain aggregate of
// states, nested. for_each_part is the only place that knows; everything that carries, cuts or resets state
// goes through it.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/ops/indexing.hpp>
#include <xgrad/autograd/ops/shape.hpp>
#include <xgrad/autograd/variable.hpp>

namespace xgrad {

namespace detail {

template <class S>
inline constexpr bool is_vector = false;
template <class S>
inline constexpr bool is_vector<std::vector<S>> = true;

template <class S>
concept TupleLike = requires {
  std::tuple_size<S>::value;
};

// Converts to any class: counts the fields of an aggregate by trying to brace-initialise it.
struct AnyField {
  template <class F>
  requires std::is_class_v<F>
  operator F() const;  // NOLINT(google-explicit-constructor): never defined, never called
};
template <class S, class... Fields>
consteval std::size_t field_count() {
  if constexpr (requires { S{Fields{}..., AnyField{}}; }) {
    return field_count<S, Fields..., AnyField>();
  } else {
    return sizeof...(Fields);
  }
}

// Calls f on the fields of an aggregate, in order.
template <class S, class F>
void for_each_field(S& state, F f) {
  constexpr std::size_t n = field_count<std::remove_const_t<S>>();
  static_assert(n >= 1 && n <= 8,
                "a plain struct used as a recurrent state has 1 to 8 fields, each itself a state");
  if constexpr (n == 1) {
    auto& [a] = state;
    f(a);
  } else if constexpr (n == 2) {
    auto& [a, b] = state;
    f(a), f(b);
  } else if constexpr (n == 3) {
    auto& [a, b, c] = state;
    f(a), f(b), f(c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = state;
    f(a), f(b), f(c), f(d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = state;
    f(a), f(b), f(c), f(d), f(e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, g] = state;
    f(a), f(b), f(c), f(d), f(e), f(g);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, g, h] = state;
    f(a), f(b), f(c), f(d), f(e), f(g), f(h);
  } else {
    auto& [a, b, c, d, e, g, h, i] = state;
    f(a), f(b), f(c), f(d), f(e), f(g), f(h), f(i);
  }
}

}  // namespace detail

/// Calls `f(part)` on every variable of a state, in order; `f` may replace it.
template <class S, class F>
void for_each_part(S& state, F f) {
  using Plain = std::remove_const_t<S>;
  if constexpr (detail::is_variable<Plain>) {
    f(state);
  } else if constexpr (detail::is_vector<Plain>) {
    for (auto& part : state) for_each_part(part, f);
  } else if constexpr (detail::TupleLike<Plain>) {
    std::apply([&f](auto&... parts) { (for_each_part(parts, f), ...); }, state);
  } else {
    static_assert(std::is_aggregate_v<Plain>,
                  "a recurrent state is a Variable, or a tuple, array, vector or plain struct of states");
    detail::for_each_field(state, [&f](auto& part) { for_each_part(part, f); });
  }
}

/// All parts of a state, in order.
template <class T, class S>
std::vector<Variable<T>> parts(const S& state) {
  std::vector<Variable<T>> result;
  for_each_part(state, [&result](const auto& part) { result.push_back(part); });
  return result;
}

/// The shapes of all parts, in order.
template <class S>
std::vector<Shape> shapes(const S& state) {
  if constexpr (detail::is_variable<S>) {
    return {state.shape()};
  } else {
    std::vector<Shape> result;
    for_each_part(state, [&result](const auto& part) { result.push_back(part.shape()); });
    return result;
  }
}

/// The number of parts.
template <class S>
std::size_t part_count(const S& state) {
  std::size_t count = 0;
  for_each_part(state, [&count](const auto&) { ++count; });
  return count;
}

/// The state whose part number i is f(part i of a, part i of b). Throws Error unless both have as many parts.
template <class T, class S, class F>
S combine(S a, const S& b, F f) {
  if constexpr (detail::is_variable<S>) return f(a, b);
  const auto others = parts<T>(b);
  if (part_count(a) != others.size())
    throw Error("combine", "a state of " + std::to_string(part_count(a)) + " parts does not go with one of " +
                               std::to_string(others.size()) + "; a state keeps its number of parts");
  std::size_t i = 0;
  for_each_part(a, [&](auto& part) { part = f(part, others[i++]); });
  return a;
}

/// The state as constants: cuts its gradient inside a window.
template <class S>
requires(!detail::is_variable<S>) S detach(S state) {
  for_each_part(state, [](auto& part) { part = detach(part); });
  return state;
}

/// The state with the rows (sequences of the batch) marked in `rows` set to zero and their gradient cut: what
/// a new document in one track of a batch needs.     each part: (N, ...)   rows: (N,), nonzero = reset
template <class S>
requires(!detail::is_variable<S>) S reset_rows(S state, const Ids& rows) {
  for_each_part(state, [&rows](auto& part) { part = reset_rows(part, rows); });
  return state;
}

/// Rows [first, last) (sequences of the batch) of every part.
template <class S>
S rows(S state, std::size_t first, std::size_t last) {
  for_each_part(state, [&](auto& part) {
    if (part.shape()[0] != last - first)
      part = slice(part, static_cast<std::ptrdiff_t>(first), static_cast<std::ptrdiff_t>(last));
  });
  return state;
}

/// The first n rows of every part, for a batch that goes on with fewer.
template <class S>
S first_rows(S state, std::size_t n) {
  return rows(std::move(state), 0, n);
}

/// The rows of all states, one below the other. Throws Error for none, and unless all have as many parts.
template <class S>
S concat_rows(const std::vector<S>& states) {
  if (states.empty()) throw Error("concat_rows", "needs at least one state");
  S result = states[0];
  std::size_t i = 0;
  for_each_part(result, [&]<class Part>(Part& part) {
    using T = typename Part::value_type;
    std::vector<Variable<T>> all;
    for (const S& state : states) {
      auto of_state = parts<T>(state);
      if (of_state.size() != part_count(states[0]))
        throw Error("concat_rows", "the states have different numbers of parts");
      all.push_back(std::move(of_state[i]));
    }
    part = concat(all, 0);
    ++i;
  });
  return result;
}

/// The rows of all processes, one below the other; `state` has those of this one, and `concatenate` makes
/// of the bytes of each those of all, as World does (training/distributed/world.hpp).
template <class S, class Concatenate>
S gather_rows(S state, Concatenate concatenate) {
  for_each_part(state, [&]<class Part>(Part& part) {
    using T = typename Part::value_type;
    const Array<T> own = part.value();
    const std::string all =
        concatenate(std::string(reinterpret_cast<const char*>(own.data()), own.size() * sizeof(T)));
    Shape shape = own.shape();
    shape.set(0, 1);
    shape.set(0, shape.size() == 0 ? own.shape()[0] : all.size() / sizeof(T) / shape.size());
    std::vector<T> elements(shape.size());
    std::copy(all.begin(), all.end(), reinterpret_cast<char*>(elements.data()));
    part = Variable<T>(Array<T>(shape, elements));
  });
  return state;
}

}  // namespace xgrad
