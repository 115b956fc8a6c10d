// unroll within a budget of bytes: the same bits for every budget and nearly those without one, for every
// cell and arrangement; the budget is kept; statistics; and what is refused.
#include <xgrad/layers/unroll.hpp>

#include <xgrad/autograd/tape_stats.hpp>
#include <xgrad/layers/bidirectional.hpp>
#include <xgrad/layers/dropout.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/residual.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/weight_drop.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"
#include "layers/cells.hpp"

using namespace xgrad;
using cells::NamedCell;
using checks::distance;
using checks::identical;
using checks::numbers;

namespace {

constexpr std::size_t T = 45, N = 3, D = 4, H = 5;  // five blocks of eight steps, and one of five
constexpr std::size_t unlimited = std::size_t{1} << 30;

// Some bytes of a run, its values and all its gradients.
template <class S>
struct Result {
  std::size_t saved;
  std::vector<Array<S>> arrays;
};

// xs, of which a part is a leaf, through the cell, every part of the last state in the loss.
template <class S, class Cell>
Result<S> run(const Parameters<S>& p, const Cell& cell, const Sequences& sequences, std::size_t steps = T) {
  Statistics<S> statistics;
  Tape<S> tape(statistics);
  const auto xs = tape.leaf(numbers<S>({steps, N, D}, -1, 1, 2));
  const auto noisy = for_training(cell, RandomKey(5));
  const auto [ys, last] = unroll(noisy, xs, zero_state<S>(noisy, N, H), sequences);
  Variable<S> loss = sum(ys * Variable<S>(numbers<S>(ys.shape(), -1, 1, 3)));
  std::uint32_t seed = 4;
  for (const Variable<S>& part : parts<S>(last))
    loss += sum(part * Variable<S>(numbers<S>(part.shape(), -1, 1, seed++)));
  Result<S> result{0, {ys.value()}};
  for (const auto& row : statistics.of(tape).by_op)
    if (row.name == "unroll") result.saved = row.saved_bytes;
  for (const Variable<S>& part : parts<S>(last)) result.arrays.push_back(part.value());
  const auto gradients = tape.gradient(loss);
  result.arrays.push_back(gradients[xs]);
  for (const auto& w : p.list()) result.arrays.push_back(gradients[w]);
  return result;
}

// All budgets against each other, and against none. They are for one layer in one direction.
template <class S, class Cell>
void check_budgets(const Parameters<S>& p, const Cell& cell, Sequences sequences = {},
                   std::size_t layers = 1) {
  const auto plain = run(p, cell, sequences);
  sequences.memory = unlimited;
  const auto all = run(p, cell, sequences);
  REQUIRE(all.arrays.size() == plain.arrays.size());
  for (std::size_t i = 0; i < plain.arrays.size(); ++i)
    CHECK(distance(all.arrays[i], plain.arrays[i]) < 16 * checks::epsilon<S>);
  for (const std::size_t memory : {60000, 90000, 140000}) {
    sequences.memory = memory * layers;
    const auto some = run(p, cell, sequences);
    for (std::size_t i = 0; i < plain.arrays.size(); ++i) CHECK(identical(some.arrays[i], all.arrays[i]));
  }
}

template <class S, class Cell, class... Args>
void check_wrapped(const std::string& name, const Sequences& sequences, std::size_t layers,
                   const Args&... args) {
  CAPTURE(name);
  const Parameters<S> p(3);
  check_budgets(p, Cell(p, D, H, args..., name), sequences, layers);
}

// Padding at the end of two sequences, and documents that begin within blocks and between them.
Sequences with_padding() {
  std::vector<Ids::value_type> begins(T * N, 0);
  for (const std::size_t t : {0, 7, 8, 30}) begins[t * N + t % N] = 1;
  return {.mask = length_mask({45, 20, 37}, T), .reset = Ids({T, N}, begins)};
}

}  // namespace

TEST_CASE_TEMPLATE("unroll memory: every cell, with padding and without", S, float, double) {
  for (const std::string& name : cells::names) {
    CAPTURE(name);
    const Parameters<S> p(3);
    const NamedCell<S> cell(p, D, H, name);
    check_budgets(p, cell);
    check_budgets(p, cell, with_padding());
  }
}

