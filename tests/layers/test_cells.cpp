// The family of cells, each in every arrangement: alone, stacked, in both directions, masked, with
// variational dropout, in a language model whose output layer is tied, and with a state that is carried on.
// The whole gradient is proved in every parameter, input and initial state. Values and gradients are compared
// with PyTorch's in test_layers_oracle.cpp.
#include "cells.hpp"

#include <xgrad/layers/bidirectional.hpp>
#include <xgrad/layers/dropout.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/residual.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/layers/weight_drop.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using cells::NamedCell;

namespace {

constexpr std::size_t T_steps = 4, N = 3, D = 3, H = 3;

// Every number of the outputs and of the last state counts, each with a weight of its own.
template <class T, class S>
Variable<T> total(const Unrolled<T, S>& run) {
  auto weighed = [](const Variable<T>& x) {
    return sum(x * Variable<T>(checks::numbers<T>(x.shape(), 0.5, 1.5, 9)));
  };
  auto result = weighed(square(run.ys));
  for (const auto& part : parts<T>(run.state)) result = result + weighed(part);
  return result;
}

// Proves f(p, name) for every cell. Nothing is compared with differences: a relu has its kink. The seed's
// values leave room below the tolerance: at others one derivative in thousands cancels and loses its last
// digits.
template <class F>
void prove_each(F f) {
  for (const std::string& name : cells::names) {
    CAPTURE(name);
    const auto report = gradcheck([&](auto p) { return f(p, name); }, {.seed = 3, .exhaustive = true});
    CHECK_MESSAGE(report, to_string(report));
    CHECK(report.compared > 30);
  }
}

const Ids lengths({4, 1, 2});

// The inputs of sequences of these lengths, with `x` for all numbers of padding.     (T, N, D)
Array<double> inputs_with(double x) {
  auto inputs = checks::numbers<double>({T_steps, N, D});
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (static_cast<std::int64_t>(i / (N * D)) >= lengths[i / D % N]) inputs.mutable_data()[i] = x;
  return inputs;
}

// Gradients of a masked run, of every parameter and the inputs, are the same bits whatever stands in padding.
template <class Cell, class... Args>
void check_padding(const Args&... args) {
  const auto run = [&](double padding) {
    const Parameters<double> p(3);
    const Cell cell(p, D, H, args...);
    Tape<double> tape;
    const auto xs = tape.leaf(inputs_with(padding));
    const auto noisy = for_training(cell, RandomKey(4));
    const auto result = unroll(noisy, xs, noisy.zero(N), {.mask = length_mask(lengths, T_steps)});
    const auto gradients = tape.gradient(total(result));
    std::vector<Array<double>> all{result.ys.value(), gradients[xs]};
    for (const auto& x : p.list()) all.push_back(gradients[x]);
    return all;
  };
  const auto expected = run(0);
  for (const double padding :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1e308, 1e-320}) {
    CAPTURE(padding);
    const auto got = run(padding);
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(checks::identical(got[i], expected[i]));
  }
}

}  // namespace

TEST_CASE("cells: the proof of each alone") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const NamedCell<T> cell(p, D, H, name);
    return total(unroll(cell, p.input("xs", {T_steps, N, D}), cells::input_state(p, cell.zero(N))));
  });
}

TEST_CASE("cells: the proof of each from its own initial state") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const NamedCell<T> cell(p, D, H, name);
    return total(unroll(cell, p.input("xs", {T_steps, N, D}), cell.zero(N)));
  });
}

TEST_CASE("cells: the proof of two of each stacked") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const Stack<NamedCell<T>> cell(p, D, H, {.layers = 2, .residual = true}, name);
    return total(unroll(cell, p.input("xs", {T_steps, N, D}), cells::input_state(p, cell.zero(N))));
  });
}

TEST_CASE("cells: the proof of each in both directions") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const Bidirectional<NamedCell<T>> cell(p, D, H, name);
    return total(unroll(cell, p.input("xs", {T_steps, N, D}), cells::input_state(p, cell.zero(N))));
  });
}

