// jvp, vjp, hvp and jacobian: against closed forms and against each other, of several arguments, of functions
// of Parameters, and the texts of errors.
#include <xgrad/autograd/derivatives.hpp>

#include <doctest/doctest.h>

#include <numeric>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

#include "errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

using D = Array<double>;

const D x({2, 2}, {0.5, -1, 2, 0.25}), W({2, 3}, {1, 2, -1, 0.5, -0.5, 1}), dx({2, 2}, {1, 0, -1, 2}),
    dW({2, 3}, {0.1, 0, 0, -0.3, 0, 1});
const auto f = [](auto a, auto b) { return tanh(matmul(a, b)); };

double dot(const D& a, const D& b) {
  CHECK(a.shape() == b.shape());
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void check_close(const D& a, const D& b, double relative = 1e-14) {
  REQUIRE(to_string(a.shape()) == to_string(b.shape()));
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK(a.data()[i] == doctest::Approx(b.data()[i]).epsilon(relative));
}

}  // namespace

TEST_CASE("jvp: a square and its slope") {
  const auto [y, dy] = jvp([](auto a) { return square(a); }, {x}, {dx});
  check_close(y, x * x);
  check_close(dy, 2 * x * dx);
}

TEST_CASE("jvp: several arguments add up, a constant is one") {
  const auto both = jvp(f, {x, W}, {dx, dW});
  const auto first = jvp(f, {x, W}, {dx, 0 * dW}), second = jvp(f, {x, W}, {0 * dx, dW});
  CHECK(to_string(both.dy.shape()) == "(2, 3)");
  check_close(both.dy, first.dy + second.dy);
  const auto cut = jvp([](auto a) { return a * detach(a); }, {x}, {dx});
  check_close(cut.dy, x * dx);
}

TEST_CASE("vjp: is the transpose of jvp") {
  const D u({2, 3}, {1, -1, 0.5, 2, 0, -0.25});
  const auto [y, gradients] = vjp(f, {x, W}, u);
  REQUIRE(gradients.size() == 2);
  CHECK(dot(u, jvp(f, {x, W}, {dx, dW}).dy) ==
        doctest::Approx(dot(gradients[0], dx) + dot(gradients[1], dW)).epsilon(1e-14));
  check_close(y, jvp(f, {x, W}, {dx, dW}).y);
  check_close(vjp([](auto a) { return sum(square(a)); }, {x}).gradients[0], 2 * x);
  // an argument that is not used has a gradient of zeros
  check_close(vjp([](auto a, auto) { return sum(a); }, {x, W}).gradients[1], 0 * W);
}

TEST_CASE("jacobian: is that of a matrix product, and of a function without numbers") {
  const auto J = jacobian([](auto a, auto b) { return matmul(a, b); }, {x, W});
  REQUIRE(J.size() == 2);
  CHECK(to_string(J[0].shape()) == "(2, 3, 2, 2)");
  CHECK(to_string(J[1].shape()) == "(2, 3, 2, 3)");
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 3; ++j)
      for (std::size_t k = 0; k < 2; ++k)
        for (std::size_t m = 0; m < 2; ++m) {
          const double expected = i == k ? W.data()[m * 3 + j] : 0.0;
          CHECK(J[0].data()[((i * 3 + j) * 2 + k) * 2 + m] == doctest::Approx(expected).epsilon(1e-15));
        }
  CHECK(to_string(jacobian([](auto a) { return slice(a, 0, 0); }, {x})[0].shape()) == "(0, 2, 2, 2)");
  CHECK(jacobian([](auto a) { return sum(a); }, {D(3.0)})[0].item() == doctest::Approx(1));
}