TEST_CASE("unroll memory: cells in wrappers, in training") {
  using Cell = NamedCell<float>;
  for (const Sequences& sequences : {Sequences{}, with_padding()}) {
    check_wrapped<float, Stack<Cell>>("lstm", sequences, 2, StackOptions{.layers = 2, .dropout = 0.3});
    check_wrapped<float, Bidirectional<Cell>>("gru", sequences, 2);
    check_wrapped<float, Stack<Bidirectional<Cell>>>("nested", sequences, 4, StackOptions{.layers = 2});
    check_wrapped<float, Variational<Cell>>("mgu", sequences, 1, VariationalOptions{.state = 0.3});
    check_wrapped<float, RecurrentDropout<Cell>>("gru", sequences, 1, RecurrentDropoutOptions{.rate = 0.3});
    check_wrapped<float, Zoneout<Cell>>("lstm", sequences, 1, ZoneoutOptions{.rates = {0.3, 0.2}});
    check_wrapped<float, WeightDrop<Cell>>("lstm", sequences, 1, WeightDropOptions{.rate = 0.3});
    check_wrapped<float, Projected<Cell>>("rnn", sequences, 1, ProjectedOptions{.width = 3});
  }
}

TEST_CASE("unroll memory: what is saved fits the budget, and less is computed again the more there is") {
  const Parameters<float> p(3);
  const Lstm cell(p, D, H);
  const std::size_t steps = 1000;
  const auto most = run(p, cell, {.memory = unlimited}, steps).saved;
  // The inputs and the outputs, with the last state, are saved besides.
  const std::size_t beside = sizeof(float) * (steps * N * (D + H) + 2 * N * H);
  const auto again = [&](std::size_t memory) {
    Statistics<float> statistics;
    Tape<float> tape(statistics);
    const auto xs = tape.leaf(numbers<float>({steps, N, D}));
    const auto ys = unroll(cell, xs, cell.zero(N), {.memory = memory}).ys;
    const auto saved = statistics.of(tape).total.saved_bytes;
    CHECK(saved <= memory + beside);
    CHECK(saved >= memory / 2);
    tape.gradient(sum(ys));
    const auto stats = statistics.of(tape);
    CHECK(stats.total.saved_bytes == 0);
    CHECK(stats.total.recomputed_flops < stats.total.backward_flops);
    return static_cast<double>(stats.total.recomputed_flops) / static_cast<double>(stats.total.forward_flops);
  };
  const std::size_t block = run(p, cell, {.memory = unlimited}, 8).saved - sizeof(float) * 8 * N * (D + H);
  const double half = again(most / 2), tenth = again(most / 10), least = again(block + 200);
  CHECK(half > 0.4);
  CHECK(half < 0.6);
  CHECK(tenth > half);
  CHECK(tenth < 1);
  CHECK(least > 3);  // four states for 125 blocks
  CHECK(least < 8);
}

TEST_CASE("unroll memory: blocks with padding save more, and the budget is kept") {
  const Parameters<float> p(3);
  const Lstm cell(p, D, H);
  const std::size_t steps = 200;
  const Ids late = length_mask({200, 100, 100}, steps);
  const auto all = run(p, cell, {.mask = late, .memory = unlimited}, steps);
  const std::size_t beside = sizeof(float) * (steps * N * (D + H) + 2 * N * H);
  for (std::size_t memory = 100000; memory < all.saved; memory += 40000) {
    const auto within = run(p, cell, {.mask = late, .memory = memory}, steps);
    CHECK(within.saved <= memory + beside);
    for (std::size_t i = 0; i < all.arrays.size(); ++i) CHECK(identical(within.arrays[i], all.arrays[i]));
  }
}