TEST_CASE("cells: the proof of each masked and reset") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const NamedCell<T> cell(p, D, H, name);
    const Sequences sequences{.mask = length_mask(lengths, T_steps),
                              .reset = Ids({T_steps, N}, {0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0})};
    return total(
        unroll(cell, p.input("xs", {T_steps, N, D}), cells::input_state(p, cell.zero(N)), sequences));
  });
}

TEST_CASE("cells: the proof of each with variational dropout") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const Variational<NamedCell<T>> cell(p, D, H, {.input = 0.2, .state = 0.3, .output = 0.1}, name);
    return total(unroll(for_training(cell, RandomKey(5)), p.input("xs", {T_steps, N, D}),
                        cells::input_state(p, cell.zero(N))));
  });
}

TEST_CASE("cells: the proof of each in a tied language model") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const Rnnlm<T, NamedCell<T>> model(p, 6, D, H, {.tied = true, .dropout = 0.2}, name);
    const Ids ids({2, N}, {0, 5, 2, 3, 3, 1}), targets({2, N}, {3, 3, 1, 4, 0, 2});
    const auto noisy = model.for_training(RandomKey(5));
    auto [loss, state] = noisy.loss(ids, targets, cells::input_state(p, model.zero(N)));
    for (const auto& part : state) loss = loss + sum(part);
    return loss;
  });
}

TEST_CASE("cells: the proof of each with a carried state, and no gradient beyond the window") {
  prove_each([]<class T>(const Parameters<T>& p, const std::string& name) {
    const NamedCell<T> cell(p, D, H, name);
    const auto xs = p.input("xs", {T_steps, N, D});
    const auto first = unroll(cell, slice(xs, 0, 2), cells::input_state(p, cell.zero(N)));
    return total(first) + total(unroll(cell, slice(xs, 2, 4), first.state));
  });
  for (const std::string& name :
       cells::names) {  // the gradient of the second window is that from a constant state
    CAPTURE(name);
    const Parameters<double> p;
    const NamedCell<double> cell(p, D, H, name);
    const Variable<double> xs = checks::numbers<double>({2, N, D});
    std::vector<Variable<double>> carried;
    {
      Tape<double> tape;
      carried = unroll(cell, xs, cell.zero(N)).state;
    }
    std::vector<Variable<double>> constants;
    for (const auto& part : carried) constants.push_back(part.value().copy());
    const auto gradient = [&](const std::vector<Variable<double>>& state) {
      Tape<double> tape;
      const auto gradients = tape.gradient(total(unroll(cell, xs, state)), {.unreached = zeros});
      std::vector<Array<double>> result;
      for (const auto& x : p.list()) result.push_back(gradients[x]);
      return result;
    };
    const auto a = gradient(carried), b = gradient(constants);
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(checks::identical(a[i], b[i]));
  }
}

