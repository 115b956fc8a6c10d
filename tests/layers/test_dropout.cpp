// The wrappers that drop: without a key they are the cell (zoneout its mean); with one, what is dropped is
// what the paper says, the same or another at each step and for each sequence; every gradient is proved, also
// on a cell with a nested state.
#include <xgrad/layers/dropout.hpp>

#include <map>

#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/layers/weight_drop.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"
#include "cells.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

// Shows what it reads: its output is its input and its old state, side by side, and its state stays ones.
template <class T>
struct Echo {
  std::size_t H;
  Echo(const Parameters<T>&, std::size_t, std::size_t hidden) : H(hidden) {}
  auto operator()(const Variable<T>& x, const Variable<T>& h) const {
    return Step{concat({x, h}, 1), Variable<T>(Array<T>::full(h.shape(), T(1)))};
  }
  std::size_t width() const { return 2 * H; }
  Variable<T> zero(std::size_t N) const { return Array<T>::full({N, H}, T(1)); }
};

constexpr std::size_t T_steps = 6, N = 4, H = 16;

const Variable<double> ones = Array<double>::full({T_steps, N, H}, 1.0);

// Echo's outputs under a wrapper, in training.     result: (T, N, 2H)
template <template <class> class Wrapper, class Options>
Array<double> echoed(const Options& options, RandomKey key = RandomKey(1)) {
  const Parameters<double> p;
  const Wrapper<Echo<double>> cell(p, H, H, options);
  return unroll(for_training(cell, key), ones, cell.zero(N)).ys.value();
}

// Entries [first, first + H) of the last axis at step t, of sequence n.
std::vector<double> entries(const Array<double>& ys, std::size_t t, std::size_t n, std::size_t first) {
  const double* y = ys.data() + (t * N + n) * 2 * H + first;
  return {y, y + H};
}

}  // namespace

TEST_CASE("variational dropout: the mask is constant over time and differs between sequences") {
  const auto ys = echoed<Variational>(VariationalOptions{.input = 0.5, .state = 0.25});
  for (std::size_t n = 0; n < N; ++n)
    for (const std::size_t part : {std::size_t{0}, H}) {
      const auto first = entries(ys, 0, n, part);
      for (const double y : first) CHECK((y == 0 || y == doctest::Approx(part == 0 ? 2 : 1 / 0.75)));
      for (std::size_t t = 1; t < T_steps; ++t) CHECK(entries(ys, t, n, part) == first);
      for (std::size_t other = 0; other < n; ++other) CHECK(entries(ys, 0, other, part) != first);
    }
  CHECK(entries(ys, 0, 0, 0) != entries(ys, 0, 0, H));
  CHECK(!identical(ys, echoed<Variational>(VariationalOptions{.input = 0.5, .state = 0.25}, RandomKey(2))));
  CHECK(identical(ys, echoed<Variational>(VariationalOptions{.input = 0.5, .state = 0.25})));
}

TEST_CASE("variational dropout: the output's mask is constant over time too") {
  const auto ys = echoed<Variational>(VariationalOptions{.output = 0.5});
  for (std::size_t t = 0; t < T_steps; ++t)
    for (std::size_t n = 0; n < N; ++n) CHECK(entries(ys, t, n, 0) == entries(ys, 0, n, 0));
  CHECK(entries(ys, 0, 0, 0) != entries(ys, 0, 1, 0));
  CHECK(entries(ys, 0, 0, 0) != std::vector<double>(H, 1));
}

TEST_CASE("recurrent dropout: the state alone, anew at each step") {
  const auto ys = echoed<RecurrentDropout>(RecurrentDropoutOptions{.rate = 0.5});
  for (std::size_t t = 0; t < T_steps; ++t)
    for (std::size_t n = 0; n < N; ++n) {
      CHECK(entries(ys, t, n, 0) == std::vector<double>(H, 1));
      if (t > 0) CHECK(entries(ys, t, n, H) != entries(ys, t - 1, n, H));
      if (n > 0) CHECK(entries(ys, t, n, H) != entries(ys, t, n - 1, H));
    }
}

