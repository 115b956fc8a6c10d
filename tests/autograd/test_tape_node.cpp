// A tape as data: what each node says, the scopes that follow from the parameters' paths, and that neither
// the sweep nor the tape's end takes anything from the list.
#include <xgrad/autograd/tape_node.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "../models/cells.hpp"
#include "errors.hpp"

using xgrad::Array;
using xgrad::Complex;
using xgrad::Parameters;
using xgrad::Shape;
using xgrad::Tape;
using xgrad::TapeNode;
using xgrad::TimeStep;
using xgrad::Variable;
using namespace xgrad::testing;

namespace {

// "0.1" for argument 1 being node 0.
std::string inputs_of(const TapeNode& node) {
  std::string text;
  for (const auto& input : node.inputs)
    text += std::to_string(input.node) + "." + std::to_string(input.argument) + " ";
  return text;
}

// The scopes of all nodes of one op, each once, in alphabetical order: that of evaluation is the compiler's
// to choose.
std::vector<std::string> scopes_of(const std::vector<TapeNode>& nodes, const std::string& op) {
  std::vector<std::string> scopes;
  for (const TapeNode& node : nodes)
    if (node.op == op && std::find(scopes.begin(), scopes.end(), node.scope) == scopes.end())
      scopes.push_back(node.scope);
  std::sort(scopes.begin(), scopes.end());
  return scopes;
}

using Scopes = std::vector<std::string>;

}  // namespace

TEST_CASE("TapeNode: an empty tape has no nodes, leaves have neither inputs nor scope") {
  Tape<double> tape;
  CHECK(tape.nodes().empty());
  (void)tape.leaf(ramp<double>({2, 3}));
  (void)tape.leaf(Array<double>(1.0));
  const auto nodes = tape.nodes();
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].op == "leaf");
  CHECK(nodes[0].shape == Shape{2, 3});
  CHECK(nodes[0].bytes() == 48);
  CHECK(nodes[1].shape == Shape{});
  for (const auto& node : nodes) {
    CHECK(node.leaf);
    CHECK(node.inputs.empty());
    CHECK(node.scope.empty());
    CHECK(node.parameter.empty());
    CHECK_FALSE(node.time_step);
  }
}

TEST_CASE_TEMPLATE("TapeNode: op, shape, bytes, inputs, parameter", T, float, double, Complex) {
  const Parameters<T> p;
  const auto W = (p / "cell").weight("W", {3, 4});
  std::vector<TapeNode> nodes;
  {
    Tape<T> tape;
    const auto x = tape.leaf(ramp<T>({2, 3}));
    const Variable<T> constant = ramp<T>({2, 3});
    const auto y = matmul(constant * x, W);
    (void)(y + y);
    nodes = tape.nodes();
  }
  REQUIRE(nodes.size() == 5);
  CHECK(nodes[1].op == "multiply");
  CHECK(inputs_of(nodes[1]) == "0.1 ");  // the constant is argument 0
  CHECK(nodes[2].op == "parameter");
  CHECK(nodes[2].parameter == "cell/W");
  CHECK(nodes[2].leaf);
  CHECK(nodes[3].op == "matmul");
  CHECK(nodes[3].shape == Shape{2, 4});
  CHECK(nodes[3].scalar_bytes == sizeof(T));
  CHECK(nodes[3].bytes() == 8 * sizeof(T));
  CHECK(inputs_of(nodes[3]) == "1.0 2.1 ");
  CHECK_FALSE(nodes[3].leaf);
  CHECK(inputs_of(nodes[4]) == "3.0 3.1 ");
}

TEST_CASE("TapeNode: the time step that was open, and none for parameters") {
  const Parameters<double> p;
  const auto W = p.weight("W", {3, 3});
  Tape<double> tape;
  auto h = tape.leaf(ramp<double>({2, 3}));
  for (std::size_t t = 5; t < 7; ++t) {
    const TimeStep now(t);
    h = tanh(matmul(h, W));
  }
  (void)sum(h);
  std::vector<std::string> steps;
  for (const auto& node : tape.nodes())
    steps.push_back(std::string(node.op) + (node.time_step ? std::to_string(*node.time_step) : ""));
  CHECK(steps ==
        std::vector<std::string>{"leaf", "parameter", "matmul5", "tanh5", "matmul6", "tanh6", "sum"});
}