TEST_CASE("cells: a masked run is that of each sequence alone") {
  for (const std::string& name : cells::names) {
    CAPTURE(name);
    const Parameters<double> p(3);
    const Stack<Bidirectional<NamedCell<double>>> cell(p, D, H, {}, name);
    const auto run = [&](const Variable<double>& xs, std::size_t rows, const Sequences& sequences) {
      return unroll(cell, xs, cell.zero(rows), sequences);
    };
    Tape<double> tape;
    const auto xs = tape.leaf(inputs_with(std::numeric_limits<double>::quiet_NaN()));
    const auto masked = run(xs, N, {.mask = length_mask(lengths, T_steps)});
    const auto gradients = tape.gradient(total(masked), {.keep = true});
    const auto in_all = tape.gradient(sum(square(masked.ys)), {.keep = true, .unreached = zeros});
    std::vector<Array<double>> sums;  // over the sequences, of each parameter's gradient
    for (const auto& x : p.list()) sums.push_back(Array<double>::zeros(x.shape()));
    for (std::size_t n = 0; n < N; ++n) {
      const auto row = static_cast<std::ptrdiff_t>(n), length = static_cast<std::ptrdiff_t>(lengths[n]);
      const auto x = slice(slice(xs, 0, length), row, row + 1, 1);
      const auto alone = run(x, 1, {});
      CHECK(checks::distance(slice(slice(masked.ys, 0, length), row, row + 1, 1).value(), alone.ys.value()) <
            1e-12);
      if (length < 4)
        for (const double y : slice(slice(masked.ys, length, 4), row, row + 1, 1).value()) CHECK(y == 0);
      const auto all = parts<double>(masked.state), one = parts<double>(alone.state);
      for (std::size_t i = 0; i < all.size(); ++i)
        CHECK(checks::distance(slice(all[i], row, row + 1).value(), one[i].value()) < 1e-12);
      // The gradient of a sequence's own loss stays within it, and is that of the sequence alone.
      const auto of_row = sum(square(slice(masked.ys, row, row + 1, 1)));
      const auto in_batch = tape.gradient(of_row, {.keep = true})[xs];
      const auto expected = tape.gradient(sum(square(alone.ys)), {.keep = true, .unreached = zeros});
      CHECK(checks::distance(in_batch, expected[xs]) < 1e-12);
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = sums[i] + expected[p.list()[i]];
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
      CHECK(checks::distance(in_all[p.list()[i]], sums[i]) < 1e-12);
    for (std::size_t t = 0; t < T_steps; ++t)  // no gradient from padding
      for (std::size_t n = 0; n < N; ++n)
        if (static_cast<std::int64_t>(t) >= lengths[n])
          for (std::size_t d = 0; d < D; ++d) CHECK(gradients[xs].data()[(t * N + n) * D + d] == 0);
  }
}

TEST_CASE("cells: a reset row is a document of its own") {
  for (const std::string& name : cells::names) {
    CAPTURE(name);
    const Parameters<double> p(3);
    const Stack<NamedCell<double>> cell(p, D, H, {}, name);
    const Variable<double> xs = checks::numbers<double>({T_steps, 2, D});
    const auto start = cells::input_state(p, cell.zero(2));
    const auto whole = unroll(cell, xs, start, {.reset = Ids({T_steps, 2}, {0, 0, 0, 0, 1, 0, 0, 0})});
    const auto rows = [](const Variable<double>& x, std::ptrdiff_t n) { return slice(x, n, n + 1, 1); };
    const auto second = unroll(cell, rows(slice(xs, 2, 4), 0), cell.zero(1));
    CHECK(checks::distance(rows(slice(whole.ys, 2, 4), 0).value(), second.ys.value()) < 1e-12);
    const auto untouched = unroll(cell, xs, start);
    CHECK(checks::distance(rows(whole.ys, 1).value(), rows(untouched.ys, 1).value()) < 1e-12);
    CHECK(checks::distance(slice(whole.ys, 0, 2).value(), slice(untouched.ys, 0, 2).value()) < 1e-12);
  }
}

TEST_CASE("cells: what stands in padding enters no gradient, in any cell and wrapper") {
  for (const std::string& name : cells::names) {
    CAPTURE(name);
    using Cell = NamedCell<double>;
    const StackOptions stack{.layers = 2, .residual = true, .dropout = 0.2};
    check_padding<Stack<Residual<Cell>>>(stack, name);
    check_padding<Stack<Bidirectional<Cell>>>(stack, name);
    check_padding<Projected<Variational<Cell>>>(ProjectedOptions{.width = 2},
                                                VariationalOptions{.input = 0.2, .state = 0.2}, name);
    check_padding<Zoneout<RecurrentDropout<Cell>>>(ZoneoutOptions{}, RecurrentDropoutOptions{.rate = 0.2},
                                                   name);
  }
  check_padding<WeightDrop<Gru<double>>>(WeightDropOptions{.rate = 0.2});
}
