// Rnn: one step against a loop in long double, its parameters at birth, its gradient over one step and
// through time, and what errors name.
#include <xgrad/layers/rnn.hpp>

#include <xgrad/layers/unroll.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::numbers;

TEST_CASE_TEMPLATE("rnn: a step is that of a loop", T, float, double) {
  const std::size_t N = 3, D = 4, H = 5;
  const Parameters<T> p(2);
  const Rnn cell(p / "rnn", D, H);
  p.assign("rnn/b", numbers<T>({H}));
  const auto x = numbers<T>({N, D}, -1, 1, 3), h = numbers<T>({N, H}, -1, 1, 4);
  const auto y = cell(Variable<T>(x), Variable<T>(h)).value();
  CHECK(to_string(y.shape()) == "(3, 5)");
  for (std::size_t i = 0; i < N * H; ++i) {
    long double a = cell.b.value().data()[i % H];
    for (std::size_t k = 0; k < D; ++k)
      a += static_cast<long double>(x.data()[i / H * D + k]) * cell.Wx.value().data()[k * H + i % H];
    for (std::size_t k = 0; k < H; ++k)
      a += static_cast<long double>(h.data()[i / H * H + k]) * cell.Wh.value().data()[k * H + i % H];
    CHECK(std::abs(y.data()[i] - std::tanh(a)) < 8 * static_cast<long double>(checks::epsilon<T>));
  }
}

TEST_CASE("rnn: parameters at birth") {
  const Parameters<double> p(1);
  const Rnn cell(p / "rnn", 4, 25);
  REQUIRE(p.list().size() == 3);
  CHECK(p.list()[0].parameter()->path == "rnn/Wx");
  CHECK(p.list()[1].parameter()->path == "rnn/Wh");
  CHECK(p.list()[2].parameter()->path == "rnn/b");
  const auto largest = [](const Variable<double>& W) {
    double result = 0;
    for (const double w : W.value()) result = std::max(result, std::abs(w));
    return result;
  };
  CHECK(largest(cell.Wx) <= 0.5);
  CHECK(largest(cell.Wx) > 0.45);
  CHECK(largest(cell.Wh) <= 0.2);
  CHECK(largest(cell.Wh) > 0.19);
  CHECK(largest(cell.b) == 0);
}

TEST_CASE("rnn: gradients of every parameter the input and the state") {
  const auto report = checks::prove_function([](auto p) {
    const Rnn cell(p, 3, 4);
    return cell(p.input("x", {2, 3}), p.input("h", {2, 4}));
  });
  CHECK(report);
  CHECK(report.compared == 2 * (3 * 4 + 4 * 4 + 4 + 2 * 3 + 2 * 4));
}

TEST_CASE("rnn: gradients through time") {
  for (const std::size_t steps : {1U, 2U, 5U}) {
    const auto report = checks::prove_function([=](auto p) {
      const Rnn cell(p, 3, 4);
      const auto run = unroll(cell, p.input("xs", {steps, 2, 3}), p.input("h0", {2, 4}));
      return sum(square(run.ys)) + sum(run.state);
    });
    CHECK(report);
    CHECK(report.compared == 2 * (32 + steps * 6 + 8));
  }
}

TEST_CASE("rnn: an input or a state that does not fit names the weight") {
  const Parameters<double> p;
  const Rnn cell(p / "rnn", 3, 4);
  const Variable<double> x = numbers<double>({2, 3}), h = numbers<double>({2, 4}),
                         h3 = numbers<double>({3, 4});
  checks::check_error([&] { cell(h, h); }, {"[affine]", "(2, 4)", "(3, 4) (parameter 'rnn/Wx')"});
  checks::check_error([&] { cell(x, x); }, {"[affine]", "(2, 3)", "(4, 4) (parameter 'rnn/Wh')"});
  checks::check_error([&] { cell(x, h3); }, {"[affine]", "(2, 4) and (3, 4)"});
}
