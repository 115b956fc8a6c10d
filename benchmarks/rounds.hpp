// Rounds: several things timed in turn, so that all meet the same moods of the machine. Start with `compare`.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace xgrad {

inline double seconds_on(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work>
double seconds(Work& work, clockid_t clock) {
  const double start = seconds_on(clock);
  work();
  return seconds_on(clock) - start;
}

/// Seconds of one of several steps that follow one another for some `at_least` seconds, as in training. The
/// first, for which the caches are another's, is not timed.
template <class Step>
double seconds_a_step(Step& step, clockid_t clock, double at_least) {
  const double first = seconds(step, clock);
  const auto steps = static_cast<std::size_t>(std::clamp(at_least / (first + 1e-9), 1.0, 1000.0));
  const auto burst = [&] {
    for (std::size_t i = 0; i < steps; ++i) step();
  };
  return seconds(burst, clock) / static_cast<double>(steps);
}

inline double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// How long a workload is measured: until both are reached. Google Benchmark would choose a number of rounds
/// by time alone, which for the largest steps is one.
struct Enough {
  std::size_t rounds = 10;
  double seconds = 5;       ///< of all rounds together
  bool step_alone = false;  ///< without the rivals, for a comparison with another build of the program
};
inline Enough enough;

/// What a step is compared with, as the counter `name`_ms; what is done before and after it is not timed.
struct Rival {
  std::string name;
  std::function<void()> step;
  std::function<void()> before = [] {}, after = [] {};
};

/// Times the rivals in turn and reports the medians and the number of rounds: the first of them, "step", is
/// that which the others stand beside, and "bare" that which its ratio is to. `tokens` is what a step does,
/// of whatever kind. `at_most` bounds the seconds of many short workloads.
inline void compare(benchmark::State& state, const std::string& label, std::size_t tokens,
                    std::vector<Rival> rivals, clockid_t clock = CLOCK_PROCESS_CPUTIME_ID,
                    double at_most = 1e9) {
  if (enough.step_alone) rivals.resize(1);
  std::vector<std::vector<double>> times(rivals.size());
  const auto run = [&](const Rival& rival) {
    rival.before();
    const double time = seconds_a_step(rival.step, clock, 0.002);
    rival.after();
    return time;
  };
  if (enough.rounds > 1)
    for (const Rival& rival : rivals) run(rival);  // with what is done once: fresh memory, say
  for (auto _ : state) {                           // once; see main.cpp
    const double start = seconds_on(CLOCK_MONOTONIC);
    do {
      for (std::size_t i = 0; i < rivals.size(); ++i) times[i].push_back(run(rivals[i]));
    } while (times[0].size() < enough.rounds ||
             seconds_on(CLOCK_MONOTONIC) - start < std::min(enough.seconds, at_most));
    state.SetIterationTime(seconds_on(CLOCK_MONOTONIC) - start);
  }
  for (std::size_t i = 0; i < rivals.size(); ++i)
    state.counters[rivals[i].name + "_ms"] = 1e3 * median(times[i]);
  if (!enough.step_alone) state.counters["ratio"] = state.counters["step_ms"] / state.counters["bare_ms"];
  state.counters["tokens_per_second"] = static_cast<double>(tokens) / median(times[0]);
  state.counters["rounds"] = static_cast<double>(times[0].size());
  state.SetLabel(label);
}

/// The same beside one thing alone.
template <class Step, class Bare>
void compare(benchmark::State& state, const std::string& label, std::size_t tokens, Step step, Bare bare,
             clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  compare(state, label, tokens, {{"step", std::move(step)}, {"bare", std::move(bare)}}, clock);
}

}  // namespace xgrad
