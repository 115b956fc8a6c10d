// Stack, Bidirectional, Residual and Projected: the values of their parts put together by hand, any cell
// among them in any nesting, and what does not fit.
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/stack.hpp>

#include <xgrad/layers/bidirectional.hpp>
#include <xgrad/layers/residual.hpp>
#include <xgrad/models/evaluate.hpp>
#include <xgrad/models/generate.hpp>

#include "autograd/ops/checks.hpp"
#include "cells.hpp"

using namespace xgrad;
using checks::check_error;
using checks::identical;
using checks::numbers;

TEST_CASE("stack: the outputs of a layer are the inputs of the next") {
  const Parameters<double> p(1);
  const Stack<Lstm<double>> stack(p / "s", 3, 4, {.layers = 3});
  CHECK(p["s/0/Wx"].shape() == Shape({3, 16}));
  CHECK(p["s/2/Wx"].shape() == Shape({4, 16}));
  CHECK(p.list().size() == 9);
  const Variable<double> xs = numbers<double>({5, 2, 3});
  const auto run = unroll(stack, xs, stack.zero(2));
  auto ys = xs;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto layer = unroll(stack.cells[i], ys, stack.cells[i].zero(2));
    CHECK(identical(run.state[i].h.value(), layer.state.h.value()));
    CHECK(identical(run.state[i].c.value(), layer.state.c.value()));
    ys = layer.ys;
  }
  CHECK(identical(run.ys.value(), ys.value()));
}

TEST_CASE("stack: single steps are the steps of unroll") {
  const Parameters<double> p(1);
  const Stack<cells::Nested<double>> stack(p, 4, 4, {.layers = 2, .residual = true});
  const Variable<double> xs = numbers<double>({5, 2, 4});
  const auto run = unroll(stack, xs, stack.zero(2));
  auto state = stack.zero(2);
  for (std::ptrdiff_t t = 0; t < 5; ++t) {
    const auto next = stack(select(xs, t), state);
    CHECK(checks::distance(next.y.value(), select(run.ys, t).value()) < 1e-15);
    state = next.state;
  }
  CHECK(checks::distance(state[1].fast[1].value(), run.state[1].fast[1].value()) < 1e-15);
}

TEST_CASE("stack: residual connections where the widths are equal") {
  const Parameters<double> p(1);
  const Stack<Rnn<double>> stack(p, 3, 4, {.layers = 2, .residual = true});
  const Variable<double> xs = numbers<double>({2, 2, 3});
  const auto zero = Variable<double>(Array<double>::zeros({2, 4}));
  const auto below = unroll(stack.cells[0], xs, zero).ys;  // 3 to 4 wide: none
  const auto above = unroll(stack.cells[1], below, zero).ys;
  CHECK(identical(unroll(stack, xs, stack.zero(2)).ys.value(), (below + above).value()));
}

TEST_CASE("bidirectional: the second cell reads the sequence from its end") {
  const Parameters<double> p(1);
  const Bidirectional<Gru<double>> both(p / "b", 3, 4);
  CHECK(p.contains("b/forward/Wx"));
  CHECK(both.width() == 8);
  const Variable<double> xs = numbers<double>({5, 2, 3}), zero = Array<double>::zeros({2, 4});
  const auto run = unroll(both, xs, both.zero(2));
  const auto ahead = unroll(both.forward, xs, zero), behind = unroll(both.backward, flip(xs, 0), zero);
  CHECK(identical(slice(run.ys, 0, 4, 2).value(), ahead.ys.value()));
  CHECK(identical(slice(run.ys, 4, 8, 2).value(), flip(behind.ys, 0).value()));
  CHECK(identical(run.state.backward.value(), behind.state.value()));
}

TEST_CASE("bidirectional: a document that begins within the window ends there for the backward cell") {
  const Parameters<double> p(1);
  const Bidirectional<Lstm<double>> both(p, 3, 4);
  const Variable<double> xs = numbers<double>({5, 1, 3});
  const auto whole = unroll(both, xs, both.zero(1), {.reset = Ids({5, 1}, {0, 0, 1, 0, 0})});
  const auto first = unroll(both, slice(xs, 0, 2), both.zero(1)),
             second = unroll(both, slice(xs, 2, 5), both.zero(1));
  CHECK(checks::distance(whole.ys.value(), concat({first.ys, second.ys}).value()) < 1e-15);
}

