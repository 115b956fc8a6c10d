// Folding over time: what becomes one node in loops as people write them, and what must not.
#include <xgrad/autograd/tape_fold.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "../models/cells.hpp"
#include "errors.hpp"

using xgrad::Array;
using xgrad::fold;
using xgrad::FoldedTape;
using xgrad::Ids;
using xgrad::Parameters;
using xgrad::Tape;
using xgrad::TimeStep;
using xgrad::Variable;
using namespace xgrad::testing;

namespace {

// "tanh x35": in the order of the tape.
std::vector<std::string> names(const FoldedTape& tape) {
  std::vector<std::string> result;
  for (const auto& node : tape.nodes)
    result.push_back(std::string(node.value.op) + (node.count > 1 ? " x" + std::to_string(node.count) : ""));
  return result;
}

// "tanh -> matmul t-1 x34", "leaf -> add t=0": those into nodes of op `to`.
std::vector<std::string> edges(const FoldedTape& tape, const std::string& to) {
  std::vector<std::string> result;
  for (const auto& edge : tape.edges) {
    if (tape.nodes[edge.to].value.op != to) continue;
    std::string text = std::string(tape.nodes[edge.from].value.op) + " -> " + to;
    if (edge.delay) text += (*edge.delay < 0 ? " t+" : " t-") + std::to_string(std::abs(*edge.delay));
    if (edge.count > 1) text += " x" + std::to_string(edge.count);
    if (edge.time_step) text += " t=" + std::to_string(*edge.time_step);
    result.push_back(text);
  }
  return result;
}

using Texts = std::vector<std::string>;

// The words of T steps of a batch of 2.
Ids words(std::size_t T) { return Ids({T, 2}, std::vector<Ids::value_type>(2 * T, 1)); }

template <class Cell>
FoldedTape language_model(std::size_t T) {
  const Parameters<double> p;
  const xgrad::Rnnlm<double, Cell> model(p, 5, 3, 4);
  Tape<double> tape;
  (void)model.loss(words(T), words(T), model.zero(2));
  return fold(tape.nodes());
}

// x + h for each of `steps`, from h; `change` may return another h for a step.
template <class Change>
FoldedTape loop(const std::vector<std::size_t>& steps, Variable<double> h, Tape<double>& tape,
                Change change) {
  const auto x = tape.leaf(ramp<double>({2, 3}));
  for (const std::size_t t : steps) {
    const TimeStep now(t);
    h = tanh(x + change(t, h));
  }
  return fold(tape.nodes());
}
Variable<double> same(std::size_t, const Variable<double>& h) { return h; }

}  // namespace

TEST_CASE("fold: nothing, and values without time steps, stay as they are") {
  CHECK(fold({}).nodes.empty());
  CHECK(fold({}).edges.empty());
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({3}));
  (void)(x * x + x * x);
  const auto folded = fold(tape.nodes());
  CHECK(names(folded) == Texts{"leaf", "multiply", "multiply", "add"});
  CHECK(edges(folded, "multiply") == Texts{"leaf -> multiply x2", "leaf -> multiply x2"});
  CHECK(edges(folded, "add") == Texts{"multiply -> add", "multiply -> add"});
}

TEST_CASE("fold: a language model of 35 steps is one picture of its cell") {
  const xgrad::SwitchedOff off(
      {&xgrad::FastPaths::hoisted_products});  // one product would stand before the cell
  const auto folded = language_model<xgrad::Rnn<double>>(35);
  CHECK(names(folded) == Texts{"parameter", "take", "select x35", "parameter", "parameter", "parameter",
                               "affine x35", "tanh x35", "stack", "parameter", "parameter", "affine",
                               "softmax_cross_entropy"});
  CHECK(edges(folded, "tanh") == Texts{"affine -> tanh x35"});
  CHECK(edges(folded, "stack") == Texts{"tanh -> stack x35"});
  CHECK(edges(folded, "affine") == Texts{"select -> affine x35", "parameter -> affine x35",
                                         "parameter -> affine x35", "parameter -> affine x35",
                                         "tanh -> affine t-1 x34", "stack -> affine", "parameter -> affine",
                                         "parameter -> affine"});
}

TEST_CASE_TEMPLATE("fold: the picture does not depend on the number of steps", Cell, cells::Lstm<double>,
                   cells::Mgu<double>) {
  const xgrad::SwitchedOff off({&xgrad::FastPaths::hoisted_products});
  const auto folded = language_model<Cell>(35), few = language_model<Cell>(2);
  CHECK(folded.nodes.size() == few.nodes.size());
  CHECK(folded.edges.size() == few.edges.size());
  for (const auto& node : folded.nodes) CHECK((node.count == 1) == !node.value.time_step.has_value());
  for (const auto& node : folded.nodes) CHECK((node.count == 1 || node.count == 35));
}

