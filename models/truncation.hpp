// truncation: how far back in time a model's gradient reaches on a text, and so how long the windows of
// truncated backpropagation through time must be. Start at TruncationReport, which says what is measured.
//
//   const auto report = truncation(model, parameters, StreamWindows(tokens, N, 200), {.longest = 100});
//   std::cout << report;                       // and train with windows of report.needed steps or more
#pragma once

#include <cstddef>
#include <iosfwd>
#include <utility>
#include <vector>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/layers/state.hpp>
#include <xgrad/models/window.hpp>

namespace xgrad {

/// Options of truncation().
struct TruncationOptions {
  std::size_t longest = 0;  ///< K, the steps that the gradient is followed back; 0: half of the first window
  std::size_t windows = 4;  ///< of the text, at most
  double keep = 0.99;       ///< the part of the gradient that `needed` keeps, in (0, 1)
};

/// What truncation() measures. L_t is the loss of step t, h_t the state after it. The gradient that is cut
/// after T steps is the one in which every L_t flows back through the steps t, ..., t - T + 1 alone (Williams
/// & Peng 1990); the full one flows through K. A window of T steps gives its last loss that many, and the
/// others fewer.
struct TruncationReport {
  /// The gradient cut after T steps, compared with the full one.
  struct Cut {
    std::size_t T;  ///< steps
    double cosine;  ///< of the angle between the gradient cut after T steps and the full one
    double ratio;   ///< of their norms
    double error;   ///< |cut - full| / |full|
  };
  /// [k - 1]: root mean square over t and sequences of |dL_t / dh_(t-k)|, k = 1, ..., K
  std::vector<double> signal;
  std::vector<Cut> cuts;  ///< [T - 1], T = 1, ..., K
  /// The least T whose error is at most 1 - keep; K says that K was too short to tell.
  std::size_t needed = 0;
};

/// Prints the report as a table, with all of the first ten steps and fewer and fewer of those after.
std::ostream& operator<<(std::ostream& out, const TruncationReport& report);

namespace detail {

/// Adds up what the report is made of.
template <class T>
class TruncationSums {
 public:
  TruncationSums(const Parameters<T>& parameters, std::size_t longest);
  /// The gradient of some L_t with respect to a part of the state k steps before.     gradient: (N, ...)
  void add_signal(std::size_t k, const Array<T>& gradient);
  /// N more losses of step t were followed k steps back.
  void count(std::size_t k, std::size_t N) { counts_[k - 1] += static_cast<double>(N); }
  /// What step t - lag contributes to the parameters' gradient of L_t.
  void add_gradient(std::size_t lag, const Gradients<T>& gradients);
  TruncationReport report(double keep) const;

 private:
  Parameters<T> parameters_;
  std::vector<long double> squares_;  // of signals that may have faded to 1e-200
  std::vector<double> counts_;
  std::vector<std::vector<double>> gradients_;  // by lag
};

/// Throws Error for an option out of its range.
void check(const TruncationOptions& options);
/// Throws Error unless windows of `steps` steps can be followed K steps back.
void check_longest(std::size_t K, std::size_t steps);

}  // namespace detail

/// Follows the losses of a model back in time, at its present parameters: one sweep per step and lag, so K
/// times the work of training on the same windows, and K times the parameters in memory.
///     windows[i].inputs, windows[i].targets: (S, N); `parameters` are the model's
/// Windows may have a Sequences `sequences`, as for evaluate().
/// Losses of the first K - 1 steps of a window are left out, since they cannot be followed K steps.
/// Throws Error, before the model is run, if K is 0, if the first window has fewer than K steps, if `windows`
/// is 0, and unless `keep` is in (0, 1). Throws Error, too, if the gradient is not finite.
template <class T, class Model, class Windows>
TruncationReport truncation(const Model& model, const Parameters<T>& parameters, const Windows& windows,
                            const TruncationOptions& options = {}) {
  detail::check(options);
  const std::size_t steps = windows.size() == 0 ? 0 : windows[0].inputs.shape()[0];
  const std::size_t K = options.longest == 0 ? steps / 2 : options.longest;
  detail::check_longest(K, steps);
  detail::TruncationSums<T> sums(parameters, K);
  auto state = model.zero(windows[0].inputs.shape()[1]);
  using State = decltype(state);
  for (std::size_t i = 0; i < windows.size() && i < options.windows; ++i) {
    const auto window = windows[i];
    const Ids inputs = window.inputs, targets = window.targets;
    const Sequences sequences = detail::sequences_of(window);
    detail::check_sequences(inputs.shape(), sequences);
    const std::size_t S = inputs.shape()[0], N = inputs.shape()[1];
    const auto step = [&](std::size_t s, const State& from) {
      const Shape one({1, N});
      return detail::window_loss<decltype(window)>(model, inputs.row(s).reshaped(one),
                                                   targets.row(s).reshaped(one), from, Reduction::sum,
                                                   detail::step_of(sequences, s));
    };
    std::vector<State> before;  // each step
    state = first_rows(std::move(state), N);
    for (std::size_t s = 0; s < S; ++s) {
      const Inference pause;
      before.push_back(state);
      state = detach(step(s, state).state);
    }
    // From the last step to the first: signals[j] is dL_t / d(state after step s) for t = s + 1 + j.
    std::vector<std::vector<Array<T>>> signals;
    for (std::size_t s = S; s-- > 0;) {
      const TimeStep now(s);
      Tape<T> tape;
      State start = before[s];
      for_each_part(start, [&](auto& part) { part = tape.leaf(part.value()); });
      const auto leaves = parts<T>(start);
      const auto [loss, next] = step(s, start);
      const auto after = parts<T>(next);
      std::vector<std::vector<Array<T>>> earlier;
      for (std::size_t lag = 0; lag < K && lag <= signals.size(); ++lag) {
        const std::size_t t = s + lag;
        if (t + 1 < K) continue;  // cannot be followed K steps
        Variable<T> functional = loss;
        if (lag > 0) {
          functional = 0 * sum(after[0]);
          for (std::size_t part = 0; part < after.size(); ++part)
            functional += sum(after[part] * Variable<T>(signals[lag - 1][part]));
        }
        const auto gradients = tape.gradient(functional, {.keep = true, .unreached = zeros});
        sums.add_gradient(lag, gradients);
        sums.count(lag + 1, detail::present_count(detail::step_of(sequences, t), N));
        std::vector<Array<T>> signal;
        for (const auto& leaf : leaves) {
          signal.push_back(gradients[leaf]);
          sums.add_signal(lag + 1, signal.back());
        }
        earlier.resize(lag);
        earlier.push_back(std::move(signal));
      }
      signals = std::move(earlier);
    }
  }
  return sums.report(options.keep);
}

}  // namespace xgrad