TEST_CASE("residual and projected: step by step and unrolled alike") {
  const Parameters<double> p(1);
  const Residual<Stack<Lstm<double>>> around(p / "r", 4, 4, StackOptions{.layers = 2});
  const Projected<Lstm<double>> narrow(p / "p", 4, 6, ProjectedOptions{.width = 2});
  CHECK(narrow.width() == 2);
  CHECK(p["p/Wp"].shape() == Shape({6, 2}));
  const Variable<double> xs = numbers<double>({3, 2, 4});
  const auto r = unroll(around, xs, around.zero(2));
  CHECK(identical(r.ys.value(), (xs + unroll(around.cell, xs, around.zero(2)).ys).value()));
  const auto n = unroll(narrow, xs, narrow.zero(2));
  CHECK(identical(n.ys.value(), matmul(unroll(narrow.cell, xs, narrow.zero(2)).ys, narrow.Wp).value()));
  const auto r0 = around(select(xs, 0), around.zero(2)).y;
  const auto n0 = narrow(select(xs, 0), narrow.zero(2)).y;
  CHECK(checks::distance(r0.value(), select(r.ys, 0).value()) < 1e-15);
  CHECK(checks::distance(n0.value(), select(n.ys, 0).value()) < 1e-15);
}

TEST_CASE("residual: outputs of padding are 0 all the same") {
  const Parameters<double> p(1);
  const Variable<double> xs = numbers<double>({3, 2, 4});
  const Sequences sequences{.mask = length_mask({3, 1}, 3)};
  const Residual<Lstm<double>> around(p / "r", 4, 4);
  const Stack<Rnn<double>> stack(p / "s", 4, 4, {.layers = 2, .residual = true});
  for (const auto& ys :
       {unroll(around, xs, around.zero(2), sequences).ys, unroll(stack, xs, stack.zero(2), sequences).ys})
    for (std::size_t i = 0; i < 24; ++i) CHECK((ys.value().data()[i] == 0) == (i / 8 >= 1 && i / 4 % 2 == 1));
}

TEST_CASE("wrappers: the proof of a deep nesting around a cell the library has never seen") {
  const auto report = gradcheck(
      []<class T>(const Parameters<T>& p) {
        using Inner = Stack<Residual<Variational<cells::Nested<T>>>>;
        const Projected<Bidirectional<Inner>> cell(p, 3, 3, ProjectedOptions{.width = 2},
                                                   StackOptions{.layers = 2},
                                                   VariationalOptions{.input = 0.3, .state = 0.2});
        const auto run = unroll(for_training(cell, RandomKey(2)), p.input("xs", {3, 2, 3}),
                                cells::input_state(p, cell.zero(2)), {.mask = length_mask({2, 3}, 3)});
        return sum(square(run.ys)) + sum(run.state.forward[1].fast[1]);
      },
      {.exhaustive = true});
  CHECK_MESSAGE(report, to_string(report));
  CHECK(report.ops > 100);
}

TEST_CASE("wrappers: a language model over a nest of wrappers trains, evaluates and generates") {
  using Cell = Stack<Zoneout<Projected<cells::Nested<float>>>>;
  const Parameters<float> p(1);
  const Rnnlm<float, Cell> model(p, 7, 4, 6, {.tied = true, .dropout = 0.1},
                                 StackOptions{.layers = 2, .residual = true, .dropout = 0.1},
                                 ZoneoutOptions{}, ProjectedOptions{.width = 4});
  const Ids ids({2, 3}, {0, 5, 2, 3, 3, 1});
  Tape<float> tape;
  const auto gradients = tape.gradient(model.for_training(RandomKey(1)).loss(ids, ids, model.zero(3)).y);
  for (const auto& x : p.list()) CHECK(gradients.reached(x));
  struct Pair {
    Ids inputs, targets;
  };
  CHECK(evaluate(model, std::vector<Pair>{{ids, ids}}).count == 6);
  CHECK(generate(model, {1, 2}, 5).size() == 5);
}

TEST_CASE("wrappers: what does not fit is refused") {
  const Parameters<double> p;
  check_error([&] { Stack<Rnn<double>>(p / "a", 3, 4, {.layers = 0}); }, {"[Stack]", "at least one layer"});
  check_error([&] { Residual<Rnn<double>>(p / "b", 3, 4); }, {"[Residual]", "width 3", "width 4"});
  check_error([&] { Projected<Rnn<double>>(p / "c", 3, 4, ProjectedOptions{}); },
              {"[Projected]", "at least 1"});
  check_error([&] { Rnnlm<double>(p / "d", 5, 3, 4, {.tied = true}); }, {"[Rnnlm]", "width 4", "width 3"});
  const Stack<Rnn<double>> stack(p / "e", 3, 4);
  const Variable<double> xs = numbers<double>({2, 2, 3}), h = numbers<double>({2, 4});
  check_error([&] { unroll(stack, xs, std::vector{h}); }, {"[Stack]", "2 layers", "a state of 1"});
  check_error(
      [&] {
        unroll(stack, xs, std::vector<Variable<double>>{h, numbers<double>({3, 4})});
      },
      {"(3, 4)", "N = 2", "in layer 1 of 2"});
}