TEST_CASE("zoneout: a number of the state is the new one or the old one") {
  const Parameters<double> p(2);
  const Zoneout<Lstm<double>> cell(p, 3, H, ZoneoutOptions{.rates = {0.3, 0.6}});
  const Variable<double> x = numbers<double>({N, 3});
  const LstmState<double> state{numbers<double>({N, H}, -1, 1, 2), numbers<double>({N, H}, -1, 1, 3)};
  const auto plain = cell.cell(x, state);
  const auto noisy = for_training(cell, RandomKey(3));
  std::size_t old_h = 0, old_c = 0, same = 0;
  std::vector<Array<double>> seen;
  for (std::size_t t = 0; t < 20; ++t) {
    const TimeStep now(t);
    const auto next = noisy(x, state);
    CHECK(identical(next.y.value(), next.state.h.value()));  // the output is the state after zoneout
    for (std::size_t i = 0; i < N * H; ++i) {
      const double h = next.state.h.value().data()[i], c = next.state.c.value().data()[i];
      const bool keeps_h = h == state.h.value().data()[i], keeps_c = c == state.c.value().data()[i];
      CHECK((keeps_h || h == plain.state.h.value().data()[i]));
      CHECK((keeps_c || c == plain.state.c.value().data()[i]));
      old_h += keeps_h;
      old_c += keeps_c;
      same += keeps_h == keeps_c;
    }
    seen.push_back(next.y.value());
    if (t > 0) CHECK(!identical(seen[t], seen[t - 1]));
  }
  const double count = 20.0 * N * H;
  CHECK(std::abs(static_cast<double>(old_h) / count - 0.3) < 0.06);  // 5 standard deviations
  CHECK(std::abs(static_cast<double>(old_c) / count - 0.6) < 0.07);
  CHECK(std::abs(static_cast<double>(same) / count - (0.3 * 0.6 + 0.7 * 0.4)) < 0.07);  // independent draws

  const auto mean = cell(x, state);  // in evaluation
  for (std::size_t i = 0; i < N * H; ++i)
    CHECK(mean.y.value().data()[i] ==
          doctest::Approx(0.3 * state.h.value().data()[i] + 0.7 * plain.state.h.value().data()[i]));
}

TEST_CASE("weight drop: the cell computes with weights of which some are 0, the same ones at all steps") {
  const Parameters<double> p(2);
  const WeightDrop<Lstm<double>> cell(p / "cell", 3, 8, WeightDropOptions{.rate = 0.5});
  Tape<double> tape;
  const auto noisy = for_training(cell, RandomKey(4));
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < cell.cell.Wh.size(); ++i) {
    const double w = noisy.cell.Wh.value().data()[i];
    CHECK((w == 0 || w == 2 * cell.cell.Wh.value().data()[i]));
    dropped += w == 0;
  }
  CHECK(std::abs(static_cast<double>(dropped) - 128) < 40);
  CHECK(identical(noisy.cell.Wx.value(), cell.cell.Wx.value()));
  CHECK(p.list().size() == 3);  // nothing was declared anew
  const Variable<double> xs = numbers<double>({3, 2, 3});
  const auto gradients = tape.gradient(sum(square(unroll(noisy, xs, noisy.zero(2)).ys)));
  for (std::size_t i = 0; i < cell.cell.Wh.size(); ++i)
    CHECK((noisy.cell.Wh.value().data()[i] != 0 || gradients[cell.cell.Wh].data()[i] == 0));
  CHECK(identical(for_training(cell, RandomKey(4)).cell.Wh.value(), noisy.cell.Wh.value()));
  CHECK(!identical(for_training(cell, RandomKey(5)).cell.Wh.value(), noisy.cell.Wh.value()));
}

TEST_CASE("weight drop: weights dropped outside of the tape are refused by it") {
  const Parameters<double> p(2);
  const WeightDrop<Rnn<double>> cell(p / "cell", 3, 4, WeightDropOptions{.rate = 0.5});
  const auto early = for_training(cell, RandomKey(4));
  Tape<double> tape;
  const Variable<double> x = numbers<double>({2, 3}), h = numbers<double>({2, 4});
  checks::check_error([&] { early(x, h); }, {"'cell/Wh'", "while nothing recorded", "in the tape's scope"});
}

TEST_CASE("stack: dropout between layers is on all outputs but the last") {
  const Parameters<double> p;
  const Stack<Echo<double>> cell(p, H, H, {.layers = 2, .dropout = 0.5});
  const auto run = [&](RandomKey key) {
    return unroll(for_training(cell, key), ones, cell.zero(N)).ys.value();  // (T, N, [[1, 1] dropped, 1])
  };
  const auto ys = run(RandomKey(1));
  std::size_t zero_count = 0;
  for (std::size_t i = 0; i < ys.size(); ++i) {
    const bool below = i % (3 * H) < 2 * H;
    CHECK((below ? ys.data()[i] == 0 || ys.data()[i] == 2 : ys.data()[i] == 1));
    zero_count += ys.data()[i] == 0;
  }
  CHECK(std::abs(static_cast<double>(zero_count) - T_steps * N * H) < 100);
  CHECK(!identical(ys, run(RandomKey(2))));
  CHECK(identical(unroll(cell, ones, cell.zero(N)).ys.value(), Array<double>::full(ys.shape(), 1)));
  {  // step by step too, where the step is known
    const auto noisy = for_training(cell, RandomKey(1));
    const Variable<double> x = Array<double>::full({N, H}, 1.0);
    const TimeStep now(3);
    const auto y = noisy(x, noisy.zero(N)).y.value();
    CHECK(std::count(y.begin(), y.end(), 0.0) > 30);
  }
}