TEST_CASE("fold: a product that one step makes for all stands outside of the loop, also in pieces") {
  for (const std::size_t T : {2u, 35u, 400u}) {  // of 400 steps, a product of 64, of 256, and of the rest
    CAPTURE(T);
    const auto folded = language_model<cells::Lstm<double>>(T);
    for (const auto& node : folded.nodes) CHECK((node.count == T) == node.value.time_step.has_value());
    const auto ops = names(folded);
    CHECK(std::count(ops.begin(), ops.end(), T == 400 ? "affine x3" : "affine") == (T == 400 ? 1 : 2));
    CHECK(std::count(ops.begin(), ops.end(), "slice x3") == (T == 400 ? 1 : 0));
    CHECK(edges(folded, "add").size() == 4);
    for (const auto& edge : folded.edges) CHECK(edge.delay.value_or(1) == 1);
  }
}

TEST_CASE("fold: what a cell computes once stands outside, a state that has no counterpart does not") {
  Tape<double> tape;
  const auto c = tape.leaf(ramp<double>({2, 3}));
  std::optional<Variable<double>> once;
  const auto folded = loop({0, 1, 2, 3}, Array<double>::zeros({2, 3}), tape, [&](std::size_t, const auto& h) {
    if (!once) once = exp(c);
    return h * *once;
  });
  CHECK(names(folded) == Texts{"leaf", "leaf", "exp", "multiply x4", "add x4", "tanh x4"});
  CHECK(edges(folded, "multiply") == Texts{"exp -> multiply x4", "tanh -> multiply t-1 x3"});
  CHECK_FALSE(folded.nodes[2].value.time_step);
}

TEST_CASE("fold: a state whose start is recorded has an edge of its own at the first step") {
  Tape<double> tape;
  const auto folded = loop({0, 1, 2}, tape.leaf(ramp<double>({2, 3})), tape, same);
  CHECK(names(folded) == Texts{"leaf", "leaf", "add x3", "tanh x3"});
  CHECK(edges(folded, "add") == Texts{"leaf -> add x3", "leaf -> add t=0", "tanh -> add t-1 x2"});
}

TEST_CASE("fold: an op on the state alone, which is a constant at first, and its twins") {
  Tape<double> tape;
  const auto h0 = Variable<double>(ramp<double>({2, 3}));
  const auto folded = loop({0, 1, 2}, h0, tape, [](std::size_t, const auto& h) { return tanh(h) * tanh(h); });
  // The tanh of the sum is there at every step, the two of the state are not at the first.
  CHECK(names(folded) == Texts{"leaf", "add x3", "tanh x3", "tanh x2", "tanh x2", "multiply x2"});
  CHECK(edges(folded, "tanh") == Texts{"add -> tanh x3", "tanh -> tanh t-1 x2", "tanh -> tanh t-1 x2"});
}

TEST_CASE("fold: a start that is read at the first step, where later ones read what they made of the state") {
  Tape<double> tape;
  const auto folded = loop({0, 1, 2}, tape.leaf(ramp<double>({2, 3})), tape,
                           [](std::size_t t, const auto& h) { return t == 0 ? h : exp(h); });
  CHECK(names(folded) == Texts{"leaf", "leaf", "add x3", "tanh x3", "exp x2"});
  CHECK(edges(folded, "add") == Texts{"leaf -> add x3", "leaf -> add t=0", "exp -> add x2"});
}

TEST_CASE("fold: at the first step the scope may differ, as the state counts for none there") {
  const Parameters<double> p;
  const auto E = (p / "embed").weight("W", {5, 2}), W = (p / "cell").weight("W", {5, 3});
  Tape<double> tape;
  Variable<double> h = Array<double>::zeros({1, 3});
  for (std::size_t t = 0; t < 4; ++t) {
    const TimeStep now(t);
    h = tanh(matmul(xgrad::concat(std::vector{take(E, {1}), h}, 1), W));
  }
  const auto folded = fold(tape.nodes());
  CHECK(names(folded) == Texts{"parameter", "take x4", "concat x4", "parameter", "matmul x4", "tanh x4"});
  CHECK(folded.nodes[2].value.scope.empty());  // that of the later steps, embed and cell together
}

TEST_CASE("fold: two loops stay two, of different length too, one starting where the other ended") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2, 3}));
  Variable<double> h = Array<double>::zeros({2, 3});
  for (std::size_t t = 0; t < 5; ++t) {
    const TimeStep now(t);
    h = tanh(x + h);
  }
  for (std::size_t t = 0; t < 7; ++t) {
    const TimeStep now(t);
    h = tanh(x + h);
  }
  const auto folded = fold(tape.nodes());
  CHECK(names(folded) == Texts{"leaf", "add x5", "tanh x5", "add x7", "tanh x7"});
  CHECK(edges(folded, "add") == Texts{"leaf -> add x5", "tanh -> add t-1 x4", "leaf -> add x7",
                                      "tanh -> add t=0", "tanh -> add t-1 x6"});
}

