// The benchmarks: a training step beside its bare matrix products, on one thread unless said otherwise. A round times the
// step and then its rival, so that both meet the same moods of the machine; the figure to quote is the
// ratio of the two medians over all rounds. Google Benchmark can interleave only whole repetitions, at
// random, of everything it runs, which would leave seconds to a minute between the two: machines drift faster
// than that. So a workload is one benchmark whose iteration is a round, timed by hand, and the medians are
// its counters; the library chooses the number of rounds, writes the JSON and reads the command line
// (--help). The times are processor time, which a quiet machine's clock shows too and which stays steadier
// on a busy one; that of all threads, so that work cannot hide in another. Start with `register_all`.
//
// What stands beside the step, under "bare", is
//   Elman, LSTM, ...   the least matrix work of the step, in bare BLAS: bare_products.cpp
//   User LSTM          the library's own LSTM, where the step has one that a user wrote: cells.hpp
//   Finite check       the step without the look at whether loss and gradients are finite
//   Technique          the step with all fast paths on, where the step has one of them off, or all
//   Threads            the step on one thread, where the step has two, by the clock
//   Tiny ops, Token, Slices   the same by hand: tiny_ops.hpp, bare_products.cpp, slices.hpp
//
// Debian's build of the library calls itself a debug build, in the JSON ("library_build_type") and, where its
// console is asked for by --benchmark_format, in a warning. That is cosmetic: it speaks of the library, which
// times nothing here. How xgrad was built is "xgrad_build_type".
#include <time.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/kernels/instruction_set.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/layers/rnn.hpp>

#include "bare_products.hpp"
#include "memory.hpp"
#include "slices.hpp"
#include "table.hpp"
#include "tiny_ops.hpp"
#include "word_model.hpp"