TEST_CASE("TapeNode: the list is the same after the sweep and a part of it before more is recorded") {
  const Parameters<double> p;
  const auto W = p.weight("W", {3, 3});
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2, 3}));
  const auto y = sum(matmul(x, W));
  const auto before = tape.nodes();
  (void)tape.gradient(y);
  const auto after = tape.nodes();
  REQUIRE(after.size() == before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    CHECK(after[i].op == before[i].op);
    CHECK(inputs_of(after[i]) == inputs_of(before[i]));
    CHECK(after[i].leaf == before[i].leaf);
    CHECK(after[i].parameter == before[i].parameter);
  }
  (void)(y * 2);
  CHECK(tape.nodes().size() == before.size() + 1);
}

TEST_CASE("common_scope: whole names only") {
  using xgrad::common_scope;
  CHECK(common_scope("cell", "cell") == "cell");
  CHECK(common_scope("cell/f", "cell") == "cell");
  CHECK(common_scope("cell", "cell/g/x") == "cell");
  CHECK(common_scope("cell/f", "cell/g/x") == "cell");
  CHECK(common_scope("a/b/c", "a/b/cd") == "a/b");
  CHECK(common_scope("cell", "cellar") == "");
  CHECK(common_scope("", "cell") == "");
}

TEST_CASE("TapeNode: the scopes of nested layers") {
  const xgrad::SwitchedOff off({&xgrad::FastPaths::hoisted_products});
  const Parameters<double> p;
  const xgrad::Rnnlm<double, cells::Mgu<double>> model(p / "model", 5, 3, 4);
  Tape<double> tape;
  (void)model.loss(xgrad::Ids({3, 2}, {0, 1, 2, 3, 4, 0}), xgrad::Ids({3, 2}, {1, 2, 3, 4, 0, 1}),
                   model.zero(2));
  const auto nodes = tape.nodes();
  CHECK(scopes_of(nodes, "parameter") ==
        Scopes{"model/affine", "model/cell", "model/cell/f", "model/cell/g", "model/embed"});
  CHECK(scopes_of(nodes, "take") == Scopes{"model/embed"});
  CHECK(scopes_of(nodes, "select") == Scopes{"model/embed"});  // no parameter of its own: where its input is
  CHECK(scopes_of(nodes, "affine") == Scopes{"model/affine", "model/cell/f", "model/cell/g"});
  CHECK(scopes_of(nodes, "matmul") == Scopes{"model/cell"});
  CHECK(scopes_of(nodes, "sigmoid") == Scopes{"model/cell"});  // of an affine in cell/f and a matmul in cell
  CHECK(scopes_of(nodes, "stack") == Scopes{"model/cell"});
  CHECK(scopes_of(nodes, "softmax_cross_entropy") == Scopes{"model/affine"});
}

TEST_CASE(
    "TapeNode: parameters decide alone, leaves and constants do not count, a residual has the common scope") {
  const Parameters<double> p;
  const auto stack = p / "stack";
  const auto W1 = (stack / "1").weight("W", {3, 3}), W2 = (stack / "2").weight("W", {3, 3}),
             top = p.weight("W", {3});
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2, 3}));
  const auto free = x * x;          // no parameter anywhere: no scope, and it counts nowhere
  const auto h = matmul(free, W1);  // stack/1
  const auto g = h * free;          // stack/1
  const auto y = matmul(g, W2);     // stack/2: the parameter decides, not g
  const auto residual = y + h;      // stack
  const auto tied = xgrad::affine<double>({residual, W1}, {residual, W2}, top);  // "", which does count
  (void)(tied - residual);                                                       // ""
  std::vector<std::string> scopes;
  for (const auto& node : tape.nodes()) scopes.push_back(node.scope);
  CHECK(scopes == Scopes{"", "", "stack/1", "stack/1", "stack/1", "stack/2", "stack/2", "stack", "", "", ""});
}

TEST_CASE("TapeNode: a tape of a million values is listed without deep recursion") {
  const Parameters<double> p;
  const auto w = (p / "chain").weight("w", {1});
  Tape<double> tape;
  Variable<double> y = w * 1;
  for (int i = 0; i < 1'000'000; ++i) y = y + 1;
  const auto nodes = tape.nodes();
  CHECK(nodes.size() == 1'000'002);
  CHECK(nodes.back().scope == "chain");
}