TEST_CASE("fold: backwards in time, in strides, and a loop that starts at the step where another ended") {
  Tape<double> tape;
  const auto h0 = Variable<double>(ramp<double>({2, 3}));
  const auto folded = loop({6, 4, 2, 0}, h0, tape, same);
  CHECK(names(folded) == Texts{"leaf", "add x4", "tanh x4"});
  CHECK(edges(folded, "add") == Texts{"leaf -> add x4", "tanh -> add t+2 x3"});
  (void)tape.leaf(
      ramp<double>({1}));  // no op between the loops: the first step of the second joins the first loop
  const auto y = square(tape.leaf(ramp<double>({2, 3})));
  const auto both = loop({0, 1, 2}, y, tape, same);
  CHECK(names(both) ==
        Texts{"leaf", "add x4", "tanh x4", "leaf", "leaf", "square", "leaf", "add x3", "tanh x3"});
}

TEST_CASE("fold: what a step does differently is not folded, and the steps after it are") {
  Tape<double> tape;
  const auto h0 = Variable<double>(ramp<double>({2, 3}));
  const auto folded =
      loop({0, 1, 2, 3, 4, 5}, h0, tape, [](std::size_t t, const auto& h) { return t == 3 ? square(h) : h; });
  CHECK(names(folded) == Texts{"leaf", "add x5", "tanh x5", "square", "add", "tanh"});
  CHECK(edges(folded, "square") == Texts{"tanh -> square t-1 t=3"});
  CHECK(edges(folded, "add") == Texts{"leaf -> add x5", "tanh -> add t-1 x3", "leaf -> add t=3",
                                      "square -> add t=3", "tanh -> add t-1 t=4"});
}

TEST_CASE("fold: steps that read different parameters, or have different shapes, are not the same") {
  const Parameters<double> p;
  const auto A = p.weight("A", {3, 3}), B = p.weight("B", {3, 3});
  Tape<double> tape;
  Variable<double> h = Array<double>::zeros({2, 3});
  for (std::size_t t = 0; t < 6; ++t) {
    const TimeStep now(t);
    h = tanh(matmul(h, t % 3 == 2 ? A : B));
  }
  CHECK(names(fold(tape.nodes())) ==
        Texts{"parameter", "matmul x4", "tanh x4", "parameter", "matmul x2", "tanh x2"});
  Tape<double> growing;
  const auto x = growing.leaf(ramp<double>({2}));
  h = x;
  for (std::size_t t = 0; t < 3; ++t) {
    const TimeStep now(t);
    h = xgrad::concat(std::vector{h, x}, 0);
  }
  CHECK(names(fold(growing.nodes())) == Texts{"leaf", "concat", "concat", "concat"});
}

TEST_CASE("fold: steps that work in different scopes are not the same") {
  const Parameters<double> p;
  const auto A = (p / "a").weight("W", {3, 3}), B = (p / "b").weight("W", {3, 3});
  Tape<double> tape;
  auto h = tape.leaf(ramp<double>({2, 3}));
  for (std::size_t t = 0; t < 6; ++t) {
    const TimeStep now(t);
    h = matmul(tanh(h), t % 2 == 0 ? A : B);  // tanh is in the scope of the step before; at first, in none
  }
  CHECK(names(fold(tape.nodes())) ==
        Texts{"leaf", "tanh x4", "parameter", "matmul", "parameter", "matmul x3", "tanh x2", "matmul x2"});
}

TEST_CASE("fold: a use after the loop says of which step it is") {
  Tape<double> tape;
  const auto h0 = Variable<double>(ramp<double>({2, 3}));
  (void)loop({0, 1, 2}, h0, tape, same);
  const auto x = tape.leaf(ramp<double>({2, 3}));
  Variable<double> last = x;
  {
    Variable<double> h = x;
    for (std::size_t t = 0; t < 3; ++t) {
      const TimeStep now(t);
      h = exp(h);
    }
    last = sum(h);
  }
  const auto folded = fold(tape.nodes());
  CHECK(edges(folded, "sum") == Texts{"exp -> sum t=2"});
  CHECK(edges(folded, "exp") == Texts{"leaf -> exp t=0", "exp -> exp t-1 x2"});
}

TEST_CASE("fold: a swept tape folds as before, and a long loop in time that grows with it") {
  Tape<double> tape;
  Variable<double> h = tape.leaf(ramp<double>({2}));
  for (std::size_t t = 0; t < 20'000; ++t) {
    const TimeStep now(t);
    h = tanh(h * 0.5 + 1);
  }
  const auto folded = fold(tape.nodes());
  CHECK(names(folded) == Texts{"leaf", "scale_shift x20000", "scale_shift x20000", "tanh x20000"});
  (void)tape.gradient(sum(h));
  CHECK(fold(tape.nodes()).nodes.size() == folded.nodes.size() + 1);
}
