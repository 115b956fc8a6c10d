// Every layer's values and gradients, and those of the language model, are those of PyTorch's own modules
// with the same weights. The table is made by oracle/make.py.
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/bidirectional.hpp>
#include <xgrad/layers/gru.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/pytorch.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/stack.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "cells.hpp"
#include "oracle/table.hpp"

using namespace xgrad;

namespace {

const nlohmann::json& row(std::string_view layer) {
  static const auto table = oracle::table("layers.json");
  for (const auto& entry : table)
    if (entry.at("layer") == layer) return entry;
  throw Error("oracle", "the table has no layer '" + std::string(layer) + "'");
}

// The weights and inputs of a row, as values to start from.
Values values(const nlohmann::json& entry) {
  Values result;
  for (const char* group : {"parameters", "inputs"})
    for (const auto& [path, array] : entry.at(group).items()) result.emplace(path, oracle::array(array));
  return result;
}

template <class T>
void check(const Array<T>& got, const nlohmann::json& expected) {
  const double tolerance = std::same_as<T, float> ? 2e-5 : 1e-13;
  const auto want = oracle::array(expected);
  CHECK(to_string(got.shape()) == to_string(want.shape()));
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK_MESSAGE(std::abs(scalar::convert<double>(got.data()[i]) - want.data()[i]) <=
                      tolerance * std::max(1.0, std::abs(want.data()[i])),
                  "element " << index_of(i, got.shape()));
}

template <class T>
void check_gradients(Tape<T>& tape, const Variable<T>& loss, const Parameters<T>& p,
                     const nlohmann::json& entry) {
  const auto gradients = tape.gradient(loss);
  for (const auto& x : p.list()) {
    CAPTURE(x.parameter()->path);
    check(gradients[x], entry.at("gradients").at(x.parameter()->path));
  }
  CHECK(p.list().size() == entry.at("gradients").size());
}

}  // namespace

TEST_CASE_TEMPLATE("oracle: affine", T, float, double, Complex) {
  const auto& entry = row("affine");
  Tape<T> tape;
  const Parameters<T> p(values(entry));
  const Affine layer(p, 4, 5);
  const auto y = layer(p.input("x", {6, 3, 4}));
  check(y.value(), entry.at("results").at("y"));
  check_gradients(tape, sum(square(y)), p, entry);
}

TEST_CASE_TEMPLATE("oracle: embedding", T, float, double, Complex) {
  const auto& entry = row("embedding");
  Tape<T> tape;
  const Parameters<T> p(values(entry));
  const Embedding layer(p, 7, 4);
  const auto y = layer(oracle::ids(entry.at("ids")));
  check(y.value(), entry.at("results").at("y"));
  check_gradients(tape, sum(square(y)), p, entry);
}

TEST_CASE_TEMPLATE("oracle: the Elman cell unrolled", T, float, double, Complex) {
  const auto& entry = row("rnn");
  Tape<T> tape;
  const Parameters<T> p(values(entry));
  const Rnn cell(p, 4, 5);
  const auto [ys, state] = unroll(cell, p.input("xs", {6, 3, 4}), p.input("h0", {3, 5}));
  check(ys.value(), entry.at("results").at("ys"));
  check(state.value(), entry.at("results").at("state"));
  check_gradients(tape, sum(square(ys)) + sum(state), p, entry);
}

TEST_CASE_TEMPLATE("oracle: the language model", T, float, double, Complex) {
  const auto& entry = row("rnnlm");
  Tape<T> tape;
  const Parameters<T> p(values(entry));
  const Rnnlm<T> model(p, 7, 4, 5);
  const auto h0 = p.input("h0", {3, 5});
  const auto ids = oracle::ids(entry.at("ids"));
  check(model(ids, h0).y.value(), entry.at("results").at("logits"));
  const auto [loss, state] = model.loss(ids, oracle::ids(entry.at("targets")), h0);
  check(loss.value(), entry.at("results").at("loss"));
  check(state.value(), entry.at("results").at("state"));
  check_gradients(tape, loss, p, entry);
}

TEST_CASE_TEMPLATE("oracle: every cell unrolled", T, float, double, Complex) {
  for (const std::string& name : cells::names) {
    if (name == "nested" || name == "rnn") continue;  // not the library's, and above
    CAPTURE(name);
    const auto& entry = row(name);
    Tape<T> tape;
    const Parameters<T> p(values(entry));
    const cells::NamedCell<T> cell(p, 4, 5, name);
    const auto xs = p.input("xs", {6, 3, 4});
    const auto [ys, state] = unroll(cell, xs, cells::input_state(p, cell.zero(3)));
    check(ys.value(), entry.at("results").at("ys"));
    auto loss = sum(square(ys));
    for (std::size_t i = 0; i < state.size(); ++i) {
      check(state[i].value(), entry.at("results").at("state" + std::to_string(i)));
      loss = loss + sum(state[i]);
    }
    check_gradients(tape, loss, p, entry);
  }
}

namespace {

// A module of PyTorch's with two layers and two directions, imported.
template <class T, class Cell>
void check_module(const std::string& name) {
  CAPTURE(name);
  const auto& entry = row(name);
  std::map<std::string, Array<T>> state_dict;
  for (const auto& [path, array] : entry.at("parameters").items())
    state_dict.emplace(path, oracle::array(array).template cast<T>());
  const Parameters<T> p;
  const Stack<Bidirectional<Cell>> model(p, 4, 5);
  for (const char* layer : {"0", "1"}) {
    const std::string suffix = std::string("_l") + layer;
    import_pytorch(p / layer / "forward", state_dict, suffix);
    import_pytorch(p / layer / "backward", state_dict, suffix + "_reverse");
  }
  Tape<T> tape;
  const auto xs = tape.leaf(oracle::array(entry.at("inputs").at("xs")).template cast<T>());
  const auto ys = unroll(model, xs, model.zero(3)).ys;
  check(ys.value(), entry.at("results").at("ys"));
  const auto gradients = tape.gradient(sum(square(ys)));
  check(gradients[xs], entry.at("gradients").at("xs"));
  const auto dW = gradients[p["1/backward/Wh"]];
  check(transpose(Variable<T>(dW)).value(), entry.at("gradients").at("weight_hh_l1_reverse"));
}

}  // namespace

TEST_CASE_TEMPLATE("oracle: whole modules imported from PyTorch", T, float, double) {
  check_module<T, Rnn<T>>("torch.nn.RNN");
  check_module<T, Lstm<T>>("torch.nn.LSTM");
  check_module<T, Gru<T>>("torch.nn.GRU");
}
