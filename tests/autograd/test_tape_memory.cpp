// Lifetimes: when a vjp and what it captured are let go, what keep keeps, a chain of a million steps on a
// stack of 64 KiB, memory that stays flat over a thousand windows and over a hundred thousand steps without a
// tape, and what a tape itself takes over as many steps.
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/tape_stats.hpp>

#include <doctest/doctest.h>

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <memory>
#include <string>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/training/sgd.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Inference;
using xgrad::Parameters;
using xgrad::Tape;
using xgrad::Variable;
using xgrad::wrt;
using namespace xgrad::testing;

namespace {

// y = x, with a vjp that holds `witness`; `at_sweep` sees how often it is held when the vjp runs.
template <class T>
Variable<T> holding(const Variable<T>& x, const std::shared_ptr<int>& witness, long* at_sweep = nullptr) {
  return xgrad::record("my_holding", x.value(), wrt(x, [witness, at_sweep](const Array<T>& dy) {
                         if (at_sweep != nullptr) *at_sweep = witness.use_count();
                         return dy;
                       }));
}

// Kilobytes of physical memory that this process holds, without the pages of program files, which come in as
// they are first used.
long resident_kilobytes() {
  std::ifstream file("/proc/self/status");
  for (std::string word; file >> word;) {
    long kilobytes = 0;
    if (word == "RssAnon:" && file >> kilobytes) return kilobytes;
  }
  return 0;
}

}  // namespace

TEST_CASE("Tape: a constant's vjp is dropped when recorded with all it captured") {
  const auto witness = std::make_shared<int>(0);
  const Variable<double> constant = ramp<double>({2});
  (void)holding(constant, witness);
  CHECK(witness.use_count() == 1);
  Tape<double> tape;
  const auto y = holding(constant, witness);
  CHECK(witness.use_count() == 1);
  CHECK(tape.size() == 0);
  const auto x = tape.leaf(ramp<double>({2}));
  const auto pass = [witness](const Array<double>& dy) { return dy; };
  CHECK(witness.use_count() == 2);
  const auto mixed = xgrad::record("my_mixed", x.value(), wrt(y, pass), wrt(x, pass), wrt(constant, pass));
  CHECK(witness.use_count() == 3);  // x's alone stays
  {
    const Inference pause;
    (void)holding(x, witness);
    CHECK(witness.use_count() == 3);
  }
}

TEST_CASE("Tape: saved values are freed as the sweep passes") {
  const auto witness = std::make_shared<int>(0);
  long last = 0, first = 0;
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  const auto h = holding(x, witness, &first);
  const auto y = holding(h, witness, &last);
  const auto unused = holding(h, witness);  // not on the way to the loss: freed as well
  const auto loss = sum(y);
  const auto later = holding(loss, witness);  // past the loss: freed first
  CHECK(witness.use_count() == 5);
  (void)tape.gradient(loss);
  CHECK(last == 3);   // those of `later` and `unused` are gone
  CHECK(first == 2);  // and y's
  CHECK(witness.use_count() == 1);
}

TEST_CASE("Tape: without keep a second sweep is refused") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  const auto y = sum(x * x);
  (void)tape.gradient(y);
  CHECK(message_of([&] { tape.gradient(y); }) ==
        "[gradient] the saved values of this tape were freed by an earlier gradient(); pass {.keep = true} "
        "to that call "
        "to sweep again");
  CHECK(contains(message_of([&] { tape.gradient(sum(x)); }), "{.keep = true}"));
}

TEST_CASE("Tape: keep allows more sweeps and the tape's end frees") {
  const auto witness = std::make_shared<int>(0);
  {
    Tape<double> tape;
    const auto x = tape.leaf(ramp<double>({2}));
    const auto y = holding(x, witness), z = sum(y * x);
    for (int i = 0; i < 3; ++i)
      CHECK(numbers(tape.gradient(z, {.keep = true})[x]) == std::vector<double>{2, 4});
    const auto more = tape.gradient(sum(z * y), {.keep = true});  // the tape goes on recording
    CHECK(numbers(more[x]) == std::vector<double>{5 + 3 * 2, 5 + 3 * 4});
    CHECK(witness.use_count() == 2);
    CHECK(numbers(tape.gradient(z)[x]) == std::vector<double>{2, 4});
    CHECK(witness.use_count() == 1);
    (void)holding(x, witness);
    CHECK(witness.use_count() == 2);
  }
  CHECK(witness.use_count() == 1);
}

namespace {

struct Chain {
  double gradient = 0;
  std::size_t size = 0;
};

void* run_chain(void* result) {
  Tape<double> tape;
  const auto x = tape.leaf(Array<double>(0.5));
  auto y = x;
  for (int i = 0; i < 1'000'000; ++i) y = i % 2 == 0 ? y * 2 : y / 2;
  auto& chain = *static_cast<Chain*>(result);
  chain.size = tape.size();
  chain.gradient = tape.gradient(y, {.keep = true})[x].item();  // the closures are freed by the tape's end
  return nullptr;
}

}  // namespace

