// Dropout inside recurrent layers, as wrappers of any cell. Each is a cell itself and does nothing but in
// `for_training(key)`, of which a training loop makes a new one for each window:
//
//   const VariationalOptions options{.input = 0.2, .state = 0.3};
//   Rnnlm<float, Variational<Lstm<float>>> model(p, V, D, H, {}, options);
//   const auto noisy = model.for_training(run.fold(window));   // the same parameters
//
// The one in this library that is not here is dropout between layers, which belongs to Stack.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/layers/cell_wrapper.hpp>

namespace xgrad {

namespace detail {

inline void check_rate(const char* what, double rate) {
  if (!(rate >= 0 && rate < 1))
    throw Error(what, "needs a rate of dropout in [0, 1), got " + std::to_string(rate));
}

// `p`, for what declares parameters after this check: a rate that is refused leaves none behind.
template <class T>
const Parameters<T>& with_rates(const Parameters<T>& p, const char* what, const std::vector<double>& rates) {
  for (const double rate : rates) check_rate(what, rate);
  return p;
}

// The key of the time step that is being computed: what is drawn anew at each step must know which one it is.
inline RandomKey step_key(const char* what, RandomKey key) {
  const auto t = TimeStep::current();
  if (!t)
    throw Error(what,
                "draws anew at each time step and there is none; run it by unroll(), or open a TimeStep");
  return key.fold(*t);
}

// Dropout of a sequence: of other elements at each step or, if it is variational, of the same at all steps.
//     xs: (T, N, ...)
template <class T>
Variable<T> drop_steps(const Variable<T>& xs, double rate, bool variational, RandomKey key) {
  if (!variational) return dropout(xs, rate, key);
  Shape one_step = xs.shape();
  one_step.set(0, 1);
  const Variable<T> ones = Array<T>::full(one_step, T(1));
  return xs * dropout(ones, rate, key);
}

// The state with `f` applied to its first part: by convention the one that enters the cell's products (h of
// an LSTM).
template <class S, class F>
S with_first_part(S state, F f) {
  bool first = true;
  for_each_part(state, [&](auto& part) {
    if (std::exchange(first, false)) part = f(part);
  });
  return state;
}

}  // namespace detail

/// The rates of dropout of Variational, each in [0, 1).
struct VariationalOptions {
  double input = 0,  ///< on the cell's input
      state = 0,     ///< on the first part of its state
      output = 0;    ///< on its output
};

/// Variational dropout, Gal & Ghahramani 2016 (arXiv:1512.05287): on the cell's input, on the first part of
/// its state (h of an LSTM) as the cell reads it, and on its output. The masks are the same at all time steps
/// of a window, and differ from sequence to sequence. Where a cell passes the state on by itself, as a GRU
/// does, that is dropped too.
template <class Cell>
struct Variational : CellWrapper<Variational<Cell>, Cell> {
  using T = ScalarOf<Cell>;  ///< the scalar of the cell

  VariationalOptions options;      ///< as given
  std::optional<RandomKey> key{};  ///< set in for_training()

  /// The cell is Cell(p, D, H, args...). Throws Error for a rate outside [0, 1).
  template <class... Args>
  Variational(const Parameters<T>& p, std::size_t D, std::size_t hidden, const VariationalOptions& rates = {},
              const Args&... args)
      : CellWrapper<Variational, Cell>(
            detail::with_rates(p, "Variational", {rates.input, rates.state, rates.output}), D, hidden,
            args...),
        options(rates) {}

  /// One step of the cell, with dropout in training.     x: (N, D)
  template <class S>
  Step<Variable<T>, S> operator()(const Variable<T>& x, const S& state) const {
    if (!key) return step(this->cell, x, state);
    const auto h =
        detail::with_first_part(state, [this](const auto& part) { return drop(part, options.state, 0); });
    auto next = step(this->cell, drop(x, options.input, 1), h);
    next.y = drop(next.y, options.output, 2);
    return next;
  }

 private:
  // With the same key at all steps the mask is the same.
  Variable<T> drop(const Variable<T>& x, double rate, std::uint64_t use) const {
    return rate > 0 ? dropout(x, rate, key->fold(use)) : x;
  }
};

/// Options of RecurrentDropout.
struct RecurrentDropoutOptions {
  double rate = 0;  ///< of dropout, in [0, 1)
};

/// Dropout on the first part of the state (h of an LSTM, not its memory c) as the cell reads it, drawn anew
/// at each time step.
template <class Cell>
struct RecurrentDropout : CellWrapper<RecurrentDropout<Cell>, Cell> {
  using T = ScalarOf<Cell>;  ///< the scalar of the cell

