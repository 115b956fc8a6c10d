// Products of all time steps at once: that they are made where they may be and nowhere else, that they are
// the rows' own products to the digit that matters, and that no gradient is lost on the way.
#include <xgrad/autograd/ops/row_products.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <xgrad/autograd/fast_paths.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/parameters.hpp>
#include <xgrad/autograd/tape.hpp>

#include "autograd/errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

std::size_t count(const Tape<double>& tape, const std::string& op) {
  const auto nodes = tape.nodes();
  return static_cast<std::size_t>(
      std::count_if(nodes.begin(), nodes.end(), [&](const TapeNode& node) { return node.op == op; }));
}

struct Weights {
  Parameters<double> p{3};
  Variable<double> W = p.weight("W", {4, 2}), U = p.weight("U", {4, 2}), b = p.bias("b", {2});
};

}  // namespace

TEST_CASE("row products: the rows of a sequence are multiplied once") {
  const Weights w;
  Tape<double> tape;
  const auto xs = tape.leaf(ramp<double>({10, 3, 4}));
  Variable<double> sum_of_all = 0.0;
  for (std::ptrdiff_t t = 0; t < 10; ++t) sum_of_all += sum(square(matmul(select(xs, t), w.W)));
  CHECK(count(tape, "matmul") == 1);
  const auto fast = tape.gradient(sum_of_all);

  const xgrad::SwitchedOff off({&FastPaths::hoisted_products});
  Tape<double> plain_tape;
  const auto ys = plain_tape.leaf(ramp<double>({10, 3, 4}));
  Variable<double> same = 0.0;
  for (std::ptrdiff_t t = 0; t < 10; ++t) same += sum(square(matmul(select(ys, t), w.W)));
  CHECK(count(plain_tape, "matmul") == 10);
  const auto plain = plain_tape.gradient(same);
  CHECK(sum_of_all.item() == doctest::Approx(same.item()).epsilon(1e-14));
  const auto close = [](const Array<double>& a, const Array<double>& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (std::abs(a.data()[i] - b.data()[i]) > 1e-12 * std::abs(b.data()[i])) return false;
    return a.shape() == b.shape();
  };
  CHECK(close(fast[w.W], plain[w.W]));
  CHECK(close(fast[xs], plain[ys]));
}

TEST_CASE("row products: each weight and bias has a product of its own") {
  const Weights w;
  Tape<double> tape;
  const auto xs = tape.leaf(ramp<double>({5, 3, 4})), hs = tape.leaf(ramp<double>({5, 3, 4}));
  for (std::ptrdiff_t t = 0; t < 5; ++t) {
    const auto x = select(xs, t), h = select(hs, t);
    (void)(affine({x, w.W}, w.b) + affine({x, w.U}, w.b) + matmul(x, w.W));
    (void)affine({h, w.W}, {x, w.U}, w.b);  // the first that is a row is hoisted, the other is not
  }
  CHECK(count(tape, "matmul") == 1);
  CHECK(count(tape, "affine") == 3 + 5);
}

TEST_CASE(
    "row products: not of a row by itself, of another axis, of a transposed weight, or without a tape") {
  const Weights w;
  Tape<double> tape;
  const auto xs = tape.leaf(ramp<double>({5, 3, 4}));
  const auto last = matmul(select(xs, -1), w.W);  // of a sequence's last step alone
  CHECK(count(tape, "select") == 1);
  CHECK(last.shape() == Shape{3, 2});
  for (std::ptrdiff_t t = 0; t < 3; ++t) (void)matmul(select(xs, t, 1), w.W);
  CHECK(count(tape, "matmul") == 4);
  for (std::ptrdiff_t t = 0; t < 3; ++t)
    (void)matmul(select(xs, t), Variable<double>(ramp<double>({2, 4})), Transpose::second);
  CHECK(count(tape, "matmul") == 7);
  const Inference pause;
  CHECK(matmul(select(Variable<double>(xs.value()), 0), w.W).shape() == Shape{3, 2});
}