TEST_CASE("Tape: a chain of a million steps differentiates and is freed on a stack of 64 KiB") {
  // The libraries' thread-local variables lie on a thread's stack too, and those of the sanitizers are large:
  // where 64 KiB do not hold them, the system refuses, and the next size leaves at most 64 KiB beside them.
  constexpr std::size_t stack = 64 << 10;
  Chain chain;
  pthread_t thread{};
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
  int refused = EINVAL;
  for (std::size_t size = any_sanitizer ? 16 * stack : stack; refused == EINVAL && size <= 64 * stack;
       size += stack) {
    REQUIRE(pthread_attr_setstacksize(&attributes, size) == 0);
    refused = pthread_create(&thread, &attributes, run_chain, &chain);
  }
  REQUIRE(refused == 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  CHECK(chain.gradient == 1);
  CHECK(chain.size >= 1'000'001);
}

TEST_CASE("Tape: a thousand windows of training leave memory flat" * doctest::skip(any_sanitizer)) {
  const Parameters<float> p;
  const auto E = p.weight("E", {50, 16}), W = p.weight("W", {16, 16}), b = p.bias("b", {16}),
             V = p.weight("V", {16, 50});
  xgrad::Sgd sgd(p, 0.01);
  Variable<float> state = Array<float>::zeros({4, 16});
  const auto window = [&](int i) {
    Tape<float> tape;
    Variable<float> loss = 0;
    for (int t = 0; t < 5; ++t) {
      const xgrad::Ids ids{(i + t) % 50, (i * 3) % 50, t, 7};
      state = tanh(matmul(state, W) + take(E, ids) + b);
      loss = loss + softmax_cross_entropy(matmul(state, V), ids);
    }
    sgd.step(tape.gradient(loss));
    return loss.item();
  };
  float first = 0, last = 0;
  for (int i = 0; i < 100; ++i) first = std::max(first, window(i));
  const long before = resident_kilobytes();
  REQUIRE(before > 0);
  for (int i = 0; i < 1000; ++i) last = window(i);
  CHECK(resident_kilobytes() - before <= 32);  // less than one array's smallest block per window
  CHECK(last < first);
}

TEST_CASE("Tape: what it takes beside the values grows by at most 256 bytes an op, to 100,000 steps") {
  constexpr std::size_t N = 4, H = 16;
  const Parameters<float> p;
  const xgrad::Lstm<float> cell(p / "cell", H, H);
  const auto saved = [&](std::size_t T) {
    xgrad::Statistics<float> statistics;
    Tape<float> tape(statistics);
    const auto unrolled = unroll(cell, tape.leaf(Array<float>::full({T, N, H}, 0.5F)), cell.zero(N));
    return statistics.of(tape).total.saved_bytes;
  };
  const std::size_t saved_per_step = (saved(20) - saved(10)) / 10;
  const auto per_op = [&](std::size_t T) {
    const auto xs = Array<float>::full({T, N, H}, 0.5F);
    const long before = resident_kilobytes();
    Tape<float> tape;
    const auto unrolled = unroll(cell, tape.leaf(xs), cell.zero(N));
    const long grown = resident_kilobytes() - before;
    const auto ops = static_cast<double>(tape.size());
    if (T == 100'000 && !any_sanitizer) {
      // What the process holds: the saved values but xs, which were there, the outputs' second copy, a header
      // of 64 bytes for each value, and the rest.
      const double values = static_cast<double>(T * saved_per_step) +
                            static_cast<double>((unrolled.ys.size() - xs.size()) * sizeof(float));
      CHECK((1024.0 * static_cast<double>(grown) - values) / ops <= 256 + 64);
      CHECK(saved_per_step > 7 * N * H * sizeof(float));  // the values are there
    }
    CHECK(tape.gradient(sum(unrolled.ys))[cell.Wx].size() > 0);
    return static_cast<double>(tape.graph().bytes()) / ops;
  };
  const double few = per_op(1000), many = per_op(any_sanitizer ? 10'000 : 100'000);
  CHECK(many <= 256);
  CHECK(many >= 120);  // lists and closures cannot take less: both are counted
  CHECK(std::abs(many - few) <= 1);
}

TEST_CASE("Tape: without one, memory stays flat over 100,000 steps" * doctest::skip(any_sanitizer)) {
  const Parameters<float> p;
  const xgrad::Lstm<float> cell(p / "cell", 16, 16);
  const Variable<float> x = Array<float>::full({4, 16}, 0.5F);
  auto state = cell.zero(4);
  const auto run = [&](int steps) {
    for (int t = 0; t < steps; ++t) state = cell(x, state).state;
  };
  run(1000);
  const long before = resident_kilobytes();
  REQUIRE(before > 0);
  run(100'000);
  CHECK(resident_kilobytes() - before <= 32);
  CHECK(std::abs(state.h.value().data()[0]) > 0.01);  // it was computed
}
