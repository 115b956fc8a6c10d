// The picture of a tape: its text, for small programs word for word; that names cannot break it; and that
// Graphviz, where it is installed, accepts all of it.
#include <xgrad/autograd/tape_dot.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "../models/cells.hpp"
#include "errors.hpp"
#include "folder.hpp"

using xgrad::Array;
using xgrad::Ids;
using xgrad::Parameters;
using xgrad::Tape;
using xgrad::TapeNode;
using xgrad::TimeStep;
using xgrad::to_dot;
using xgrad::Variable;
using namespace xgrad::testing;

namespace {

// The lines between the settings at the top and the closing brace.
std::string body(const std::string& dot) {
  const std::string settings_end = "edge [fontname=\"Helvetica\", fontsize=10];\n";
  REQUIRE(contains(dot, settings_end));
  REQUIRE(dot.substr(0, 15) == "digraph tape {\n");
  REQUIRE(dot.substr(dot.size() - 2) == "}\n");
  const std::size_t start = dot.find(settings_end) + settings_end.size();
  return dot.substr(start, dot.size() - 2 - start);
}

bool graphviz_is_installed() { return std::system("dot -V > /dev/null 2>&1") == 0; }

// Draws the picture and returns the SVG; fails the test if Graphviz refuses the text.
std::string draw(const std::string& dot) {
  const Folder folder;
  folder.write("tape.dot", dot);
  const std::string stem = (folder / "tape").string();
  const std::string command = "dot -Tsvg '" + stem + ".dot' > '" + stem + ".svg'";
  CHECK(std::system(command.c_str()) == 0);
  return folder.read("tape.svg");
}

// A parameter of this path, squared.
std::vector<TapeNode> named(const std::string& scope, const std::string& name) {
  const Parameters<double> p;
  const auto W = (p / scope).weight(name, {2});
  Tape<double> tape;
  (void)square(W);
  return tape.nodes();
}

const std::string bad_names[] = {"\"",    "\\", "a\\", "\\N \\l", "\n", "}",      "{a|b}",
                                 "&amp;", "&",  "<b>", "]; x",    "ü→", "\t\x01", "label=\"x\""};

}  // namespace

TEST_CASE("to_dot: empty, and leaves alone") {
  Tape<double> tape;
  CHECK(body(to_dot(tape)).empty());
  (void)tape.leaf(ramp<double>({2, 3}));
  CHECK(body(to_dot(tape)) == "  n0 [label=\"leaf\\n(2, 3)\", shape=underline];\n");
}

TEST_CASE("to_dot: boxes for parameters, nested clusters for scopes, shapes and bytes on edges") {
  const Parameters<float> p;
  const auto W = (p / "cell" / "f").weight("W", {2, 3}), U = (p / "cell").weight("U", {3, 3});
  Tape<float> tape;
  const auto x = tape.leaf(ramp<float>({1000, 2}));
  const auto z = matmul(x, W), h = matmul(z, U);
  (void)(h * h);
  CHECK(body(to_dot(tape)) ==
        "  n0 [label=\"leaf\\n(1000, 2)\", shape=underline];\n"
        "  subgraph \"cluster/cell\" {\n"
        "    label=\"cell\";\n"
        "    n3 [label=\"cell/U\\n(3, 3)\", shape=box];\n"
        "    n4 [label=\"matmul\\n(1000, 3)\"];\n"
        "    n5 [label=\"multiply\\n(1000, 3)\"];\n"
        "    subgraph \"cluster/cell/f\" {\n"
        "      label=\"f\";\n"
        "      n1 [label=\"cell/f/W\\n(2, 3)\", shape=box];\n"
        "      n2 [label=\"matmul\\n(1000, 3)\"];\n"
        "    }\n"
        "  }\n"
        "  n0 -> n2 [label=\"(1000, 2)\\n8 kB\"];\n"
        "  n1 -> n2 [label=\"(2, 3)\\n24 B\"];\n"
        "  n2 -> n4 [label=\"(1000, 3)\\n12 kB\"];\n"
        "  n3 -> n4 [label=\"(3, 3)\\n36 B\"];\n"
        "  n4 -> n5 [label=\"2 x (1000, 3)\\n12 kB\"];\n");
}

