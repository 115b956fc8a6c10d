// gradcheck: right functions pass, and wrong vjps of the usual kinds are caught and named with path, index
// and both values; functions that cannot be checked are refused.
#include <xgrad/autograd/gradcheck.hpp>

#include <doctest/doctest.h>

#include <sstream>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::gradcheck;
using xgrad::GradcheckReport;
using xgrad::record;
using xgrad::uniform;
using xgrad::Variable;
using xgrad::wrt;
using namespace xgrad::testing;

namespace {

using D = Array<double>;

// sum(c * tanh x) with a vjp of the caller's for y = tanh x.
template <class Vjp>
auto with_tanh(Vjp vjp) {
  return [vjp](auto p) {
    const auto x = (p / "s").input("x", {2, 3});
    const D y = tanh(x).value();
    return sum(p.weight("c", {2, 3}) *
               record("my_tanh", y, wrt(x, [y, vjp](const D& dy) { return vjp(dy, y); })));
  };
}

// Exactly one parameter failed, at one of its numbers, which are `shape`.
void check_caught(const GradcheckReport& report, const std::string& path, const xgrad::Shape& shape) {
  CHECK_FALSE(report);
  REQUIRE(report.failures.size() == 1);
  const auto& failure = report.failures[0];
  CHECK(failure.path == path);
  CHECK(failure.shape == shape);
  CHECK(failure.index < shape.size());
  CHECK(failure.tape != failure.difference);
  CHECK(report.worst > 1);
  const std::string text = to_string(report);
  CHECK(contains(text, "gradients disagree in 1 of the parameters and inputs:"));
  CHECK(contains(text, "d f / d " + path + " of shape " + to_string(shape) + " at " +
                           index_of(failure.index, shape) + ": tape "));
  CHECK(contains(text, ", central difference "));
}

}  // namespace

TEST_CASE("gradcheck: right functions pass") {
  const auto right = gradcheck(with_tanh([](const D& dy, const D& y) { return dy * (1 - y * y); }));
  CHECK(right);
  CHECK(right.compared == 12);
  CHECK(right.worst <= 1);
  CHECK(to_string(right).rfind("gradients agree: 12 compared, largest error ", 0) == 0);

  // outputs of any shape; parameters of rank 0, without numbers, and unused
  const auto shapes = gradcheck([](auto p) {
    const auto scale = p.weight("scale", {}), x = p.input("x", {3, 2}, uniform(0.5, 2));
    (void)p.weight("empty", {0, 4});
    (void)p.weight("unused", {2});
    return scale * log(x) + p.constant(D({2}, {1, -3}));
  });
  CHECK_MESSAGE(shapes, shapes);
  CHECK(shapes.compared == 1 + 6 + 0 + 2);
}

TEST_CASE("gradcheck: a function that returns its input passes") {
  CHECK(gradcheck([](auto p) { return p.input("x", {2, 2}); }));
}

TEST_CASE("gradcheck: a function of everything passes") {
  const auto report = gradcheck([](auto p) {
    const auto E = p.weight("E", {4, 3}), W = p.weight("W", {3, 3}), b = p.bias("b", {3});
    auto h = p.input("h", {2, 3});
    for (int t = 0; t < 3; ++t) h = tanh(matmul(h, W) + take(E, {t, t + 1}) + b);
    return softmax_cross_entropy(h, {0, 2});
  });
  CHECK_MESSAGE(report, report);
  CHECK(report.compared == 12 + 9 + 3 + 6);
}

TEST_CASE("gradcheck: a wrong sign is caught and named with both values") {
  const auto report = gradcheck(with_tanh([](const D& dy, const D& y) { return -(dy * (1 - y * y)); }));
  check_caught(report, "s/x", {2, 3});
  CHECK(report.failures[0].tape == doctest::Approx(-report.failures[0].difference).epsilon(1e-9));
  std::ostringstream out;
  out << report;
  CHECK(out.str() == to_string(report));
}

TEST_CASE("gradcheck: a factor of 1 + 1e-6 is caught") {
  const auto report =
      gradcheck(with_tanh([](const D& dy, const D& y) { return dy * (1 - y * y) * (1 + 1e-6); }));
  check_caught(report, "s/x", {2, 3});
  CHECK(report.failures[0].tape / report.failures[0].difference == doctest::Approx(1 + 1e-6).epsilon(1e-8));
}

TEST_CASE("gradcheck: a missing term is caught") {
  check_caught(gradcheck(with_tanh([](const D& dy, const D&) { return dy; })), "s/x", {2, 3});
}

TEST_CASE("gradcheck: a single wrong element is caught at its index") {
  const auto report = gradcheck(with_tanh([](const D& dy, const D& y) {
    D dx = dy * (1 - y * y);
    dx.mutable_data()[4] += 1e-6;
    return dx;
  }));
  check_caught(report, "s/x", {2, 3});
  CHECK(report.failures[0].index == 4);
  CHECK(contains(to_string(report), "s/x of shape (2, 3) at (1, 1): tape "));
}

TEST_CASE("gradcheck: a transposed operand is caught") {
  check_caught(gradcheck([](auto p) {
                 const auto x = p.input("x", {3, 3}), W = p.weight("W", {3, 3});
                 // y = x W: dx = dy W^T, but this multiplies with W
                 return record(
                     "my_matmul", matmul(x, W).value(),
                     wrt(x, [W](const D& dy) { return matmul(Variable<double>(dy), W).value(); }),
                     wrt(W, [x](const D& dy) { return matmul(transpose(x), Variable<double>(dy)).value(); }));
               }),
               "x", {3, 3});
}

