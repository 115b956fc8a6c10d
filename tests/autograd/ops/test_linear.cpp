// matmul: values against a triple loop in long double for leading axes of every rank and empty sides,
// gradients with shared operands and views, in-place accumulation over many uses of one W, and the texts of
// errors.
#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::numbers;
using checks::prove;

namespace {

struct Case {
  Shape x, W, y;
};
const std::vector<Case> cases = {
    {{3}, {3, 4}, {4}},
    {{1}, {1, 1}, {1}},
    {{2, 3}, {3, 4}, {2, 4}},
    {{2, 3}, {3, 1}, {2, 1}},
    {{5, 2, 3}, {3, 4}, {5, 2, 4}},
    {{2, 1, 2, 3}, {3, 2}, {2, 1, 2, 2}},
    {{7, 17}, {17, 9}, {7, 9}},
    {{0, 3}, {3, 4}, {0, 4}},
    {{2, 0}, {0, 4}, {2, 4}},
    {{2, 3}, {3, 0}, {2, 0}},
    {{2, 0, 3}, {3, 4}, {2, 0, 4}},
    {{0}, {0, 2}, {2}},
};

}  // namespace

TEST_CASE_TEMPLATE("matmul: values are those of a triple loop", T, float, double) {
  for (const auto& c : cases) {
    CAPTURE(to_string(c.x));
    CAPTURE(to_string(c.W));
    const Array<T> x = numbers<T>(c.x, 0.2, 1), W = numbers<T>(c.W, 0.2, 1, 2);
    const std::size_t K = c.W[0], M = c.W[1];
    checks::check_elements(matmul(Variable<T>(x), Variable<T>(W)).value(), c.y, 8 * checks::epsilon<T>,
                           [&, xs = x.data(), Ws = W.data()](std::size_t i) {
                             long double y = 0;
                             for (std::size_t k = 0; k < K; ++k)
                               y += static_cast<long double>(xs[i / M * K + k]) * Ws[k * M + i % M];
                             return y;
                           });
  }
}

TEST_CASE("matmul: gradients over shapes") {
  for (const auto& c : cases) prove([](const auto& x) { return matmul(x[0], x[1]); }, {c.x, c.W});
}

TEST_CASE("matmul: one variable on both sides") {
  prove([](const auto& x) { return matmul(x[0], x[0]); }, {{3, 3}});
  prove([](const auto& x) { return matmul(matmul(x[0], x[0]), transpose(x[0])); }, {{3, 3}});
  prove([](const auto& x) { return matmul(transpose(x[0]), x[0]) + sum(x[0]); }, {{2, 3}});
}

TEST_CASE("matmul: views of one parent") {
  prove([](const auto& x) { return matmul(slice(x[0], 0, 2), slice(x[0], 2, 5)); }, {{5, 3}});
  prove([](const auto& x) { return matmul(select(x[0], 0), select(x[0], 1)); }, {{2, 3, 3}});
  prove([](const auto& x) { return matmul(slice(x[0], 1, 3, 1), x[1]); }, {{2, 4}, {2, 3}});
}

TEST_CASE("matmul: W used at every step adds up in place") {
  prove(
      [](const auto& x) {
        auto h = x[0];
        for (std::ptrdiff_t t = 0; t < 4; ++t) h = tanh(matmul(select(x[1], t), x[2]) + matmul(h, x[3]));
        return h;
      },
      {{2, 3}, {4, 2, 2}, {2, 3}, {3, 3}});
  prove([](const auto& x) { return matmul(x[0], x[1]) * x[0] + x[0] + sum(x[1]); }, {{2, 3}, {3, 3}});
}

TEST_CASE("matmul: wrong shapes are named") {
  const Parameters<double> p;
  const auto W = (p / "rnn").weight("Wh", {3, 4});
  const Variable<double> x = numbers<double>({2, 5}), number = 1.0, row = numbers<double>({3});
  check_error(
      [&] {
        matmul(x, Variable<double>(numbers<double>({3, 4})));
      },
      {"[matmul] last axis of x with shape (2, 5) must match first axis of W with shape (3, 4)"});
  check_error([&] { matmul(x, W); }, {"(2, 5)", "(3, 4) (parameter 'rnn/Wh')"});
  check_error([&] { matmul(W, x); }, {"x with shape (3, 4) (parameter 'rnn/Wh')", "W with shape (2, 5)"});
  check_error([&] { matmul(number, W); },
              {"[matmul] needs x: (..., N, K) and W: (..., K, M)", "got () and (3, 4)"});
  check_error([&] { matmul(x, row); }, {"last axis of x with shape (2, 5)", "the axis of W with shape (3,)"});
  check_error([&] { matmul(x, number); }, {"[matmul] needs", "got (2, 5) and ()"});
  check_error(
      [&] {
        matmul(x, Variable<double>(numbers<double>({2, 3, 5})));
      },
      {"last axis of x with shape (2, 5) must match last but one axis of W with shape (2, 3, 5)"});
}

