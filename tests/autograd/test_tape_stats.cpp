// The statistics of a tape against figures worked out by hand: what vjps keep alive, each block once, the
// work of the matrix products forward and backward, by op and by scope; before and after a sweep; and the
// printed table.
#include <xgrad/autograd/tape_stats.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <sstream>
#include <thread>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/unroll.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Complex;
using xgrad::Inference;
using xgrad::Parameters;
using xgrad::Statistics;
using xgrad::Tape;
using xgrad::TapeStats;
using xgrad::Variable;
using xgrad::wrt;
using namespace xgrad::testing;

namespace {

using Row = TapeStats::Row;

Row row(const std::vector<Row>& rows, const std::string& name) {
  for (const Row& row : rows)
    if (row.name == name) return row;
  FAIL("no row is called '" << name << "'");
  return {};
}

// What must hold of any tape: each grouping adds up to the total.
void check_sums(const TapeStats& stats) {
  for (const auto* rows : {&stats.by_op, &stats.by_scope}) {
    Row sum;
    for (const Row& row : *rows) {
      sum.nodes += row.nodes;
      sum.edges += row.edges;
      sum.saved_bytes += row.saved_bytes;
      sum.forward_flops += row.forward_flops;
      sum.backward_flops += row.backward_flops;
    }
    CHECK(sum.nodes == stats.total.nodes);
    CHECK(sum.edges == stats.total.edges);
    CHECK(sum.saved_bytes == stats.total.saved_bytes);
    CHECK(sum.forward_flops == stats.total.forward_flops);
    CHECK(sum.backward_flops == stats.total.backward_flops);
  }
}

std::string printed(const TapeStats& stats) {
  std::ostringstream text;
  text << stats;
  return text.str();
}

}  // namespace

TEST_CASE("TapeStats: an empty tape, and one of leaves alone") {
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  CHECK(statistics.of(tape).total.nodes == 0);
  CHECK(statistics.of(tape).by_op.empty());
  CHECK(
      contains(printed(statistics.of(tape)), "total          0       0         0           0           0\n"));
  const auto x = tape.leaf(ramp<double>({2, 3}));
  (void)tape.leaf(ramp<double>({4}));
  const auto stats = statistics.of(tape);
  CHECK(stats.total.nodes == 2);
  CHECK(stats.total.edges == 0);
  CHECK(stats.total.saved_bytes == 0);
  CHECK(row(stats.by_op, "leaf").nodes == 2);
  CHECK(row(stats.by_scope, "").nodes == 2);
  check_sums(stats);
}

TEST_CASE_TEMPLATE("TapeStats: a program of two ops, by hand", T, float, double, Complex) {
  const Parameters<T> p;
  const auto W = (p / "cell").weight("W", {3, 4});
  Statistics<T> statistics;
  Tape<T> tape(statistics);
  const auto x = tape.leaf(ramp<T>({2, 3}));
  const auto y = tanh(matmul(x, W));
  const auto stats = statistics.of(tape);
  CHECK(stats.total.nodes == 4);
  CHECK(stats.total.edges == 3);
  CHECK(row(stats.by_op, "matmul").saved_bytes == 2 * 3 * sizeof(T));  // x; W is a parameter
  CHECK(row(stats.by_op, "tanh").saved_bytes == 2 * 4 * sizeof(T));    // y
  CHECK(stats.total.saved_bytes == 14 * sizeof(T));
  CHECK(row(stats.by_scope, "cell").saved_bytes == 14 * sizeof(T));
  CHECK(row(stats.by_op, "matmul").forward_flops == 2 * 2 * 4 * 3);
  CHECK(stats.total.forward_flops == 48);
  CHECK(stats.total.backward_flops == 0);
  CHECK(stats.unknown_vjps == 0);
  check_sums(stats);

  (void)tape.gradient(sum(y));
  const auto swept = statistics.of(tape);
  CHECK(swept.total.nodes == 5);
  CHECK(swept.total.edges == 4);
  CHECK(swept.total.saved_bytes == 0);
  CHECK(swept.total.forward_flops == 48);
  CHECK(swept.total.backward_flops == 2 * 48);                // dx = dy W^T and dW = x^T dy
  CHECK(row(swept.by_op, "matmul").backward_flops == 48);     // dx
  CHECK(row(swept.by_op, "parameter").backward_flops == 48);  // dW, which was put off
  CHECK(row(swept.by_op, "tanh").backward_flops == 0);
  CHECK(row(swept.by_scope, "cell").backward_flops == 96);
  check_sums(swept);
}