TEST_CASE("stack: variational dropout between layers is the same at all steps, unrolled or not") {
  const Parameters<double> p;
  const Stack<Echo<double>> cell(p, H, H, {.layers = 3, .dropout = 0.5, .variational = true});
  const auto run = [&](RandomKey key) {
    return unroll(for_training(cell, key), ones, cell.zero(N))
        .ys.value();  // (T, N, 4H), [1 dropped twice, ...]
  };
  const auto ys = run(RandomKey(1));
  CHECK(ys.shape() == Shape({T_steps, N, 4 * H}));
  // Entries of the outputs of the lowest layer, [1, 1] dropped by two masks, at step t and sequence n.
  const auto row = [](const Array<double>& of, std::size_t t, std::size_t n) {
    const double* y = of.data() + (t * N + n) * 4 * H;
    return std::vector<double>(y, y + 3 * H);
  };
  for (std::size_t n = 0; n < N; ++n) {
    for (std::size_t t = 1; t < T_steps; ++t) CHECK(row(ys, t, n) == row(ys, 0, n));
    for (std::size_t other = 0; other < n; ++other) CHECK(row(ys, 0, n) != row(ys, 0, other));
  }
  std::map<double, std::size_t> counts;
  for (std::size_t n = 0; n < N; ++n)
    for (const double y : row(ys, 0, n)) ++counts[y];
  CHECK(counts.size() == 3);  // 0; 2: dropped once; 4: by both masks, which are different
  CHECK(counts[4] > 15);      // of 128, of which 32 are expected
  CHECK(counts[4] < 50);
  CHECK(!identical(ys, run(RandomKey(2))));
  CHECK(identical(ys, run(RandomKey(1))));

  const auto noisy = for_training(cell, RandomKey(1));
  auto state = noisy.zero(N);
  for (std::size_t t = 0; t < T_steps; ++t) {  // without a TimeStep, too
    const auto next = noisy(select(ones, 0), state);
    CHECK(identical(next.y.value(), ys.row(t)));
    state = next.state;
  }
  CHECK(identical(unroll(cell, ones, cell.zero(N)).ys.value(), Array<double>::full(ys.shape(), 1)));
}

TEST_CASE("stack: variational dropout in any cell is the same step by step") {
  const Parameters<double> p(3);
  const Stack<cells::Nested<double>> cell(
      p, 4, 4, {.layers = 3, .residual = true, .dropout = 0.4, .variational = true});
  const Variable<double> xs = numbers<double>({5, 2, 4});
  const auto noisy = for_training(cell, RandomKey(2));
  const auto run = unroll(noisy, xs, noisy.zero(2));
  auto state = noisy.zero(2);
  for (std::ptrdiff_t t = 0; t < 5; ++t) {
    const TimeStep now(static_cast<std::size_t>(t));
    const auto next = noisy(select(xs, t), state);
    CHECK(checks::distance(next.y.value(), select(run.ys, t).value()) < 1e-15);
    state = next.state;
  }
  CHECK(checks::distance(run.ys.value(), unroll(cell, xs, cell.zero(2)).ys.value()) > 0.01);
}

TEST_CASE("dropout wrappers: without training they are the cell, for any state") {
  const Parameters<double> p(2);
  const Variable<double> xs = numbers<double>({3, 2, 4});
  const cells::Nested<double> plain(p / "a", 4, 4);
  const auto expected = unroll(plain, xs, plain.zero(2)).ys.value();
  const auto check = [&](const auto& cell) {
    CHECK(identical(unroll(cell, xs, plain.zero(2)).ys.value(), expected));
  };
  const auto same = p.derived([&](const Variable<double>& w) { return w; });  // the weights of `plain`
  check(Variational<cells::Nested<double>>(same / "a", 4, 4, VariationalOptions{0.5, 0.5, 0.5}));
  check(RecurrentDropout<cells::Nested<double>>(same / "a", 4, 4, RecurrentDropoutOptions{0.5}));
  check(WeightDrop<cells::Nested<double>>(same / "a", 4, 4, WeightDropOptions{.rate = 0.5}));
  check(Zoneout<cells::Nested<double>>(same / "a", 4, 4, ZoneoutOptions{.rates = {0}}));
}