TEST_CASE("row products: a long sequence of which the beginning is read is not multiplied whole") {
  const Weights w;
  Tape<double> tape;
  const auto xs = tape.leaf(ramp<double>({1000, 1, 4}));
  const auto rows = [&] {
    std::size_t total = 0;
    for (const auto& node : tape.nodes())
      if (std::string(node.op) == "matmul") total += node.shape[0];
    return total;
  };
  for (std::ptrdiff_t t = 0; t < 64; ++t) (void)matmul(select(xs, t), w.W);
  CHECK(rows() == 64);
  (void)matmul(select(xs, 64), w.W);
  CHECK(rows() == 64 + 256);
  for (std::ptrdiff_t t = 65; t < 1000; ++t) (void)matmul(select(xs, t), w.W);
  CHECK(rows() == 1000);
}

TEST_CASE("row products: the gradient of a single row is what flows back through the product too") {
  const Weights w;
  for (const bool hoisted : {true, false}) {
    CAPTURE(hoisted);
    const xgrad::SwitchedOff off(hoisted ? std::vector<FastPath>{}
                                         : std::vector<FastPath>{&FastPaths::hoisted_products});
    Tape<double> tape;
    const auto xs = tape.leaf(Array<double>::full({4, 1, 4}, 1));
    std::vector<Variable<double>> x;
    Variable<double> total = 0.0;
    for (std::ptrdiff_t t = 0; t < 4; ++t) {
      x.push_back(select(xs, t));
      total += static_cast<double>(t + 1) * sum(matmul(x.back(), w.W));
    }
    total += sum(x[2]);  // and by another way
    const auto gradients = tape.gradient(total, {.of = {x[0], x[2]}});
    const auto row_sums = sum(w.W, 1).value();
    for (std::size_t k = 0; k < 4; ++k) {
      CHECK(gradients[x[0]].data()[k] == doctest::Approx(row_sums.data()[k]).epsilon(1e-14));
      CHECK(gradients[x[2]].data()[k] == doctest::Approx(3 * row_sums.data()[k] + 1).epsilon(1e-14));
      CHECK(gradients[xs].data()[8 + k] == doctest::Approx(3 * row_sums.data()[k] + 1).epsilon(1e-14));
    }
  }
}

TEST_CASE("row products: errors name the step's own shapes") {
  const Weights w;
  Tape<double> tape;
  const auto xs = tape.leaf(ramp<double>({5, 3, 7}));
  CHECK(message_of([&] { (void)matmul(select(xs, 0), w.W); }) ==
        "[matmul] last axis of x with shape (3, 7) must match first axis of W with shape (4, 2) (parameter "
        "'W')");
  CHECK(message_of([&] {
          (void)affine({select(xs, 0), w.W}, w.b);
        }) ==
        "[affine] last axis of x with shape (3, 7) must match first axis of W with shape (4, 2) (parameter "
        "'W')");
}

TEST_CASE("row products: a weight that changes before the sweep is an error as ever") {
  Weights w;
  Tape<double> tape;
  const auto xs = tape.leaf(ramp<double>({3, 1, 4}));
  Variable<double> total = 0.0;
  for (std::ptrdiff_t t = 0; t < 3; ++t) {
    const auto y = matmul(select(xs, t), w.W);
    CHECK(y.value().data()[0] ==
          (matmul(Variable<double>(select(xs, t).value()), detach(w.W)).value().data()[0]));
    total += sum(y);
    if (t == 1) w.p.assign("W", ramp<double>({4, 2}));
  }
  CHECK(message_of([&] { (void)tape.gradient(total); }).find("'W' was changed after this tape used it") !=
        std::string::npos);
}

TEST_CASE("row products: what rows were taken of is not kept alive") {
  Tape<double> tape;
  const auto xs = tape.leaf(Array<double>::full({2, 2, 4}, 1));
  Variable<double> y = 0.0;
  Array<double> watched;
  {
    const auto large = xs + 1;  // its vjp keeps nothing
    y = sum(select(large, 0));
    watched = large.value();
  }
  CHECK(watched.unique());
  CHECK(tape.gradient(y)[xs].data()[0] == 1);
}