TEST_CASE("TapeStats: an unrolled Elman cell, by hand") {
  const xgrad::SwitchedOff off({&xgrad::FastPaths::hoisted_products});
  constexpr std::size_t T = 3, N = 2, D = 3, H = 4, number = sizeof(float);
  const Parameters<float> p;
  const xgrad::Rnn<float> cell(p / "cell", D, H);
  Statistics<float> statistics;
  Tape<float> tape(statistics);
  const auto xs = tape.leaf(ramp<float>({T, N, D}, 0.1, 0.01));
  const Variable<float> h0 = Array<float>::zeros({N, H});
  const auto loss = sum(unroll(cell, xs, h0).ys);
  const auto stats = statistics.of(tape);
  // xs, three parameters; per step select, affine, tanh; stack, sum.
  CHECK(stats.total.nodes == 1 + 3 + 3 * T + 2);
  // Per step: select 1, affine 5 (but h0 is a constant), tanh 1; stack 3, sum 1.
  CHECK(stats.total.edges == 7 * T - 1 + T + 1);
  // dWx holds rows of xs, which is one block; dWh holds the h before, which the tanh that made it holds
  // first.
  CHECK(row(stats.by_op, "affine").saved_bytes == (T * N * D + N * H) * number);
  CHECK(row(stats.by_op, "tanh").saved_bytes == T * N * H * number);
  CHECK(row(stats.by_op, "select").saved_bytes == 0);
  CHECK(row(stats.by_op, "stack").saved_bytes == 0);
  CHECK(stats.total.saved_bytes == (T * N * D + (T + 1) * N * H) * number);
  CHECK(stats.total.forward_flops == T * (2 * N * H * D + 2 * N * H * H));
  CHECK(stats.total.backward_flops == 0);
  check_sums(stats);

  (void)tape.gradient(loss);
  // dx, dWx, dWh of every step, dh of every step but the first.
  CHECK(statistics.of(tape).total.backward_flops == T * (2 * 2 * N * H * D) + (2 * T - 1) * (2 * N * H * H));
  const auto swept = statistics.of(tape);
  CHECK(row(swept.by_op, "affine").backward_flops == T * (2 * N * H * D) + (T - 1) * (2 * N * H * H));
  CHECK(row(swept.by_op, "affine").backward_flops + row(swept.by_op, "parameter").backward_flops ==
        swept.total.backward_flops);
  CHECK(statistics.of(tape).total.saved_bytes == 0);
}

TEST_CASE("TapeStats: keep keeps the saved bytes, and the work is that of the last sweep") {
  const Parameters<double> p;
  const auto W = p.weight("W", {3, 3});
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  const auto h = tanh(matmul(tape.leaf(ramp<double>({2, 3})), W));
  const auto y = sum(matmul(h, W));
  const auto before = statistics.of(tape);
  CHECK(before.total.saved_bytes == 2 * 48);
  CHECK(before.total.forward_flops == 2 * 36);
  (void)tape.gradient(y, {.keep = true});
  CHECK(statistics.of(tape).total.saved_bytes == before.total.saved_bytes);
  CHECK(statistics.of(tape).total.backward_flops == 4 * 36);
  (void)tape.gradient(sum(h), {.keep = true});  // not through the second product
  CHECK(statistics.of(tape).total.backward_flops == 2 * 36);
  CHECK(statistics.of(tape).total.forward_flops ==
        before.total.forward_flops);  // the sweep's work is not the next op's
  (void)tape.gradient(y);
  CHECK(statistics.of(tape).total.saved_bytes == 0);
  check_sums(statistics.of(tape));
}