namespace {

// Proves a wrapper of the nested cell, in training, with padding and a reset.
template <template <class> class Wrapper, class Options>
void prove_wrapper(const Options& options) {
  const auto report = gradcheck(
      [&]<class T>(const Parameters<T>& p) {
        const Wrapper<cells::Nested<T>> cell(p, 3, 4, options);
        const auto noisy = for_training(cell, RandomKey(7));
        const auto run = unroll(noisy, p.input("xs", {3, 2, 3}), cells::input_state(p, noisy.zero(2)),
                                {.mask = length_mask({3, 2}, 3), .reset = Ids({3, 2}, {0, 0, 1, 0, 0, 0})});
        auto result = sum(square(run.ys));
        for (const auto& part : parts<T>(run.state)) result = result + sum(part);
        return result;
      },
      {.exhaustive = true});
  CHECK_MESSAGE(report, to_string(report));
}

}  // namespace

TEST_CASE("dropout wrappers: the proof on a cell with a nested state") {
  prove_wrapper<Variational>(VariationalOptions{.input = 0.2, .state = 0.3, .output = 0.2});
  prove_wrapper<RecurrentDropout>(RecurrentDropoutOptions{.rate = 0.4});
  prove_wrapper<Zoneout>(ZoneoutOptions{.rates = {0.2, 0.3, 0.4}});
  prove_wrapper<Zoneout>(ZoneoutOptions{});
  prove_wrapper<WeightDrop>(WeightDropOptions{.rate = 0.4, .names = {"Wh", "Wk"}});
  for (const bool variational : {false, true})
    prove_wrapper<Stack>(
        StackOptions{.layers = 3, .residual = true, .dropout = 0.3, .variational = variational});
}

namespace {

// Returns a state of one part more than it took.
struct Growing {
  using value_type = double;
  Growing(const Parameters<double>&, std::size_t, std::size_t) {}
  auto operator()(const Variable<double>& x, std::vector<Variable<double>> state) const {
    state.push_back(x);
    return Step{x, state};
  }
};

}  // namespace

TEST_CASE("dropout wrappers: a step that is drawn needs a TimeStep, which is seen before it is computed") {
  const Parameters<double> p;
  Tape<double> tape;
  const auto x = tape.leaf(numbers<double>({N, H}));
  const auto check_refused = [&](const auto& cell, const char* name) {
    const auto noisy = for_training(cell, RandomKey(1));
    const auto state = noisy.zero(N);
    const std::size_t recorded = tape.size();
    checks::check_error([&] { noisy(x, state); }, {name, "each time step", "TimeStep"});
    CHECK(tape.size() == recorded);
    const TimeStep now(3);
    (void)noisy(x, state);
  };
  check_refused(Stack<Echo<double>>(p, H, H, {.layers = 2, .dropout = 0.5}), "[Stack]");
  check_refused(Zoneout<Echo<double>>(p, H, H, {.rates = {0.5}}), "[Zoneout]");
  check_refused(RecurrentDropout<Echo<double>>(p, H, H, {.rate = 0.5}), "[RecurrentDropout]");
  const auto still = for_training(Zoneout<Echo<double>>(p, H, H, {.rates = {0}}), RandomKey(1));
  CHECK_NOTHROW((void)still(x, still.zero(N)));  // nothing is drawn
}

TEST_CASE("dropout wrappers: rates and names that cannot be are refused") {
  const Parameters<double> p;
  using checks::check_error;
  check_error([&] { Variational<Rnn<double>>(p / "a", 2, 2, {.state = 1}); },
              {"[Variational]", "[0, 1)", "1.0"});
  check_error([&] { RecurrentDropout<Rnn<double>>(p / "b", 2, 2, {.rate = -0.1}); }, {"[RecurrentDropout]"});
  check_error([&] { Zoneout<Rnn<double>>(p / "c", 2, 2, {.rates = {NAN}}); }, {"[Zoneout]", "nan"});
  check_error([&] { WeightDrop<Rnn<double>>(p / "d", 2, 2, {.rate = 0.5, .names = {"Uh"}}); },
              {"'d/Uh'", "'d/Wx'"});
  check_error([&] { Stack<Rnn<double>>(p / "e", 2, 2, {.dropout = 2}); }, {"[Stack]", "2.0"});
  check_error([&] { Rnnlm<double>(p / "f", 2, 2, 2, {.dropout = 2}); }, {"[Rnnlm]", "2.0"});
  const Zoneout<Lstm<double>> cell(p / "g", 2, 2, ZoneoutOptions{.rates = {0.1, 0.1, 0.1}});
  const Variable<double> x = numbers<double>({1, 2});
  check_error([&] { cell(x, cell.zero(1)); }, {"[Zoneout]", "3 rates", "2 parts"});
  const Zoneout<Growing> growing(p / "h", 2, 2);
  check_error([&] { growing(x, std::vector{x}); }, {"[combine]", "2 parts", "one of 1"});
}