TEST_CASE("unroll memory: variables that the cell has captured have their gradients") {
  const Parameters<double> p(3);
  const auto W = p.weight("W", {H, H});
  const auto gradients_of = [&](const Sequences& sequences) {
    Tape<double> tape;
    const auto context = tape.leaf(numbers<double>({N, H}, -1, 1, 7)), scaled = exp(0.1 * W),
               xs = tape.leaf(numbers<double>({T, N, H}, -1, 1, 2));
    const auto cell = [&](const auto& x, const auto& h) {
      return tanh(x + matmul(h, scaled) * context + (h.value().data()[0] == 0 ? context : 0 * h));
    };
    const auto [ys, h] = unroll(cell, xs, 0.5 * context, sequences);
    const auto gradients = tape.gradient(sum(ys * ys), {.of = {scaled}});
    return std::vector<Array<double>>{gradients[W], gradients[context], gradients[scaled], gradients[xs]};
  };
  const auto plain = gradients_of({}), within = gradients_of({.memory = 60000});
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(distance(within[i], plain[i]) < 1e-14);
}

TEST_CASE(
    "unroll memory: sweeps that are kept, constants, one step, and initial states that are parameters") {
  const Parameters<double> p(3);
  const NamedCell<double> cell(p, D, H, "nested");
  Tape<double> tape;
  const auto xs = numbers<double>({T, N, D});
  const auto ys = unroll(cell, Variable<double>(xs), cell.zero(N), {.memory = 60000}).ys;
  const auto loss = sum(square(ys));
  const auto first = tape.gradient(loss, {.keep = true}), second = tape.gradient(loss);
  for (const auto& w : p.list()) CHECK(identical(first[w], second[w]));
  Tape<double> another;
  const auto plain = another.gradient(sum(square(unroll(cell, Variable<double>(xs), cell.zero(N)).ys)));
  for (const auto& w : p.list()) CHECK(distance(first[w], plain[w]) < 1e-14);

  Tape<double> short_one;
  const auto step_of = [&](const Sequences& sequences) {
    const auto x = Variable<double>(numbers<double>({1, N, D}));
    return short_one.gradient(sum(unroll(cell, x, cell.zero(N), sequences).ys), {.keep = true});
  };
  const auto one = step_of({.memory = unlimited}), one_plain = step_of({});
  for (const auto& w : p.list()) {
    CHECK(one.reached(w) == one_plain.reached(w));
    if (one.reached(w)) CHECK(distance(one[w], one_plain[w]) < 1e-14);
  }
  CHECK_FALSE(one.reached(p["Wm"]));  // no step is left that would read what it makes
  const Inference pause;
  CHECK(identical(unroll(cell, Variable<double>(xs), cell.zero(N), {.memory = 1}).ys.value(), ys.value()));
}

TEST_CASE("unroll memory: a language model, and its proof") {
  const auto report = gradcheck([](auto p) {
    const NamedCell cell(p, D, H, "lstm");
    return sum(square(unroll(cell, p.input("xs", {20, N, D}), cell.zero(N), {.memory = 60000}).ys));
  });
  CHECK(report);
  const Parameters<float> p(5);
  const Rnnlm<float, Lstm<float>> model(p, 20, 6, 8);
  std::vector<Ids::value_type> words(T * N);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<Ids::value_type>(i * i % 20);
  const Ids ids({T, N}, words);
  const auto gradients_of = [&](const Sequences& sequences) {
    Tape<float> tape;
    return tape.gradient(model.loss(ids, ids, model.zero(N), Reduction::mean, sequences).y);
  };
  const auto plain = gradients_of({}), within = gradients_of({.memory = 60000});
  for (const auto& w : p.list()) CHECK(distance(within[w], plain[w]) < 1e-6);
}

TEST_CASE("unroll memory: a budget that is too small, and errors inside the cell, are said") {
  const Parameters<float> p(3);
  const Lstm cell(p, D, H);
  Tape<float> tape;
  const auto xs = tape.leaf(numbers<float>({T, N, D}));
  checks::check_error([&] { unroll(cell, xs, cell.zero(N), {.memory = 1000}); },
                      {"[unroll] a memory of 1000 bytes is too little: 8 steps save "});
  checks::check_error(
      [&] {
        const auto fails = [&](const auto& x, const auto& h) {
          return x + h * Variable<float>(Array<float>::zeros({TimeStep::current() == 17U ? 2U : 1U}));
        };
        unroll(fails, xs, Variable<float>(Array<float>::zeros({N, D})), {.memory = 60000});
      },
      {"step 17 of 45"});
  CHECK(tape.gradient(sum(xs))[xs].data()[0] == 1);  // the tape goes on
}