TEST_CASE("gradcheck: a forgotten sum over a broadcast axis is caught") {
  check_caught(gradcheck([](auto p) {
                 const auto x = p.input("x", {4, 2}), b = p.bias("b", {2});
                 // y = x + b: db is the sum of dy's rows, but this takes the first
                 return record("my_add", (x + b).value(), wrt(x, [](const D& dy) { return dy; }),
                               wrt(b, [](const D& dy) { return dy.row(0); }));
               }),
               "b", {2});
}

TEST_CASE("gradcheck: an overwritten sum is caught") {
  check_caught(gradcheck([](auto p) {
                 const auto x = p.input("x", {3});
                 // used twice: the second use must add to the first, but this replaces
                 const auto copy = [&x] {
                   return record("my_copy", x.value(), wrt(x, [](const D& dy, D& dx) { dx = dy; }));
                 };
                 return copy() * 2 + copy() * 3;
               }),
               "x", {3});
}

TEST_CASE("gradcheck: infinite and undefined derivatives are failures") {
  const auto report = gradcheck(with_tanh([](const D& dy, const D&) { return dy / 0; }));
  check_caught(report, "s/x", {2, 3});
  CHECK_FALSE(gradcheck([](auto p) { return sum(log(p.input("x", {2}, uniform(-2, -1)))); }));
}

TEST_CASE("gradcheck: several wrong parameters are all named") {
  const auto report = gradcheck([](auto p) {
    const auto a = p.weight("a", {2}), b = (p / "s").weight("b", {});
    const auto twice = [](const D& dy) { return dy * 2; };
    return record("my_add", (a + b).value(), wrt(a, twice), wrt(b, twice));
  });
  REQUIRE(report.failures.size() == 2);
  CHECK(report.failures[1].path == "s/b");
  CHECK(contains(to_string(report), "\n  d f / d a of shape (2,) at ("));
  CHECK(contains(to_string(report), "\n  d f / d s/b of shape () at (): tape "));
}

TEST_CASE("gradcheck: options choose the values and the tolerance") {
  const auto slightly = with_tanh([](const D& dy, const D& y) { return dy * (1 - y * y) * (1 + 1e-6); });
  CHECK(gradcheck(slightly, {.tolerance = 1e-5}));
  std::vector<double> seen;
  const auto f = [&](auto p) {
    const auto x = p.input("x", {1});
    if (seen.empty()) seen = numbers(x.value());
    return x * x;
  };
  CHECK(gradcheck(f, {.seed = 4}));
  CHECK(seen == numbers(xgrad::Parameters<double>(4).input("x", {1}).value()));
}

TEST_CASE("gradcheck: checks an existing model at its own values") {
  const xgrad::Parameters<float> model(3);
  const auto trained = (model / "rnn").weight("W", {2, 2}, xgrad::constant(0.75));
  std::vector<double> seen;
  const auto f = [&](auto p) {
    const auto W = (p / "rnn").weight("W", {2, 2});
    const auto x = p.input("x", {3, 2});
    seen = numbers(W.value());
    return tanh(matmul(x, W));
  };
  const auto report = gradcheck(f, {.values = model});
  CHECK(report);
  CHECK(report.compared == 10);
  CHECK(seen[0] == doctest::Approx(0.75).epsilon(0.02));  // the last run moved one number by 3 h at the most
  CHECK(numbers(trained.value()) == std::vector<float>(4, 0.75F));
  const xgrad::Parameters<double> other;
  (void)(other / "rnn").weight("W", {3, 2});
  CHECK(contains(message_of([&] { gradcheck(f, {.values = other}); }), "has shape (3, 2)"));
}

TEST_CASE("gradcheck: functions that cannot be checked are refused") {
  int runs = 0;
  CHECK(contains(message_of([&] { gradcheck([&](auto p) { return p.input("x", {}) * ++runs; }); }),
                 "[gradcheck] the function is not repeatable: the same values gave "));
  runs = 0;
  const auto growing = [&](auto p) {
    const auto x = p.input("x", {3});
    return slice(x, 0, ++runs + 1);
  };
  CHECK(message_of([&] { gradcheck(growing); }) ==
        "[gradcheck] the function is not repeatable: its result had shape (2,), then (3,)");
  runs = 0;
  CHECK(contains(message_of([&] { gradcheck([&](auto p) { return p.input(++runs == 1 ? "a" : "b", {}); }); }),
                 "a checked function must declare the same parameters in every run"));
  CHECK(message_of([] { gradcheck([](auto p) { return p.constant(D(3)); }); }) ==
        "[gradcheck] the function declares no parameter and no input");
  CHECK(contains(message_of([] {
                   gradcheck([](auto p) {
                     (void)p.input("x", {2});
                     return p.constant(D(3));
                   });
                 }),
                 "not recorded on this tape"));
}

TEST_CASE("gradcheck: leaves the thread recording as before") {
  xgrad::Tape<double> tape;
  CHECK(gradcheck([](auto p) { return square(p.input("x", {2})); }));
  CHECK_THROWS(gradcheck([](auto) -> Variable<double> { throw std::runtime_error("inside"); }));
  CHECK(xgrad::Tape<double>::current() == &tape);
  CHECK(tape.size() == 0);
}