  RecurrentDropoutOptions options;  ///< as given
  std::optional<RandomKey> key{};   ///< set in for_training()

  /// The cell is Cell(p, D, H, args...). Throws Error for a rate outside [0, 1).
  template <class... Args>
  RecurrentDropout(const Parameters<T>& p, std::size_t D, std::size_t hidden,
                   const RecurrentDropoutOptions& dropout_options = {}, const Args&... args)
      : CellWrapper<RecurrentDropout, Cell>(detail::with_rates(p, "RecurrentDropout", {dropout_options.rate}),
                                            D, hidden, args...),
        options(dropout_options) {}

  /// One step of the cell, with dropout in training.     x: (N, D)
  /// In training it throws Error where no TimeStep is open, unless the rate is 0.
  template <class S>
  Step<Variable<T>, S> operator()(const Variable<T>& x, const S& state) const {
    if (!key || options.rate == 0) return step(this->cell, x, state);
    const RandomKey now = detail::step_key("RecurrentDropout", *key);
    return step(this->cell, x, detail::with_first_part(state, [&](const auto& part) {
                  return dropout(part, options.rate, now);
                }));
  }
};

/// Options of Zoneout.
struct ZoneoutOptions {
  /// For each part of the state, in order, the probability in [0, 1) that an element of it stays what it was;
  /// one rate alone is for all parts.
  std::vector<double> rates{0.1};
};

/// Zoneout, Krueger et al. 2017 (arXiv:1606.01305): in training each element of the state stays, with a given
/// probability, what it was a step before; in evaluation the state is the mean of that. An output that is a
/// part of the state, as in an LSTM or a GRU, is that part after zoneout.
template <class Cell>
struct Zoneout : CellWrapper<Zoneout<Cell>, Cell> {
  using T = ScalarOf<Cell>;  ///< the scalar of the cell

  ZoneoutOptions options;          ///< as given
  std::optional<RandomKey> key{};  ///< set in for_training()

  /// The cell is Cell(p, D, H, args...). Throws Error for a rate outside [0, 1).
  template <class... Args>
  Zoneout(const Parameters<T>& p, std::size_t D, std::size_t hidden, ZoneoutOptions zoneout_options = {},
          const Args&... args)
      : CellWrapper<Zoneout, Cell>(detail::with_rates(p, "Zoneout", zoneout_options.rates), D, hidden,
                                   args...),
        options(std::move(zoneout_options)) {}

  /// One step of the cell, then zoneout.     x: (N, D)
  /// In training it throws Error where no TimeStep is open; always where there are neither one rate nor one
  /// per part, or the cell returns a state of another number of parts.
  template <class S>
  Step<Variable<T>, S> operator()(const Variable<T>& x, const S& state) const {
    const std::size_t count = part_count(state);
    if (options.rates.size() != 1 && options.rates.size() != count)
      throw Error("Zoneout", "has " + std::to_string(options.rates.size()) + " rates for a state of " +
                                 std::to_string(count) + " parts");
    const bool draws =
        key && std::any_of(options.rates.begin(), options.rates.end(), [](double rate) { return rate > 0; });
    const auto step_key = draws ? std::optional(detail::step_key("Zoneout", *key)) : std::nullopt;
    auto next = step(this->cell, x, state);
    const Array<T> y = next.y.value();
    std::size_t i = 0;
    next.state = combine<T>(std::move(next.state), state, [&](const auto& now, const auto& before) {
      // Immutable numbers at the same place: the output is this part.
      const bool is_output = now.value().data() == y.data() && now.shape() == y.shape();
      const double rate = options.rates[options.rates.size() == 1 ? 0 : i];
      const auto part = zone_out(now, before, rate, step_key, i++);
      if (is_output) next.y = part;
      return part;
    });
    return next;
  }

 private:
  static Variable<T> zone_out(const Variable<T>& now, const Variable<T>& before, double rate,
                              const std::optional<RandomKey>& step_key, std::uint64_t part) {
    if (rate == 0) return now;
    if (!step_key) return rate * before + (1 - rate) * now;
    const Variable<T> ones = Array<T>::full(now.shape(), T(1));
    const auto drawn = dropout(ones, rate, step_key->fold(part));
    return where(stays(drawn.value()), before, now);
  }

  static Ids stays(const Array<T>& drawn) {
    std::vector<Ids::value_type> flags(drawn.size());
    for (std::size_t i = 0; i < flags.size(); ++i) flags[i] = drawn.data()[i] == T(0);
    return Ids(drawn.shape(), std::move(flags));
  }
};

}  // namespace xgrad