TEST_CASE("TapeStats: a block counts once, as a whole, and not if a parameter's or if it is of ids") {
  const Parameters<double> p;
  const auto E = p.weight("E", {5, 3});
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  const auto x = tape.leaf(ramp<double>({4, 3}));
  const auto row0 = select(x, 0);
  (void)square(row0);  // holds one row, and so all four
  CHECK(statistics.of(tape).total.saved_bytes == 12 * 8);
  (void)(x * x);
  (void)exp(reshape(x, {12}));
  CHECK(statistics.of(tape).total.saved_bytes == 12 * 8 + 12 * 8);  // x again, and exp's result
  (void)square(E);
  (void)take(E, {0, 1, 4});
  CHECK(statistics.of(tape).total.saved_bytes == 24 * 8);
  CHECK(row(statistics.of(tape).by_op, "square").saved_bytes == 12 * 8);  // the first that held x
  CHECK(row(statistics.of(tape).by_op, "multiply").saved_bytes == 0);
  CHECK(row(statistics.of(tape).by_op, "exp").saved_bytes == 12 * 8);
  check_sums(statistics.of(tape));
}

TEST_CASE("TapeStats: reading them changes nothing") {
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  const auto x = tape.leaf(ramp<double>({2}));
  const auto witness = std::make_shared<int>(0);
  const auto y = xgrad::record("my_witness", x.value(),
                               wrt(x, [witness, x](const Array<double>& dy) { return dy * x.value(); }));
  CHECK(witness.use_count() == 2);
  CHECK(statistics.of(tape).total.saved_bytes == 16);  // a variable that a vjp captured holds its array
  CHECK(statistics.of(tape).total.saved_bytes == 16);
  CHECK(witness.use_count() == 2);
  CHECK(tape.size() == 2);
  CHECK(numbers(tape.gradient(sum(y))[x]) == std::vector<double>{1, 2});
}

TEST_CASE("TapeStats: a vjp that cannot be copied is counted as unknown") {
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  const auto x = tape.leaf(ramp<double>({2}));
  auto saved = std::make_unique<Array<double>>(ramp<double>({2}));
  const auto y =
      xgrad::record("my_unique", x.value(),
                    wrt(x, [saved = std::move(saved)](const Array<double>& dy) { return dy * *saved; }));
  const auto z = y * y;
  const auto stats = statistics.of(tape);
  CHECK(stats.unknown_vjps == 1);
  CHECK(stats.total.saved_bytes == 16);
  CHECK(contains(printed(stats), "\n1 of the vjps cannot be copied: what they keep is not known\n"));
  CHECK_FALSE(contains(printed(TapeStats()), "cannot be copied"));
  CHECK(numbers(tape.gradient(sum(z))[x]) == std::vector<double>{2, 8});
  CHECK(statistics.of(tape).unknown_vjps == 0);
}

TEST_CASE("TapeStats: products count for the op that is recorded next, whatever called them") {
  const auto product = [](const Variable<double>& a, const Variable<double>& b) {
    const Inference pause;
    return matmul(a, b).value();
  };
  const Variable<double> a = ramp<double>({2, 3}), b = ramp<double>({3, 5});
  (void)matmul(a, b);  // before the tape: not its work
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  const auto x = tape.leaf(ramp<double>({2, 3}));
  const auto U = tape.leaf(ramp<double>({3, 5}));
  const auto y = xgrad::record("my_product", product(x, U), wrt(x, [=](const Array<double>& dy) {
                                 return product(Variable<double>(dy), transpose(U));
                               }));
  CHECK(row(statistics.of(tape).by_op, "my_product").forward_flops == 2 * 2 * 5 * 3);
  const auto loss = sum(y);
  (void)product(a, b);  // no op is recorded after it, and it is not the sweep's work
  (void)tape.gradient(loss);
  CHECK(row(statistics.of(tape).by_op, "my_product").backward_flops == 2 * 2 * 3 * 5);
  CHECK(statistics.of(tape).total.backward_flops == 60);
  CHECK(statistics.of(tape).total.forward_flops == 60);
}