namespace {

using namespace xgrad;

// W1 is the window of the small word model of the teaching literature, W2 and W3 the small and the medium
// language model of Zaremba et al. 2014 (arXiv:1409.2329).
constexpr Dimensions W1{10, 5, 418, 100, 100}, W2{20, 35, 10000, 200, 200}, W3{20, 35, 10000, 650, 650, 2};

double seconds_on(clockid_t clock) {
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

double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Times `step` and `bare` in turn, and reports the medians. `tokens` is what a step does, of whatever kind.
template <class Step, class Bare>
void compare(benchmark::State& state, const std::string& label, std::size_t tokens, Step step, Bare bare_step,
             double peak = -1, clockid_t clock = CLOCK_PROCESS_CPUTIME_ID) {
  std::vector<double> step_times, bare_times;
  step();  // with what is done once: fresh memory, the first look at the numbers
  bare_step();
  for (auto _ : state) {
    step_times.push_back(seconds(step, clock));
    bare_times.push_back(seconds(bare_step, clock));
    state.SetIterationTime(step_times.back());
  }
  const double ours = median(step_times), bare = median(bare_times);
  state.counters["step_ms"] = 1e3 * ours;
  state.counters["bare_ms"] = 1e3 * bare;
  state.counters["ratio"] = ours / bare;
  state.counters["tokens_per_second"] = static_cast<double>(tokens) / ours;
  if (peak >= 0) state.counters["peak_mib"] = peak;
  state.SetLabel(label);
}

std::string label_of(const Dimensions& d) {
  return fmt::format("N={} T={} V={} D={} H={}{}", d.N, d.T, d.V, d.D, d.H,
                     d.layers > 1 ? fmt::format(" x{}", d.layers) : "");
}

// Where this program lies: in the shell that popen starts, /proc/self/exe is the shell.
std::string this_program;

// Three training steps of each workload by its name, for its peak memory.
std::map<std::string, std::function<void()>>& peak_works() {
  static std::map<std::string, std::function<void()>> works;
  return works;
}

template <class T, class Cell>
void measure(benchmark::State& state, const Dimensions& d, const CellProducts& products,
             const std::string& name) {
  compare(state, label_of(d), d.N * d.T, TrainingStep<T, Cell>(d), BareProducts<T>(d, products),
          peak_mib(this_program, name));
}

void measure_user_cell(benchmark::State& state, const Dimensions& d) {
  compare(state, label_of(d), d.N * d.T, TrainingStep<float, user::Lstm<float>>(d),
          TrainingStep<float, Lstm<float>>(d));
}

template <class Cell>
void measure_check(benchmark::State& state, const Dimensions& d) {
  TrainingStep<float, Cell> model(d);
  compare(
      state, label_of(d), d.N * d.T, [&] { model.step(true); }, [&] { model.step(false); });
}

template <class Cell>
void measure_technique(benchmark::State& state, const Dimensions& d, const std::vector<FastPath>& paths) {
  TrainingStep<float, Cell> model(d);
  const auto switched_off = [&] {
    const SwitchedOff off(paths);
    model();
  };
  compare(state, label_of(d), d.N * d.T, switched_off, [&] { model(); });
}

template <class Cell>
void measure_token(benchmark::State& state, const Dimensions& d, const CellProducts& products) {
  compare(state, label_of({1, 1, d.V, d.D, d.H, 1}), 1, Token<Cell>(d), BareToken(d, products));
}

// By the clock, as processor time counts both threads.
void measure_threads(benchmark::State& state, const Dimensions& d) {
  TrainingStep<float, Lstm<float>> model(d);
  const auto on_two = [&] {
    set_threads(2);
    model();
    set_threads(1);
  };
  compare(
      state, label_of(d), d.N * d.T, on_two, [&] { model(); }, -1, CLOCK_MONOTONIC);
}

// What the machine itself gains by a second thread, in BLAS.
void measure_threads_of_blas(benchmark::State& state) {
  constexpr std::size_t n = 2048;
  SquareProduct product(n);
  const auto on_two = [&] {
    set_threads(2);
    product();
    set_threads(1);
  };
  compare(state, fmt::format("{0} x {0} floats", n), n, on_two, product, -1, CLOCK_MONOTONIC);
}

void measure_tiny_ops(benchmark::State& state) {
  compare(state, fmt::format("{} ops on 4x4", tiny_ops), tiny_ops, TinyOps(), BareTinyOps());
}

void measure_slices(benchmark::State& state, const Sequence& sequence) {
  const auto [N, T, D] = sequence;
  compare(state, fmt::format("N={} T={} D={}", N, T, D), N * T, Slices(sequence), BareSlices(sequence));
}

// What the figures hang on, in a line, and for the JSON: BLAS takes other kernels when OPENBLAS_CORETYPE is
// set, or when the processor is newer than the library.
std::string describe_machine() {
  const auto [blas, count] = describe_blas();
  const std::string threads = count > 0 ? std::to_string(count) : "as its environment says",
                    kernels = kernels::name(kernels::instruction_set());
  benchmark::AddCustomContext("blas", blas);
  benchmark::AddCustomContext("blas_threads", threads);
  benchmark::AddCustomContext("xgrad_build_type", XGRAD_BUILD_TYPE);
  benchmark::AddCustomContext("xgrad_kernels", kernels);
  return fmt::format("BLAS: {}; its threads: {}; build type: {}; kernels: {}", blas, threads,
                     XGRAD_BUILD_TYPE, kernels);
}

template <class Measure, class... Arguments>
void add(const std::string& name, Measure measure, const Arguments&... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), measure, arguments...)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

template <class T, class Cell>
void add_workload(const std::string& name, const Dimensions& d, const CellProducts& products) {
  add(name, measure<T, Cell>, d, products, name);
  peak_works()[name] = [d] {
    TrainingStep<T, Cell> step(d);
    for (int i = 0; i < 3; ++i) step();
  };
}

void register_all() {
  const auto elman = [](std::size_t H) { return CellProducts{H, {H}}; };
  const auto lstm = [](std::size_t H) { return CellProducts{4 * H, {4 * H}}; };
  add_workload<float, Rnn<float>>("Elman/W1", W1, elman(100));
  add_workload<double, Rnn<double>>("Elman in double/W1", W1, elman(100));
  add_workload<float, Rnn<float>>("Elman/W2", W2, elman(200));
  add_workload<float, Lstm<float>>("LSTM/W2", W2, lstm(200));
  add_workload<float, Lstm<float>>("LSTM/W3", W3, lstm(650));
  add_workload<float, user::Mgu<float>>("User MGU/W2", W2, CellProducts{400, {200, 200}});
  add_workload<float, user::LayerNormGru<float>>("User layer-norm GRU/W2", W2, CellProducts{600, {600}});
  add("User LSTM/W2", measure_user_cell, W2);
  add("Finite check/W1", measure_check<Rnn<float>>, W1);
  add("Finite check/W2", measure_check<Rnn<float>>, W2);
  add("Token, Elman/W2", measure_token<Rnn<float>>, W2, elman(200));
  add("Token, LSTM/W2", measure_token<Lstm<float>>, W2, lstm(200));
  add("Tiny ops/4x4", measure_tiny_ops);
  for (const std::size_t T :
       {100, 1000, 10000})  // that the cost of a slice does not hang on how many there are
    add(fmt::format("Slices/{}", T), measure_slices, Sequence{4, T, 32});
  add("Threads/W3", measure_threads, W3);
  add("Threads/BLAS", measure_threads_of_blas);
  std::vector<FastPath> all;
  for (const auto& [name, path] : fast_path_names) {
    add(fmt::format("Technique/W1 without {}", name), measure_technique<Rnn<float>>, W1, std::vector{path});
    add(fmt::format("Technique/W2 LSTM without {}", name), measure_technique<Lstm<float>>, W2,
        std::vector{path});
    all.push_back(path);
  }
  add("Technique/W1 without any", measure_technique<Rnn<float>>, W1, all);
  add("Technique/W2 LSTM without any", measure_technique<Lstm<float>>, W2, all);
}

}  // namespace

int main(int argc, char** argv) {
  set_threads(1);
  if (argc == 3 && std::string_view(argv[1]) == peak_argument) {
    register_all();
    print_peak(peak_works().at(argv[2]));
    return 0;
  }
  std::vector<char*> arguments(argv, argv + argc);
  // The table takes the place of the library's console; another format, asked for, is the library's.
  const bool own = std::none_of(arguments.begin(), arguments.end(), [](std::string_view argument) {
    return argument.starts_with("--benchmark_format");
  });
  std::string enough = "--benchmark_min_time=2";  // seconds of steps; a later argument takes its place
  arguments.insert(arguments.begin() + 1, enough.data());
  argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(argc, arguments.data())) return 2;

  this_program = std::filesystem::read_symlink("/proc/self/exe");
  Table table(describe_machine());
  register_all();
  const std::size_t matched = benchmark::RunSpecifiedBenchmarks(own ? &table : nullptr);
  benchmark::Shutdown();
  return matched > 0 ? 0 : 1;
}