TEST_CASE("hvp: is the Hessian of a cubic form times the direction") {
  // L = sum x^3: H v = 6 x v
  const auto cubic = hvp([](auto a) { return sum(a * a * a); }, {x}, {dx});
  check_close(cubic[0], 6 * x * dx);
  // symmetric across arguments: <v, H w> = <w, H v>
  const auto L = [](auto a, auto b) { return sum(square(tanh(matmul(a, b)))); };
  const auto along_x = hvp(L, {x, W}, {dx, 0 * dW}), along_W = hvp(L, {x, W}, {0 * dx, dW});
  CHECK(dot(along_x[1], dW) == doctest::Approx(dot(along_W[0], dx)).epsilon(1e-13));
  // and the gradient's derivative as differences see it
  const double h = 1e-3;
  const auto gradient = [&](double t) { return vjp(L, {x + t * dx, W}).gradients[1]; };
  const D difference = (45 * (gradient(h) - gradient(-h)) - 9 * (gradient(2 * h) - gradient(-2 * h)) +
                        (gradient(3 * h) - gradient(-3 * h))) /
                       (60 * h);
  check_close(along_x[1], difference, 1e-9);
}

TEST_CASE("hvp: a power of 0 changes nothing with its exponent") {
  const D base({2}, {0, 2}), exponent({2}, {2, 2}), none = D::zeros({2}), along = D::full({2}, 1);
  const auto Hv = hvp([](auto a, auto b) { return sum(pow(a, b)); }, {base, exponent}, {none, along});
  const double log_2 = std::log(2.0);
  CHECK(Hv[0].data()[0] == 0);
  CHECK(Hv[1].data()[0] == 0);
  CHECK(Hv[0].data()[1] == doctest::Approx(2 + 4 * log_2));  // d/db of b a^(b - 1)
  CHECK(Hv[1].data()[1] == doctest::Approx(4 * log_2 * log_2));
}

TEST_CASE("jvp and hvp: of a function of its parameters") {
  const auto model = [](const auto& p) {
    return sum(square(tanh(matmul(p.weight("x", {2, 2}), (p / "s").weight("W", {2, 3})))));
  };
  const auto L = [](auto a, auto b) { return sum(square(tanh(matmul(a, b)))); };
  const Values values{{"x", x}, {"s/W", W}}, directions{{"s/W", dW}};
  const auto [y, dy] = jvp(model, values, directions);
  CHECK(dy.item() == doctest::Approx(jvp(L, {x, W}, {0 * dx, dW}).dy.item()).epsilon(1e-14));
  const Values Hv = hvp(model, values, directions);
  const auto expected = hvp(L, {x, W}, {0 * dx, dW});
  check_close(Hv.at("x"), expected[0]);
  check_close(Hv.at("s/W"), expected[1]);
}

TEST_CASE("derivatives: what does not fit is named") {
  CHECK(message_of([] {
          jvp(f, {x, W}, {dx, dx});
        }) == "[jvp] the direction of argument 1 has shape (2, 2), expected that of its value, (2, 3)");
  CHECK(contains(message_of([] {
                   hvp(f, {x, W}, {dW, dW});
                 }),
                 "[hvp] the direction of argument 0 has shape (2, 3)"));
  CHECK(contains(message_of([] {
                   vjp(f, {x, W}, dx);
                 }),
                 "seed has shape (2, 2), expected that of the value, (2, 3)"));
  CHECK(contains(message_of([] { vjp(f, {x, W}); }), "has no single gradient"));
  CHECK(contains(message_of([] { hvp(f, {x, W}, {dx, dW}); }), "has no single gradient"));
  CHECK(contains(message_of([] {
                   jacobian([](auto a) { return reshape(a, {1, 1, 2, 2}); }, {D::zeros({1, 2, 2})});
                 }),
                 "would have more than 6 axes"));
  const auto model = [](const auto& p) { return sum(p.weight("x", {2, 2})); };
  CHECK(message_of([&] {
          jvp(model, {{"x", x}}, {{"y", x}});
        }) == "[jvp] there is a direction of 'y', which has no value");
  CHECK(contains(message_of([&] {
                   hvp(model, {{"x", x}}, {{"x", W}});
                 }),
                 "the direction of 'x' has shape (2, 3)"));
}
