// The benchmarks: a training step beside its bare matrix products, in float on one thread. A round times the
// step and then the products, so that both meet the same moods of the machine; the figure to quote is the
// ratio of the two medians over all rounds. Google Benchmark can interleave only whole repetitions, at
// random, of everything it runs, which would leave seconds to a minute between the two: machines drift faster
// than that. So a workload is one benchmark whose iteration is a round, timed by hand, and the medians are
// its counters; the library chooses the number of rounds, writes the JSON and reads the command line
// (--help). The times are processor time, which a quiet machine's clock shows too and which stays steadier
// on a busy one; that of all threads, so that work cannot hide in another. Start with measure().
//
// Debian's build of the library calls itself a debug build, in the JSON ("library_build_type") and, where its
// console is asked for by --benchmark_format, in a warning. That is cosmetic: it speaks of the library, which
// times nothing here. How xgrad was built is "xgrad_build_type".
//
// "Finite check" is the price of looking at each step whether the loss and the gradients' norm are finite: its "step" does,
// its "bare" is the same step of the same model without.
#include <time.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "slices.hpp"
#include "table.hpp"
#include "word_model.hpp"

extern "C" {  // absent where BLAS is another one
void openblas_set_num_threads(int) __attribute__((weak));
int openblas_get_num_threads() __attribute__((weak));
char* openblas_get_config() __attribute__((weak));
}

namespace {

using namespace xgrad;

// W1 is the window of the small word model of the teaching literature, W2 and W3 the small and the medium
// language model of Zaremba et al. 2014 (arXiv:1409.2329), with one Elman layer.
constexpr std::pair<const char*, Dimensions> workloads[] = {
    {"W1", {10, 5, 418, 100, 100}},
    {"W2", {20, 35, 10000, 200, 200}},
    {"W3", {20, 35, 10000, 650, 650}},
};

// Processor time of the whole process.
double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <class Work>
double seconds(Work& work) {
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

// Times `step` and `bare` in turn, and reports the medians.
template <class Step, class Bare>
void compare(benchmark::State& state, const std::string& label, std::size_t tokens, Step step,
             Bare bare_step) {
  std::vector<double> step_times, bare_times;
  for (auto _ : state) {
    step_times.push_back(seconds(step));
    bare_times.push_back(seconds(bare_step));
    state.SetIterationTime(step_times.back());
  }
  const double ours = median(step_times), bare = median(bare_times);
  state.counters["step_ms"] = 1e3 * ours;
  state.counters["bare_ms"] = 1e3 * bare;
  state.counters["ratio"] = ours / bare;
  state.counters["tokens_per_second"] = static_cast<double>(tokens) / ours;
  state.SetLabel(label);
}
template <class Step, class Bare>
void compare(benchmark::State& state, const Dimensions& dimensions, Step step, Bare bare_step) {
  const auto [N, T, V, D, H] = dimensions;
  compare(state, fmt::format("N={} T={} V={} D={} H={}", N, T, V, D, H), N * T, std::move(step),
          std::move(bare_step));
}

void measure(benchmark::State& state, const Dimensions& dimensions) {
  compare(state, dimensions, TrainingStep(dimensions), BareProducts(dimensions));
}

void measure_check(benchmark::State& state, const Dimensions& dimensions) {
  TrainingStep model(dimensions);
  compare(
      state, dimensions, [&] { model.step(true); }, [&] { model.step(false); });
}

void measure_slices(benchmark::State& state, const Sequence& sequence) {
  const auto [N, T, D] = sequence;
  compare(state, fmt::format("N={} T={} D={}", N, T, D), N * T, Slices(sequence), BareSlices(sequence));
}

// What the figures hang on, in a line, and for the JSON: BLAS takes other kernels when OPENBLAS_CORETYPE is
// set, or when the processor is newer than the library.
std::string describe_machine() {
  const std::string blas = openblas_get_config != nullptr ? openblas_get_config() : "not OpenBLAS",
                    threads = openblas_get_num_threads != nullptr ? std::to_string(openblas_get_num_threads())
                                                                  : "as its environment says";
  benchmark::AddCustomContext("blas", blas);
  benchmark::AddCustomContext("blas_threads", threads);
  benchmark::AddCustomContext("xgrad_build_type", XGRAD_BUILD_TYPE);
  return fmt::format("BLAS: {}; its threads: {}; build type: {}", blas, threads, XGRAD_BUILD_TYPE);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  // The table takes the place of the library's console; another format, asked for, is the library's.
  const bool own = std::none_of(arguments.begin(), arguments.end(), [](std::string_view argument) {
    return argument.starts_with("--benchmark_format");
  });
  std::string enough = "--benchmark_min_time=6";  // seconds of steps; a later argument takes its place
  arguments.insert(arguments.begin() + 1, enough.data());
  argc = static_cast<int>(arguments.size());
  benchmark::Initialize(&argc, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(argc, arguments.data())) return 2;

  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(1);
  Table table(describe_machine());
  for (const auto& [name, dimensions] : workloads)
    benchmark::RegisterBenchmark(fmt::format("Elman/{}", name).c_str(), measure, dimensions)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  for (const auto& [name, dimensions] : {workloads[0], workloads[1]})
    benchmark::RegisterBenchmark(fmt::format("Finite check/{}", name).c_str(), measure_check, dimensions)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  for (const std::size_t T :
       {100, 1000, 10000})  // that the cost of a slice does not hang on how many there are
    benchmark::RegisterBenchmark(fmt::format("Slices/{}", T).c_str(), measure_slices, Sequence{4, T, 32})
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  const std::size_t matched = benchmark::RunSpecifiedBenchmarks(own ? &table : nullptr);
  benchmark::Shutdown();
  return matched > 0 ? 0 : 1;
}
