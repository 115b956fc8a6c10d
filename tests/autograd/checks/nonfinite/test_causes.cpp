// Where a number stands in a window: the rule of WindowPlace, shape by shape, and by a cell of one's own
// under unroll.
#include <xgrad/autograd/checks/nonfinite/causes.hpp>

#include <limits>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/time_step.hpp>
#include <xgrad/layers/unroll.hpp>

using namespace xgrad;
using nonfinite::place_of;

namespace {

// T = 4, N = 3; the token at (t, n) is 10 t + n.
Ids window() { return Ids({4, 3}, {0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32}); }

std::string show(const WindowPlace& place) {
  const auto number = [](const auto& x) { return x ? std::to_string(*x) : std::string("-"); };
  return number(place.time_step) + " " + number(place.row) + " " + number(place.token);
}

// y = e^(x + h), which overflows where x does.
struct Exploding {
  Variable<float> W;
  Variable<float> operator()(const Variable<float>& x, const Variable<float>& h) const {
    return exp(x + tanh(matmul(h, W))) - 1;
  }
};

}  // namespace

TEST_CASE("place_of: inside a time step the leading axis is the row") {
  CHECK(show(place_of({3, 5}, 7, 2, {})) == "2 1 -");
  CHECK(show(place_of({3, 5}, 7, 2, window())) == "2 1 21");
  CHECK(show(place_of({3}, 2, 1, window())) == "1 2 12");
  CHECK(show(place_of({3}, 2, 1, {})) == "1 - -");           // a bias, or a row of numbers
  CHECK(show(place_of({5, 3}, 2, 1, window())) == "1 - -");  // not the tokens' N
  CHECK(show(place_of({}, 0, 1, window())) == "1 - -");
  CHECK(show(place_of({3, 5}, 7, 9, window())) == "9 1 -");  // more steps than tokens
}

TEST_CASE("place_of: outside a time step the tokens' shape decides") {
  CHECK(show(place_of({4, 3, 5}, 5 * 7 + 2, {}, window())) == "2 1 21");
  CHECK(show(place_of({4, 3}, 11, {}, window())) == "3 2 32");
  CHECK(show(place_of({12, 5}, 5 * 7 + 2, {}, window())) == "2 1 21");
  CHECK(show(place_of({12}, 11, {}, window())) == "3 2 32");
  CHECK(show(place_of({4, 5}, 7, {}, window())) == "- - -");
  CHECK(show(place_of({}, 0, {}, window())) == "- - -");
  CHECK(show(place_of({4, 3, 5}, 37, {}, {})) == "- - -");
}

TEST_CASE("index_in_table: by the tokens, or else by equal rows") {
  const Array<float> table({4, 2}, {1, 2, 3, 4, 1, 2, 5, 6}), read({2, 2}, {5, 6, 1, 2});
  CHECK(nonfinite::index_in_table(table, read, 1, {}) == 7);
  CHECK(nonfinite::index_in_table(table, read, 3, {}) == 1);
  CHECK(nonfinite::index_in_table(table, read, 3, Ids({2, 1}, {3, 2})) == 5);
  CHECK(nonfinite::index_in_table(table, read, 3, Ids({2, 1}, {0, 3})) ==
        1);  // not the tokens that were read
}

TEST_CASE("find_nonfinite: the time step, the row and the scope inside unroll of a cell of one's own") {
  const Parameters<float> p;
  const Exploding cell{(p / "model" / "cell").weight("W", {2, 2})};
  auto xs = Array<float>::zeros({5, 3, 2});
  xs.mutable_data()[(3 * 3 + 2) * 2 + 1] = 99;  // step 3, row 2
  const auto forward = [&] {
    return mean(unroll(cell, Variable<float>(xs), Variable<float>(Array<float>::zeros({3, 2}))).ys);
  };
  const auto report = find_nonfinite(forward);
  CHECK(report.kind == Nonfinite::forward);
  CHECK(report.op == "exp");
  CHECK(report.scope == "model/cell");
  CHECK(report.where.time_step == 3u);
  CHECK(report.where.row == 2u);
  CHECK_FALSE(report.where.token);
  CHECK(report.index == 5);
  CHECK(to_string(report) ==
        "the loss is inf: exp in 'model/cell' made inf at (2, 1) of shape (3, 2), time step 3, row 2, from "
        "argument 0 = 99");

  std::vector<Ids::value_type> ids(15);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<Ids::value_type>(100 + i);
  const auto named = find_nonfinite(
      forward, {.tokens = Ids({5, 3}, ids), .word = [](auto id) { return "word" + std::to_string(id); }});
  CHECK(named.where.token == 111);
  CHECK(named.word == "word111");
  CHECK(to_string(named).find("time step 3, row 2, token 111 'word111'") != std::string::npos);
}

TEST_CASE("find_nonfinite: a vjp inside a time step, whose row is known though the loss is finite") {
  const Parameters<float> p;
  const auto w = p.weight("w", {2}, constant(1));
  const auto report = find_nonfinite([&] {
    Variable<float> h = Array<float>::zeros({3, 2});
    for (std::size_t t = 0; t < 4; ++t) {
      const TimeStep now(t);
      auto keep = Array<float>::full({3, 2}, t == 2 ? 0.0F : 1.0F);
      for (const std::size_t i : {0, 1, 4, 5}) keep.mutable_data()[i] = 1;
      const auto x = (h + w) * Variable<float>(keep);  // in row 1 of step 2 it is 0, where sqrt has no slope
      h = sqrt(x) + 1;
    }
    return sum(h);
  });
  CHECK(report.kind == Nonfinite::backward);
  CHECK(report.op == "sqrt");
  CHECK(report.where.time_step == 2u);
  CHECK(report.where.row == 1u);
  CHECK(report.harmed == "w");
}

TEST_CASE("find_nonfinite: the scope is the deepest that holds the parameters, else that of the inputs") {
  const Parameters<float> p;
  const auto f = (p / "cell" / "f").weight("W", {2}, constant(-1)),
             U = (p / "cell").weight("U", {2}, constant(0)),
             head = (p / "head").weight("b", {2}, constant(1)),
             cells = (p / "cells").weight("b", {2}, constant(1));
  const auto scope = [](auto loss) { return find_nonfinite(loss).scope; };
  CHECK(scope([&] { return sum(log(f)); }) == "cell/f");
  CHECK(scope([&] { return sum(log(tanh(f * U) + f)); }) == "cell/f");
  CHECK(scope([&] { return sum(log(tanh(f * U))); }) == "cell");
  CHECK(scope([&] { return sum(log(tanh(f) - tanh(head))); }) == "");
  CHECK(scope([&] { return sum(log(tanh(U) - tanh(cells))); }) == "");
  CHECK(scope([&] { return sum(log(tanh(f) - 1)) + sum(U); }) == "cell/f");
}