TEST_CASE("TapeStats: the table") {
  TapeStats stats;
  stats.total = {"total", 1234, 2345, 28'349'000, 1'120'000'000, 2'239'600'000};
  stats.by_op = {{"affine", 36, 180, 999, 1'120'000'000, 2'239'600'000},
                 {"softmax_cross_entropy", 1, 1, 999'499, 999, 0}};
  stats.by_scope = {{"encoder/cell", 5, 6, 999'500, 0, 0}, {"", 1, 1, 0, 0, 0}};
  CHECK(printed(stats) ==
        "                          nodes   edges     saved     forward    backward\n"
        "total                      1234    2345   28.3 MB  1.12 GFLOP  2.24 GFLOP\n"
        "by op\n"
        "  affine                     36     180     999 B  1.12 GFLOP  2.24 GFLOP\n"
        "  softmax_cross_entropy       1       1    999 kB    999 FLOP           0\n"
        "by scope\n"
        "  encoder/cell                5       6      1 MB           0           0\n"
        "  (top)                       1       1         0           0           0\n");
}

TEST_CASE("TapeStats: the largest row comes first") {
  const Parameters<double> p;
  const auto a = (p / "a").weight("W", {2, 2}), b = (p / "b").weight("W", {2, 2});
  Statistics<double> statistics;
  Tape<double> tape(statistics);
  (void)matmul(tape.leaf(ramp<double>({1, 2})), a);
  (void)matmul(tape.leaf(ramp<double>({9, 2})), b);
  const auto stats = statistics.of(tape);
  CHECK(stats.by_scope.front().name == "b");
  CHECK(stats.by_op.front().name == "matmul");
}

TEST_CASE("TapeStats: a clock counts all the time of a step once, and only where it is asked for") {
  const Parameters<double> p;
  const auto W = (p / "cell").weight("W", {3, 4});
  const auto seconds = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const auto idle = [](double time) { std::this_thread::sleep_for(std::chrono::duration<double>(time)); };
  const double start = seconds();
  Statistics<double> statistics(xgrad::Timing::on);
  Tape<double> tape(statistics);
  const auto x = tape.leaf(ramp<double>({2, 3}));
  const auto z = matmul(x, W);
  idle(0.02);  // as if it were a part of the op that is recorded next
  const auto y = xgrad::record("my_slow", z.value(), wrt(z, [idle](const Array<double>& dy) {
                                 idle(0.03);
                                 return dy;
                               }));
  const auto loss = sum(y);
  (void)tape.gradient(loss);
  const double all = seconds() - start;
  const auto stats = statistics.of(tape);
  CHECK(row(stats.by_op, "my_slow").forward_seconds >= 0.02);
  CHECK(row(stats.by_op, "my_slow").backward_seconds >= 0.03);
  CHECK(row(stats.by_op, "matmul").forward_seconds > 0);
  CHECK(row(stats.by_op, "matmul").backward_seconds > 0);
  CHECK(row(stats.by_op, "parameter").backward_seconds > 0);
  CHECK(row(stats.by_op, "parameter").forward_seconds == 0);
  CHECK(stats.total.forward_seconds + stats.total.backward_seconds <= all);
  double by_scope = 0;
  for (const Row& scope : stats.by_scope) by_scope += scope.forward_seconds + scope.backward_seconds;
  CHECK(by_scope == doctest::Approx(stats.total.forward_seconds + stats.total.backward_seconds));
  CHECK(contains(printed(stats), "forward ms backward ms\n"));

  Statistics<double> no_clock;
  Tape<double> without(no_clock);
  (void)without.gradient(sum(matmul(without.leaf(ramp<double>({2, 3})), W)));
  CHECK(no_clock.of(without).total.forward_seconds == 0);
  CHECK(no_clock.of(without).total.backward_seconds == 0);
  CHECK(!contains(printed(no_clock.of(without)), "ms"));
}
