// The benchmarks: a training step beside its bare matrix products, on one thread unless said otherwise. A
// round times the step and then each rival, so that all meet the same moods of the machine; the figure to
// quote is the ratio of two medians over all rounds. Google Benchmark can interleave only whole repetitions,
// at random, of everything it runs, which would leave seconds to a minute between the two: machines drift
// faster than that. So a workload is one benchmark with one iteration, which holds all rounds, timed by hand,
// and the medians are its counters; the library writes the JSON and reads the command line (--help), but for
//   --rounds=N    at least N rounds of each workload (10), and
//   --seconds=S   at least S seconds of them (5); --rounds=1 --seconds=0 only shows that it runs
//   --step-alone  the step without its rivals, for against.cpp
// Beside a step that is products in the main stands its share of a ceiling, and that of bare BLAS: of the
// peak of one thread, or, where weights are read once, of the bandwidth at their size; see ceilings.hpp. The
// times are processor time, which a quiet machine's clock shows too and which stays steadier on a busy one;
// that of all threads, so that work cannot hide in another. Start with `register_all`.
//
// What stands beside the step, under "bare", is
//   Elman, LSTM, ...   the least matrix work of the step, in bare BLAS: bare_products.cpp. Beside them also
//                      the step with all fast paths off ("plain"), and, where libtorch was found, its
//                      steps: libtorch.hpp
//   User LSTM          the library's own LSTM, where the step has one that a user wrote: cells.hpp
//   Loss by rows       the loss over all logits at once, where the step has 256 rows of them at a time
//   Finite check       the step without the look at whether loss and gradients are finite
//   Rounding           loss and gradient in float and in double, where the step is the report of rounding
//   Hessian            loss and gradient, where the step is the product of the Hessian and a direction
//   Within memory      loss and gradient without a budget of bytes, where the step has one: within_memory.hpp
//   Output layer       the full softmax of 10,000 tokens, or the same layer over these: output_layers.hpp
//   Technique          the step with all fast paths on, where the step has one of them off, or all
//   Threads            the step on one thread, where the step has two, by the clock
//   Products           BLAS, over many shapes: products.hpp
//   GEMM               a plain loop, where the step is the BLAS that the library calls, in all three scalars
//   Compiling          of a file that includes xtensor alone, where the step is that of an example or a
//                      header: the least processor time of five
//   Elementwise, Where, Axis 0, Logsumexp, Cumsum, Gather   exp, or what the line says: element_ops.hpp
//   Tiny ops, Token, Slices   the same by hand: tiny_ops.hpp, bare_products.cpp, slices.hpp
//
// Debian's build of the library calls itself a debug build, in the JSON ("library_build_type") and, where its
// console is asked for by --benchmark_format, in a warning. That is cosmetic: it speaks of the library, which
// times nothing here. How xgrad was built is "xgrad_build_type".
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <xgrad/autograd/config.hpp>
#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/rounding.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/layers/rnn.hpp>

#include "bare_products.hpp"
#include "ceilings.hpp"
#include "element_ops.hpp"
#include "gemm.hpp"
#include "libtorch.hpp"
#include "memory.hpp"
#include "output_layers.hpp"
#include "products.hpp"
#include "rounds.hpp"
#include "shares.hpp"
#include "slices.hpp"
#include "table.hpp"
#include "tiny_ops.hpp"
#include "within_memory.hpp"
#include "word_model.hpp"