TEST_CASE("to_dot: a loop is one step, and state is carried along dashed arrows") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  auto h = tape.leaf(ramp<double>({2}));
  std::vector<Variable<double>> hs;
  for (std::size_t t = 0; t < 35; ++t) {
    const TimeStep now(t);
    h = x + (t % 7 == 0 ? tanh(h) : h);
    hs.push_back(h);
  }
  const auto ys = stack(hs);
  (void)sum(h);
  const std::string text = body(to_dot(tape));
  CHECK(contains(text, "n3 [label=\"add x5\\n(2,)\"];\n"));
  CHECK(contains(text, "n4 [label=\"add x30\\n(2,)\"];\n"));
  CHECK(contains(text, "n0 -> n4 [label=\"(2,)\\n16 B\"];\n"));
  CHECK(contains(text, "n1 -> n2 [label=\"t = 0\\n(2,)\\n16 B\"];\n"));  // the state to start with
  CHECK(contains(text, "n4 -> n4 [label=\"t-1\\n(2,)\\n16 B\", style=dashed, constraint=false];\n"));
  CHECK(contains(text, "n4 -> n2 [label=\"t-1\\n(2,)\\n16 B\", style=dashed, constraint=false];\n"));
  CHECK(contains(text, "n4 -> n5 [label=\"30 x (2,)\\n16 B\"];\n"));
  CHECK(contains(text, "n4 -> n6 [label=\"t = 34\\n(2,)\\n16 B\"];\n"));
}

TEST_CASE("to_dot: an arrow that not every step has says how many do") {
  Tape<double> tape;
  const auto x = tape.leaf(ramp<double>({2}));
  auto h = x;
  for (std::size_t t = 0; t < 4; ++t) {
    const TimeStep now(t);
    h = x + (t == 0 ? h : exp(h));
  }
  const std::string text = body(to_dot(tape));
  CHECK(contains(text, "n2 -> n1 [label=\"3 of 4\\n(2,)\\n16 B\"];\n"));
  CHECK(contains(text, "n1 -> n2 [label=\"t-1\\n(2,)\\n16 B\", style=dashed, constraint=false];\n"));
}

TEST_CASE("to_dot: a residual stands outside the scopes that it joins, and time may run backwards") {
  const Parameters<double> p;
  const auto A = (p / "a").weight("W", {2, 2}), B = (p / "b").weight("W", {2, 2});
  Tape<double> tape;
  Variable<double> h = matmul(tape.leaf(ramp<double>({1, 2})), A);
  for (std::size_t t = 3; t-- > 0;) {
    const TimeStep now(t);
    h = h + matmul(h, B);
  }
  const std::string text = body(to_dot(tape));
  CHECK(contains(text, "\n  n5 [label=\"add x3\\n(1, 2)\"];\n"));  // not indented: in no cluster
  CHECK(contains(text, "n5 -> n4 [label=\"t+1\\n(1, 2)\\n16 B\", style=dashed, constraint=false];\n"));
  CHECK(contains(text, "    n4 [label=\"matmul x3\\n(1, 2)\"];\n"));
}

TEST_CASE("to_dot: names are quoted, so that none ends a label or is taken for a command") {
  CHECK(contains(to_dot(named("a\"b", "c\\")), "n0 [label=\"a\\\"b/c\\\\\\n(2,)\", shape=box];"));
  CHECK(contains(to_dot(named("a\"b", "c\\")), "subgraph \"cluster/a\\\"b\" {\n    label=\"a\\\"b\";\n"));
  CHECK(contains(to_dot(named("s", "\\N")), "label=\"s/\\\\N\\n"));
  CHECK(contains(to_dot(named("s", "a\nb")), "label=\"s/a\\\\x0ab\\n"));
  CHECK(contains(to_dot(named("s", "&lt;")), "label=\"s/&amp;lt;\\n"));
}

TEST_CASE("to_dot: Graphviz draws it, whatever the names") {
  if (!graphviz_is_installed()) {
    MESSAGE("skipped: Graphviz is not installed");
    return;
  }
  for (const auto& name : bad_names)
    for (const auto& other : {std::string("W"), name}) {
      CAPTURE(name);
      const std::string svg = draw(to_dot(named(name, other)));
      CHECK(contains(svg, "square"));
      CHECK(contains(svg, ">(2,)<"));
    }
  CHECK(contains(draw(to_dot(named("s", "\\N"))), ">s/\\N<"));
  CHECK(contains(draw(to_dot(named("s", "&lt;\""))), ">s/&amp;lt;&quot;<"));

  const Parameters<double> p;
  const xgrad::Rnnlm<double, cells::Lstm<double>> model(p, 5, 3, 4);
  const Ids words({35, 2}, std::vector<Ids::value_type>(70, 1));
  Tape<double> tape;
  const auto loss = model.loss(words, words, model.zero(2)).y;
  const std::string svg = draw(to_dot(tape));
  CHECK(contains(svg, ">sigmoid x35<"));
  CHECK(contains(svg, "cluster/cell/x"));
  (void)tape.gradient(loss);
  CHECK(draw(to_dot(tape)) == svg);
  CHECK(contains(draw(to_dot(Tape<double>())), "</svg>"));
}