TEST_CASE_TEMPLATE("affine: is the plain sum of its products and bias", T, float, double) {
  for (const auto& c : cases) {
    CAPTURE(to_string(c.x));
    const Variable<T> x = numbers<T>(c.x, 0.2, 1), W = numbers<T>(c.W, 0.2, 1, 2),
                      b = numbers<T>({c.W[1]}, 0.2, 1, 3);
    const Array<T> one = affine({x, W}, b).value(), two = affine({x, W}, {2 * x, W}, b).value();
    const Array<T> plain_one = (matmul(x, W) + b).value(),
                   plain_two = (matmul(x, W) + matmul(2 * x, W) + b).value();
    CHECK(one.shape() == c.y);
    for (std::size_t i = 0; i < one.size(); ++i) {
      CHECK(one.data()[i] ==
            doctest::Approx(plain_one.data()[i]).epsilon(32 * static_cast<double>(checks::epsilon<T>)));
      CHECK(two.data()[i] ==
            doctest::Approx(plain_two.data()[i]).epsilon(32 * static_cast<double>(checks::epsilon<T>)));
    }
  }
}

TEST_CASE("affine: gradients over shapes and with shared operands") {
  for (const auto& c : cases) {
    prove([](const auto& x) { return affine({x[0], x[1]}, x[2]); }, {c.x, c.W, {c.W[1]}});
    prove(
        [](const auto& x) {
          return affine({x[0], x[1]}, {x[2], x[3]}, x[4]);
        },
        {c.x, c.W, c.x, c.W, {c.W[1]}});
  }
  prove([](const auto& x) { return affine({x[0], x[0]}, {x[0], x[0]}, sum(x[0], 0)); }, {{3, 3}});
}

TEST_CASE("affine: wrong shapes are named") {
  const Parameters<double> p;
  const auto W = (p / "rnn").weight("Wx", {3, 4}), b = p.bias("b", {4}), wrong = p.bias("wrong", {3});
  const Variable<double> x = numbers<double>({2, 3}), h = numbers<double>({5, 3}),
                         y = numbers<double>({2, 2});
  check_error([&] { affine({y, W}, b); }, {"[affine]", "(2, 2)", "(3, 4) (parameter 'rnn/Wx')"});
  check_error(
      [&] {
        affine({x, W}, wrong);
      },
      {"[affine]", "needs b of shape (4,)", "(3,) (parameter 'wrong')"});
  check_error([&] { affine({x, W}, {h, W}, b); }, {"[affine]", "(2, 4) and (5, 4)"});
}

TEST_CASE_TEMPLATE("linear: a transposed operand is the product with the transposed copy", T, float, double) {
  const Variable<T> a = checks::numbers<T>({3, 2, 4}), b = checks::numbers<T>({5, 4}, -1, 1, 2);
  const auto turned = [](const Variable<T>& x) {
    return x.rank() == 2 ? transpose(x) : transpose(x, {0, 2, 1});
  };
  const auto expected = matmul(a, turned(b)).value();
  CHECK(to_string(expected.shape()) == "(3, 2, 5)");
  CHECK(checks::distance(matmul(a, b, Transpose::second).value(), expected) < 4 * checks::epsilon<T>);
  CHECK(checks::distance(matmul(turned(a), turned(b), Transpose::first).value(), expected) <
        4 * checks::epsilon<T>);
  CHECK(checks::distance(matmul(turned(a), b, Transpose::both).value(), expected) < 4 * checks::epsilon<T>);
}

TEST_CASE("linear: a matrix that meets many adds up its gradient, also into one that is there") {
  checks::prove([](const auto& x) { return matmul(x[0], x[1]); }, {{2, 1, 3, 2}, {4, 2, 3}});
  checks::prove([](const auto& x) { return matmul(x[0], x[1], Transpose::first); }, {{3, 2}, {2, 3, 4}});
  checks::prove([](const auto& x) { return matmul(x[0], x[0], Transpose::second) + sum(x[0]); }, {{2, 3, 2}});
  checks::prove([](const auto& x) { return dot(x[0], x[0]) * outer(x[0], x[1]); }, {{3}, {2}});
  checks::prove([](const auto& x) { return matmul(x[0], x[1]); }, {{2, 0, 3}, {3, 2}});
  checks::prove([](const auto& x) { return matmul(x[0], x[1]); }, {{0, 2, 3}, {3, 2}});
}

TEST_CASE("linear: affine sums of three and four products") {
  checks::prove(
      [](const auto& x) {
        return affine({x[0], x[1]}, {x[2], x[3]}, {x[0], x[4]}, x[5]);
      },
      {{2, 3}, {3, 4}, {2, 2}, {2, 4}, {3, 4}, {4}});
  checks::prove(
      [](const auto& x) {
        return affine({x[0], x[1]}, {x[0], x[1]}, {x[0], x[2]}, {x[0], x[2]}, x[3]);
      },
      {{2, 3}, {3, 4}, {3, 4}, {4}});
}