namespace {

using namespace xgrad;

// W1 is the window of the small word model of the teaching literature, W2 and W3 the small and the medium
// language model of Zaremba et al. 2014 (arXiv:1409.2329).
constexpr Dimensions W1{10, 5, 418, 100, 100}, W2{20, 35, 10000, 200, 200}, W3{20, 35, 10000, 650, 650, 2};

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

// A step that can be copied, as std::function wants it.
template <class T, class Cell>
auto shared_step(const Dimensions& d, const RnnlmOptions& options = {}) {
  return [step = std::make_shared<TrainingStep<T, Cell>>(d, options)] { (*step)(); };
}

std::vector<FastPath> all_paths() {
  std::vector<FastPath> all;
  for (const auto& [name, path] : fast_path_names) all.push_back(path);
  return all;
}

std::string torch_name(const std::string& name) { return name + ", libtorch"; }

const Ceilings& ceilings() {
  static const Ceilings measured;
  return measured;
}

// The shares of a ceiling, where they would take `at_least` seconds, that a step and its rival reach.
void add_ceiling(benchmark::State& state, double at_least) {
  if (enough.step_alone) return;
  state.counters["ceiling_percent"] = 1e5 * at_least / state.counters["step_ms"];
  state.counters["bare_ceiling_percent"] = 1e5 * at_least / state.counters["bare_ms"];
}

template <class T, class Cell>
void measure(benchmark::State& state, const Dimensions& d, const CellProducts& products,
             const std::string& name, TorchCell torch_cell) {
  TrainingStep<T, Cell> step(d);
  std::vector<Rival> rivals{{"step", [&] { step(); }},
                            {"bare", BareProducts<T>(d, products)},
                            {"plain", [&] {
                               const SwitchedOff off(all_paths());
                               step();
                             }}};
  if (std::is_same_v<T, float>) {
    if (auto module = libtorch_step(d, torch_cell, TorchForm::module))
      rivals.push_back({"torch", std::move(module)});
    if (auto written_out = libtorch_step(d, torch_cell, TorchForm::written_out))
      rivals.push_back({"torch_cell", std::move(written_out)});
  }
  compare(state, label_of(d), d.N * d.T, rivals);
  if (enough.step_alone) return;
  add_ceiling(state, BareProducts<T>(d, products).flops() / ceilings().flops<T>());
  state.counters["peak_mib"] = peak_mib(this_program, name);
  if (peak_works().contains(torch_name(name)))
    state.counters["torch_peak_mib"] = peak_mib(this_program, torch_name(name));
  const Shares shares = shares_of(step);
  state.counters["products_percent"] = shares.products;
  state.counters["loss_percent"] = shares.loss;
  state.counters["elementwise_percent"] = shares.elementwise;
  state.counters["update_percent"] = shares.update;
  state.counters["rest_percent"] = shares.rest;
}

void measure_user_cell(benchmark::State& state, const Dimensions& d) {
  compare(state, label_of(d), d.N * d.T, shared_step<float, user::Lstm<float>>(d),
          shared_step<float, Lstm<float>>(d));
}

void measure_loss_by_rows(benchmark::State& state, const Dimensions& d, const std::string& name) {
  compare(state, label_of(d), d.N * d.T, shared_step<float, Rnn<float>>(d, {.loss_rows = 256}),
          shared_step<float, Rnn<float>>(d));
  if (enough.step_alone) return;
  state.counters["peak_mib"] = peak_mib(this_program, name);
}

template <class Cell>
void measure_check(benchmark::State& state, const Dimensions& d) {
  TrainingStep<float, Cell> model(d);
  compare(
      state, label_of(d), d.N * d.T, [&] { model.step(true); }, [&] { model.step(false); });
}

// The loss of a word model on one window, in any scalar.
template <template <class> class Cell>
auto window_loss(const Dimensions& d) {
  std::vector<Ids::value_type> ids(d.T * d.N);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Ids::value_type>(7919 * i % d.V);
  return [d, window = Ids({d.T, d.N}, ids)]<class T>(const Parameters<T>& parameters) {
    const Rnnlm<T, Cell<T>> model(parameters, d.V, d.D, d.H);
    return model.loss(window, window, model.zero(d.N)).y;
  };
}

// The report on a model and a window beside a run of the same in float and one in double: the model from its
// values, loss and gradient.
void measure_rounding(benchmark::State& state, const Dimensions& d) {
  const auto f = window_loss<Rnn>(d);
  const Parameters<float> p(1);
  benchmark::DoNotOptimize(f(p));
  const auto run = [&f, values = p.values()]<class T>(T) {
    Tape<T> tape;
    benchmark::DoNotOptimize(tape.gradient(f(Parameters<T>(values))));
  };
  compare(
      state, label_of(d), d.N * d.T, [&] { benchmark::DoNotOptimize(rounding(f, {.values = p})); },
      [&] {
        run(0.0F);
        run(0.0);
      });
}

// The product of the Hessian and a gradient, in complex numbers, beside loss and gradient in T.
template <class T, template <class> class Cell>
void measure_hessian(benchmark::State& state, const Dimensions& d) {
  const auto f = window_loss<Cell>(d);
  const Parameters<T> p(1);
  benchmark::DoNotOptimize(f(p));
  const auto gradient = [&f, again = p.derived([](const Variable<T>& w) { return w; })] {
    Tape<T> tape;
    return tape.gradient(f(again));
  };
  compare(
      state, label_of(d), d.N * d.T, [&, v = gradient()] { benchmark::DoNotOptimize(hvp(f, p, v)); },
      [&] { benchmark::DoNotOptimize(gradient()); });
}

template <class Cell>
void measure_token(benchmark::State& state, const Dimensions& d, const CellProducts& products) {
  const BareToken bare(d, products);
  compare(state, label_of({1, 1, d.V, d.D, d.H, 1}), 1, Token<Cell>(d), bare);
  add_ceiling(state, static_cast<double>(bare.bytes()) / ceilings().bandwidth(bare.bytes()));
}

// A thread of BLAS looks out for more work some 20 ms long before it sleeps, and would take a processor from
// who comes next.
void set_all_threads(int n) {
  set_threads(static_cast<std::size_t>(n));
  set_libtorch_threads(n);
  if (n == 1) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

// On several threads by the clock, as processor time counts all of them.
template <class Cell>
void measure_technique(benchmark::State& state, const Dimensions& d, const std::vector<FastPath>& paths,
                       int threads) {
  TrainingStep<float, Cell> model(d);
  const auto switched_off = [&] {
    const SwitchedOff off(paths);
    model();
  };
  set_all_threads(threads);
  compare(
      state, label_of(d), d.N * d.T, switched_off, [&] { model(); },
      threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID);
  set_all_threads(1);
}

// By the clock, as processor time counts both threads; beside one thread, the products in BLAS on two, and
// libtorch on two.
template <class Cell>
void measure_threads(benchmark::State& state, const Dimensions& d, const CellProducts& products,
                     TorchCell torch_cell) {
  TrainingStep<float, Cell> model(d);
  const auto on_two = [](std::string name, std::function<void()> step) {
    return Rival{std::move(name), std::move(step), [] { set_all_threads(2); }, [] { set_all_threads(1); }};
  };
  std::vector<Rival> rivals{on_two("step", [&] { model(); }),
                            {"bare", [&] { model(); }},
                            on_two("bare_on_two", BareProducts<float>(d, products))};
  if (auto module = libtorch_step(d, torch_cell, TorchForm::module))
    rivals.push_back(on_two("torch", std::move(module)));
  compare(state, label_of(d), d.N * d.T, rivals, CLOCK_MONOTONIC);
}

// What the machine itself gains by a second thread, in BLAS.
void measure_threads_of_blas(benchmark::State& state) {
  constexpr std::size_t n = 2048;
  const SquareProduct product(n);
  const std::function<void()> step = product;
  compare(state, fmt::format("{0} x {0} floats", n), n,
          {{"step", step, [] { set_all_threads(2); }, [] { set_all_threads(1); }}, {"bare", step}},
          CLOCK_MONOTONIC);
}

// Processor time of the compiler, which is another process.
double compile(const std::string& source) {
  const auto of_children = [] {
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_utime.tv_usec);
  };
  const double before = of_children();
  const std::string command = std::string(XGRAD_COMPILE) + " -c " + source + " -o /dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("this failed: " + command);
  return of_children() - before;
}

// The minimum of five: whatever disturbs a compiler, it adds to its time.
void measure_compiling(benchmark::State& state, const std::string& label, const std::string& source) {
  const std::size_t wanted = std::min<std::size_t>(5, enough.rounds);
  double step = 1e9, bare = 1e9;
  for (auto _ : state)
    for (std::size_t round = 0; round < wanted; ++round) {
      step = std::min(step, compile(source));
      bare = std::min(bare, compile("'" XGRAD_SOURCE_DIR "/benchmarks/only_xtensor.cpp'"));
    }
  state.SetIterationTime(static_cast<double>(wanted) * (step + bare));
  state.counters["step_ms"] = 1e3 * step;
  state.counters["bare_ms"] = 1e3 * bare;
  state.counters["ratio"] = step / bare;
  state.counters["tokens_per_second"] = 1 / step;
  state.counters["rounds"] = static_cast<double>(wanted);
  state.SetLabel(label);
}

template <class T>
void measure_gemm(benchmark::State& state, std::size_t n) {
  compare(state, fmt::format("{0} x {0}", n), n, SquareGemm<T>(n, true), SquareGemm<T>(n, false));
}

void measure_tiny_ops(benchmark::State& state) {
  compare(state, fmt::format("{} ops on 4x4", tiny_ops), tiny_ops, TinyOps(), BareTinyOps());
}

void measure_slices(benchmark::State& state, const Sequence& sequence) {
  const auto [N, T, D] = sequence;
  compare(state, fmt::format("N={} T={} D={}", N, T, D), N * T, Slices(sequence), BareSlices(sequence));
}

void measure_output(benchmark::State& state, const std::string& kind, std::size_t V, const std::string& rival,
                    std::size_t rival_V) {
  compare(state, fmt::format("{} of {} beside {} of {}", kind, V, rival, rival_V), OutputStep::rows,
          OutputStep(kind, V), OutputStep(rival, rival_V));
}

void measure_within_memory(benchmark::State& state, std::size_t part) {
  using Long = LongSequence;
  compare(state, fmt::format("N={} T={} H={}, a {}th of the bytes", Long::N, Long::T, Long::H, part),
          Long::N * Long::T, Long(part), Long(0));
}

void measure_op(benchmark::State& state, const OpWorkload& op, std::size_t n) {
  compare(state, fmt::format("{0} x {0} beside {1}", n, op.beside), n * n,
          {{"step", op.step}, {"bare", op.rival}}, CLOCK_PROCESS_CPUTIME_ID, 0.5);
}

// As Linux calls it.
std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

// What the figures hang on, in a line, and for the JSON: BLAS takes other kernels when OPENBLAS_CORETYPE is
// set in the environment.
std::string describe_machine() {
  const Config it = config();
  const std::string threads =
      it.blas_threads > 0 ? std::to_string(it.blas_threads) : "as its environment says";
  benchmark::AddCustomContext("processor", processor());
  benchmark::AddCustomContext("blas", it.blas);
  benchmark::AddCustomContext("blas_threads", threads);
  benchmark::AddCustomContext("xgrad_build_type", XGRAD_BUILD_TYPE);
  benchmark::AddCustomContext("xgrad_kernels", it.kernels);
  benchmark::AddCustomContext("libtorch", describe_libtorch());
  if (!enough.step_alone) benchmark::AddCustomContext("ceilings", ceilings().describe());
  return fmt::format("BLAS: {}; its threads: {}; build type: {}; kernels: {}; libtorch: {}; processor: {}{}",
                     it.blas, threads, XGRAD_BUILD_TYPE, it.kernels, describe_libtorch(), processor(),
                     enough.step_alone ? "" : "\n" + ceilings().describe());
}

template <class Measure, class... Arguments>
void add(const std::string& name, Measure measure, const Arguments&... arguments) {
  benchmark::RegisterBenchmark(name.c_str(), measure, arguments...)
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
}

// What the process that is started for this name does.
void add_peak_work(const std::string& name, const std::function<std::function<void()>()>& step) {
  peak_works()[name] = [step] {
    const auto work = step();
    for (int i = 0; i < 3; ++i) work();
  };
}

template <class T, class Cell>
void add_workload(const std::string& name, const Dimensions& d, const CellProducts& products,
                  TorchCell torch_cell) {
  add(name, measure<T, Cell>, d, products, name, torch_cell);
  add_peak_work(name, [d] { return shared_step<T, Cell>(d); });
  if (std::is_same_v<T, float> && describe_libtorch() != no_libtorch)
    add_peak_work(torch_name(name), [=] {
      auto module = libtorch_step(d, torch_cell, TorchForm::module);
      return module ? module : libtorch_step(d, torch_cell, TorchForm::written_out);
    });
}

template <class Cell>
void add_techniques(const std::string& name, const Dimensions& d) {
  for (const auto& [path_name, path] : fast_path_names)
    add(fmt::format("Technique/{} without {}", name, path_name), measure_technique<Cell>, d,
        std::vector{path}, 1);
  add(fmt::format("Technique/{} without any", name), measure_technique<Cell>, d, all_paths(), 1);
}

void register_all() {
  const auto elman = [](std::size_t H) { return CellProducts{H, {H}}; };
  const auto lstm = [](std::size_t H) { return CellProducts{4 * H, {4 * H}}; };
  add_workload<float, Rnn<float>>("Elman/W1", W1, elman(100), TorchCell::rnn);
  add_workload<double, Rnn<double>>("Elman in double/W1", W1, elman(100), TorchCell::rnn);
  add_workload<float, Rnn<float>>("Elman/W2", W2, elman(200), TorchCell::rnn);
  add_workload<float, Lstm<float>>("LSTM/W2", W2, lstm(200), TorchCell::lstm);
  add_workload<float, Lstm<float>>("LSTM/W3", W3, lstm(650), TorchCell::lstm);
  add_workload<float, user::Mgu<float>>("User MGU/W2", W2, CellProducts{400, {200, 200}}, TorchCell::mgu);
  add_workload<float, user::LayerNormGru<float>>("User layer-norm GRU/W2", W2, CellProducts{600, {600}},
                                                 TorchCell::layer_norm_gru);
  add("User LSTM/W2", measure_user_cell, W2);
  add("Loss by rows/W2", measure_loss_by_rows, W2, std::string("Loss by rows/W2"));
  add_peak_work("Loss by rows/W2", [] { return shared_step<float, Rnn<float>>(W2, {.loss_rows = 256}); });
  add("Finite check/W1", measure_check<Rnn<float>>, W1);
  add("Finite check/W2", measure_check<Rnn<float>>, W2);
  add("Rounding/W1", measure_rounding, W1);
  add("Hessian/W1", measure_hessian<float, Rnn>, W1);
  add("Hessian in double/W1", measure_hessian<double, Rnn>, W1);
  add("Hessian, LSTM/W2", measure_hessian<float, Lstm>, W2);
  add("Hessian in double, LSTM/W2", measure_hessian<double, Lstm>, W2);
  add("Token, Elman/W2", measure_token<Rnn<float>>, W2, elman(200));
  add("Token, LSTM/W2", measure_token<Lstm<float>>, W2, lstm(200));
  add("Tiny ops/4x4", measure_tiny_ops);
  for (const std::size_t T :
       {100, 1000, 10000})  // that the cost of a slice does not hang on how many there are
    add(fmt::format("Slices/{}", T), measure_slices, Sequence{4, T, 32});
  for (const std::size_t part : {20, 100, 1000})
    add(fmt::format("Within memory/{}", part), measure_within_memory, part);
  for (const std::string kind : {"adaptive", "sampled"})
    for (const std::size_t V : {10000, 200000}) {
      const std::string name = fmt::format("Output layer, {}/{}", kind, V);
      if (V == 10000)
        add(name, measure_output, kind, V, std::string("full"), std::size_t{10000});
      else
        add(name, measure_output, kind, V, kind, std::size_t{10000});
    }
  add("Threads/W1", measure_threads<Rnn<float>>, W1, elman(100), TorchCell::rnn);
  add("Threads/W2", measure_threads<Lstm<float>>, W2, lstm(200), TorchCell::lstm);
  add("Threads/W3", measure_threads<Lstm<float>>, W3, lstm(650), TorchCell::lstm);
  add("Threads/BLAS", measure_threads_of_blas);
  add_techniques<Rnn<float>>("W1", W1);
  add_techniques<Lstm<float>>("W2 LSTM", W2);
  add_techniques<Lstm<float>>("W3", W3);
  const std::vector hoisted{&FastPaths::hoisted_products};
  const Dimensions one_sequence{1, 100, 418, 256, 256};
  add("Technique/One sequence, LSTM without hoisted_products", measure_technique<Lstm<float>>, one_sequence,
      hoisted, 1);
  add("Technique/W2 LSTM on two threads without hoisted_products", measure_technique<Lstm<float>>, W2,
      hoisted, 2);
  for (const std::size_t n : {128, 1024})
    for (const OpWorkload& op : op_workloads(n)) add(fmt::format("{}/{}", op.name, n), measure_op, op, n);
  using kernels::Trans;
  for (const ProductKind& kind : {ProductKind{"A B", Trans::no, Trans::no, false},
                                  {"A B^T", Trans::no, Trans::yes, false},
                                  {"A^T B", Trans::yes, Trans::no, false},
                                  {"A B, kept", Trans::no, Trans::no, true},
                                  {"A B^T, kept", Trans::no, Trans::yes, true}}) {
    add("Products in float/" + kind.name, measure_products<float>, kind);
    add("Products in double/" + kind.name, measure_products<double>, kind);
  }
  add("GEMM/float", measure_gemm<float>, 256);
  add("GEMM/double", measure_gemm<double>, 256);
  add("GEMM/complex double", measure_gemm<Complex>, 256);
  for (const std::string example : {"01_gradient", "02_custom_cell"})
    add("Compiling/" + example, measure_compiling, "example, -O2",
        "'" XGRAD_SOURCE_DIR "/examples/" + example + ".cpp'");
  for (const std::string header : {"autograd/tape", "autograd/ops", "autograd/gradcheck", "layers/unroll"})
    add("Compiling/" + header, measure_compiling, "header alone, -O2",
        "-x c++ /dev/null -include xgrad/" + header + ".hpp");
}

// Whether the argument is one of this program's own, and takes it if so.
bool take_own_argument(std::string_view argument) {
  const auto number = [&](std::string_view name, auto& value) {
    if (!argument.starts_with(name)) return false;
    const auto [end, error] =
        std::from_chars(argument.data() + name.size(), argument.data() + argument.size(), value);
    if (error == std::errc{} && end == argument.data() + argument.size() && value >= 0) return true;
    fmt::print(stderr, "xgrad_benchmarks: {}: expected a number from 0\n", argument);
    std::exit(2);
  };
  if (argument == "--step-alone") return enough.step_alone = true;
  return number("--rounds=", enough.rounds) || number("--seconds=", enough.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  set_threads(1);
  set_libtorch_threads(1);
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
  std::erase_if(arguments, [](const char* argument) { return take_own_argument(argument); });
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
