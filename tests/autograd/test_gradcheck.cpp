// gradcheck: right functions pass; a wrong vjp is named with op, argument, element, both values and the kind
// of mistake; what no op explains is found in the whole function; functions of double alone are compared with
// differences; kinks and saturation are told apart from mistakes; functions that cannot be checked are
// refused. (Faults in the vjps of the library's own ops: tests/faults.)
#include <xgrad/autograd/gradcheck.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/unroll.hpp>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Complex;
using xgrad::Defect;
using xgrad::gradcheck;
using xgrad::GradcheckReport;
using xgrad::Inference;
using xgrad::Parameters;
using xgrad::record;
using xgrad::uniform;
using xgrad::Variable;
using xgrad::wrt;
using namespace xgrad::testing;

namespace {

// The value of a recorded computation, as an op of one's own computes it.
template <class F>
auto value_of(F f) {
  const Inference pause;
  return f().value();
}

// sum(c * tanh x) with a vjp of the caller's for y = tanh x: vjp(dy, y) of arrays.
template <class Vjp>
auto with_tanh(Vjp vjp) {
  return [vjp](auto p) {
    const auto x = (p / "s").input("x", {2, 3});
    const auto y = value_of([&] { return tanh(x); });
    return sum(p.weight("c", {2, 3}) *
               record("my_tanh", y, wrt(x, [y, vjp](const auto& dy) -> std::remove_cvref_t<decltype(dy)> {
                        return vjp(dy, y);
                      })));
  };
}
const auto slope = [](const auto& dy, const auto& y) { return dy * (1 - y * y); };

// my_tanh alone is wrong, at its only argument 's/x'.
const xgrad::GradcheckFailure& only_failure(const GradcheckReport& report) {
  REQUIRE_FALSE(report);
  REQUIRE_MESSAGE(report.failures.size() == 1, report);
  const auto& failure = report.failures[0];
  CHECK(failure.op == "my_tanh");
  CHECK(failure.argument == 0);
  CHECK(failure.path == "s/x");
  CHECK(to_string(failure.shape) == "(2, 3)");
  CHECK(to_string(failure.output_shape) == "(2, 3)");
  CHECK(failure.tape != failure.exact);
  CHECK(report.worst > 1);
  return failure;
}

}  // namespace

TEST_CASE("gradcheck: right functions pass") {
  const auto right = gradcheck(with_tanh(slope));
  CHECK_MESSAGE(right, right);
  CHECK(right.ops == 3);  // my_tanh, multiply, sum
  CHECK(right.compared == 0);
  CHECK(right.worst <= 1);
  CHECK(contains(to_string(right), "gradcheck: right, 3 ops proved one by one, largest error "));

  // outputs of any shape; parameters of rank 0, without numbers, and unused
  const auto f = [](auto p) {
    const auto scale = p.weight("scale", {}), x = p.input("x", {3, 2}, uniform(0.5, 2));
    (void)p.weight("empty", {0, 4});
    (void)p.weight("unused", {2});
    return scale * log(x) + p.constant(Array<double>({2}, {1, -3}));
  };
  const auto everything = gradcheck(f, {.exhaustive = true, .differences = true});
  CHECK_MESSAGE(everything, everything);
  CHECK(everything.compared == 2 * (1 + 6 + 0 + 2));
  CHECK(gradcheck(f, {.exhaustive = true}).compared == 9);
}

TEST_CASE("gradcheck: a function that returns its input passes") {
  CHECK(gradcheck([](auto p) { return p.input("x", {2, 2}); }, {.exhaustive = true}));
}

TEST_CASE("gradcheck: a function of everything passes") {
  const auto report = gradcheck(
      [](auto p) {
        const auto E = p.weight("E", {4, 3}), W = p.weight("W", {3, 3}), b = p.bias("b", {3});
        auto h = p.input("h", {2, 3});
        for (int t = 0; t < 3; ++t) h = tanh(matmul(h, W) + take(E, {t, t + 1}) + b);
        return softmax_cross_entropy(h, {0, 2});
      },
      {.exhaustive = true, .differences = true});
  CHECK_MESSAGE(report, report);
  CHECK(report.ops == 3 * 5 + 1);
  CHECK(report.compared == 2 * (12 + 9 + 3 + 6));
}

TEST_CASE("gradcheck: a wrong sign is named with both values") {
  const auto report = gradcheck(with_tanh([](const auto& dy, const auto& y) { return -slope(dy, y); }));
  const auto& failure = only_failure(report);
  CHECK(failure.diagnosis.defect == Defect::sign);
  CHECK(failure.instance == 1);
  CHECK_FALSE(failure.time_step);
  CHECK(failure.index == failure.output_index);
  CHECK(failure.tape == doctest::Approx(-failure.exact).epsilon(1e-13));
  std::ostringstream out;
  out << report;
  CHECK(out.str() == to_string(report));
  CHECK(contains(to_string(report),
                 "gradcheck: 1 wrong derivative\n  my_tanh (op 1), argument 0 's/x': wrong sign\n    d y("));
  CHECK(contains(to_string(report), ") for y of shape (2, 3), x of shape (2, 3): tape -0."));
}

TEST_CASE("gradcheck: a factor of 1 + 1e-6 is found and told") {
  const auto slightly = with_tanh([](const auto& dy, const auto& y) { return slope(dy, y) * (1 + 1e-6); });
  const auto report = gradcheck(slightly);
  const auto& failure = only_failure(report);
  CHECK(failure.diagnosis.defect == Defect::factor);
  CHECK(failure.diagnosis.factor == doctest::Approx(1 + 1e-6).epsilon(1e-12));
  CHECK(contains(to_string(report), "wrong factor, 1 + 1e-06"));
}

TEST_CASE("gradcheck: a missing term is found") {
  const auto report = gradcheck(with_tanh([](const auto& dy, const auto&) { return dy; }));
  CHECK(only_failure(report).diagnosis.defect == Defect::missing_term);
}

TEST_CASE("gradcheck: a single wrong element is found at its index") {
  const auto report = gradcheck(with_tanh([](const auto& dy, const auto& y) {
    auto dx = slope(dy, y);
    dx.mutable_data()[4] *= 1 + 1e-9;
    return dx;
  }));
  const auto& failure = only_failure(report);
  CHECK(failure.index == 4);
  CHECK(failure.output_index == 4);
  CHECK(contains(to_string(report), "d y(1, 1) / d x(1, 1)"));
}

TEST_CASE("gradcheck: a single wrong element of a large op is found by halving") {
  // 500 numbers of the argument and of the value: their Jacobian is sampled only
  const auto report = gradcheck([](auto p) {
    const auto x = p.input("x", {20, 25});
    const auto y = value_of([&] { return tanh(x); });
    return record("my_tanh", y, wrt(x, [y](const auto& dy) {
                    std::remove_cvref_t<decltype(dy)> dx = slope(dy, y);
                    dx.mutable_data()[333] = 0;
                    return dx;
                  }));
  });
  REQUIRE(report.failures.size() == 1);
  CHECK(report.failures[0].index == 333);
  CHECK(report.failures[0].output_index == 333);
  CHECK(report.failures[0].tape == 0);
}

TEST_CASE("gradcheck: an argument is told from the others, and the time step named") {
  const auto report = gradcheck([](auto p) {
    const auto U = (p / "cell").weight("U", {3, 3});
    const auto cell = [&](const auto& x, const auto& h) {
      using A = std::remove_cvref_t<decltype(x.value())>;
      const auto y = value_of([&] { return matmul(h, U) + x; });
      return tanh(record(
          "my_step", y, wrt(x, [](const A& dy) { return dy; }),
          wrt(h, [U](const A& dy) { return value_of([&] { return matmul(Variable(dy), transpose(U)); }); }),
          wrt(U, [h](const A& dy) {
            return 2 * value_of([&] { return matmul(transpose(h), Variable(dy)); });
          })));
    };
    return unroll(cell, p.input("xs", {4, 2, 3}), p.input("h0", {2, 3})).ys;
  });
  REQUIRE_MESSAGE(report.failures.size() == 1, report);
  const auto& failure = report.failures[0];
  CHECK(failure.op == "my_step");
  CHECK(failure.argument == 2);
  CHECK(failure.path == "cell/U");
  CHECK(failure.time_step == 0);
  CHECK(failure.repeats == 3);
  CHECK(failure.diagnosis.defect == Defect::factor);
  CHECK(failure.diagnosis.factor == doctest::Approx(2));
  CHECK(contains(to_string(report), "my_step (op 2, time step 0), argument 2 'cell/U': wrong factor, 2\n"));
  CHECK(contains(to_string(report), "and in 3 more instances"));
}

TEST_CASE("gradcheck: an in-place vjp that overwrites is found, whichever form it has") {
  const auto report = gradcheck([](auto p) {
    const auto x = p.input("x", {3});
    using A = std::remove_cvref_t<decltype(x.value())>;
    return record("my_copy", x.value(), wrt(x, [](const A& dy, A& dx) { dx = dy; }));
  });
  REQUIRE(report.failures.size() == 1);
  CHECK(report.failures[0].op == "my_copy");
  CHECK(report.failures[0].diagnosis.defect == Defect::overwritten);
  CHECK(contains(to_string(report), "overwritten, not added to"));
}

TEST_CASE("gradcheck: infinite and undefined derivatives are failures") {
  const auto infinite = gradcheck(with_tanh([](const auto& dy, const auto&) { return dy / 0; }));
  CHECK(only_failure(infinite).diagnosis.defect == Defect::not_finite);
  CHECK_FALSE(gradcheck([](auto p) { return sum(log(p.input("x", {2}, uniform(-2, -1)))); }));

  const auto added_in_place = gradcheck([](auto p) {
    const auto x = p.input("x", {3});
    using A = std::remove_cvref_t<decltype(x.value())>;
    return record("my_copy", x.value(), wrt(x, [](const A& dy, A& dx) { dx = dx + dy / 0; }));
  });
  REQUIRE(added_in_place.failures.size() == 1);
  CHECK(added_in_place.failures[0].op == "my_copy");
  CHECK(added_in_place.failures[0].diagnosis.defect == Defect::not_finite);  // nothing is overwritten
}

TEST_CASE("gradcheck: an undefined derivative that a direction hides is found on plain numbers") {
  const auto report = gradcheck([](auto p) {
    const auto x = p.input("x", {3}, xgrad::constant(0));
    const auto my_square = [&] {
      const auto y = value_of([&] { return x * x; });
      return record("my_square", y, wrt(x, [=](const auto& dy) { return 2 * dy * y / x.value(); }));
    };
    const auto once = my_square();
    return once * my_square();
  });
  REQUIRE_MESSAGE(report.failures.size() == 1, report);
  const auto& failure = report.failures[0];
  CHECK(failure.op == "my_square");
  CHECK(failure.path == "x");
  CHECK(failure.repeats == 1);
  CHECK(failure.diagnosis.defect == Defect::not_finite);
  CHECK(std::isnan(failure.tape));
  CHECK(failure.exact == 0);
}

TEST_CASE("gradcheck: derivatives that vanish altogether are no mistake") {
  const auto report = gradcheck(
      [](auto p) {
        const auto x = p.input("x", {3}, xgrad::constant(0));
        return x * x * x + record("my_cube", x.value() * x.value() * x.value(),
                                  wrt(x, [=](const auto& dy) { return 3 * dy * x.value() * x.value(); }));
      },
      {.exhaustive = true});
  CHECK_MESSAGE(report, report);
  CHECK(report.all_zero);
}

TEST_CASE("gradcheck: a term that lacks its dy is found, though each single derivative is right") {
  const auto report = gradcheck([](auto p) {
    const auto x = p.input("x", {1, 4});
    const auto y = value_of([&] { return log_softmax(x); });
    const auto softmax = value_of([&] { return exp(Variable(y)); });
    return record("my_log_softmax", y, wrt(x, [=](const auto& dy) { return dy - softmax; }));
  });
  REQUIRE(report.failures.size() == 1);
  CHECK(report.failures[0].diagnosis.defect == Defect::missing_term);
  CHECK(contains(to_string(report), "right for each number of dy by itself and wrong for several"));
}

TEST_CASE("gradcheck: several wrong ops and arguments are all named") {
  const auto report = gradcheck([](auto p) {
    const auto a = p.weight("a", {2}), b = (p / "s").weight("b", {});
    const auto twice = [](const auto& dy) { return dy * 2; };
    const auto c = record("my_add", value_of([&] { return a + b; }), wrt(a, twice), wrt(b, twice));
    return record("my_negate", -c.value(), wrt(c, [](const auto& dy) { return dy * 1; }));
  });
  REQUIRE(report.failures.size() == 3);
  CHECK(report.failures[0].path == "a");
  CHECK(report.failures[1].path == "s/b");
  CHECK(report.failures[2].op == "my_negate");
  CHECK(contains(to_string(report), "gradcheck: 3 wrong derivatives"));
}

TEST_CASE("gradcheck: a value computed by recorded ops is named as such") {
  const auto report = gradcheck([](auto p) {
    const auto x = p.input("x", {2, 3});
    const auto y = tanh(x).value();  // recorded: its direction is not that of x any more
    return record("my_tanh", y, wrt(x, [y](const auto& dy) { return slope(dy, y); }));
  });
  REQUIRE(report.failures.size() == 1);
  CHECK(report.failures[0].diagnosis.defect == Defect::independent);
  CHECK(contains(to_string(report), "from arrays, or with recording paused by Inference"));
}

TEST_CASE("gradcheck: what every op does right but the whole does not is named by its parameter") {
  const auto lost = [](auto p) {  // x.value() is a constant: half of the gradient goes by
    const auto x = (p / "s").input("x", {2, 3});
    return x * Variable(x.value()) + p.weight("c", {3});
  };
  for (const bool exhaustive : {false, true}) {
    const auto report = gradcheck(lost, {.exhaustive = exhaustive});
    REQUIRE_MESSAGE(report.failures.size() == 1, report);
    CHECK(report.failures[0].op.empty());
    CHECK(report.failures[0].path == "s/x");
    CHECK(report.failures[0].diagnosis.factor == doctest::Approx(0.5));
    CHECK(contains(to_string(report), "\n  the whole function: wrong factor, 0.5\n    d f / d 's/x' ("));
  }
  // more numbers than are all computed: found by halving
  const auto large = gradcheck([](auto p) {
    const auto x = p.input("x", {30, 20});
    auto one = Array<double>::zeros({30, 20});
    one.mutable_data()[417] = 1;
    return x + x * Variable(x.value()) * p.constant(one);
  });
  REQUIRE(large.failures.size() == 1);
  CHECK(large.failures[0].index == 417);
}

TEST_CASE("gradcheck: detach and reset rows cut the derivative that is carried, too") {
  CHECK(gradcheck([](auto p) {
    const auto x = p.input("x", {3, 2});
    return x * detach(x) + detach(p.weight("w", {2})) * reset_rows(x, {0, 1, 0});
  }));
}

TEST_CASE("gradcheck: a function of double alone is compared with central differences") {
  using D = Array<double>;
  const auto with = [](double factor) {
    return [factor](Parameters<double> p) {
      const auto x = (p / "s").input("x", {2, 3});
      const D y = tanh(x).value();
      return sum(p.weight("c", {2, 3}) *
                 record("my_tanh", y, wrt(x, [=](const D& dy) { return factor * (dy * (1 - y * y)); })));
    };
  };
  const auto right = gradcheck(with(1));
  CHECK_MESSAGE(right, right);
  CHECK(right.ops == 0);
  CHECK(right.compared == 12);
  CHECK(contains(to_string(right), "gradcheck: right, 12 derivatives compared, largest error "));
  for (const double factor : {-1.0, 1 + 1e-6, 0.5}) {
    const auto report = gradcheck(with(factor));
    REQUIRE(report.failures.size() == 1);
    CHECK(report.failures[0].op.empty());
    CHECK(report.failures[0].path == "s/x");
    CHECK(report.failures[0].diagnosis.factor == doctest::Approx(factor).epsilon(1e-8));
  }
}

TEST_CASE("gradcheck: kinks are reported as kinks") {
  const auto zero = xgrad::constant(0);
  const auto at_kink = [&](auto p) { return relu(p.input("x", {2}, zero)) + p.input("z", {2}); };
  const auto report = gradcheck(at_kink, {.exhaustive = true});
  CHECK(report);
  REQUIRE(report.kinks.size() == 1);
  CHECK(report.kinks[0].op == "relu");
  CHECK(report.kinks[0].instance == 1);
  CHECK(report.kinks[0].count == 2);
  CHECK(contains(to_string(report),
                 "a kink: relu (op 1) has 2 numbers where the two sides have different slopes"));
  CHECK(gradcheck([](auto p) { return relu(p.input("x", {9})); }).kinks.empty());

  // another convention at 0 is no mistake; a wrong slope beside 0 is one, on a kink as well
  const auto my_relu = [&](double slope_at_0, double factor) {
    return [=](auto p) {
      const auto x = p.input("x", {2}, zero);
      using A = std::remove_cvref_t<decltype(x.value())>;
      const auto y = value_of([&] { return relu(x); });
      return record("my_relu", y, wrt(x, [=, x = x.value()](const A& dy) {
                      A dx = dy.copy();
                      for (std::size_t i = 0; i < dx.size(); ++i) {
                        const double xi = xgrad::scalar::real(x.data()[i]);
                        dx.mutable_data()[i] *= factor * (xi > 0 ? 1.0 : xi < 0 ? 0.0 : slope_at_0);
                      }
                      return dx;
                    }));
    };
  };
  GradcheckReport proof;
  const xgrad::Values at_zero{{"x", Array<double>::zeros({2})}};
  xgrad::prove_ops(my_relu(0.5, 1), at_zero, 0, proof);
  CHECK(proof);
  CHECK(proof.kinks.size() == 1);
  GradcheckReport wrong;
  xgrad::prove_ops(my_relu(0.5, 2), at_zero, 0, wrong);
  CHECK_FALSE(wrong);

  const auto differences =
      gradcheck([&](Parameters<double> p) { return relu(p.input("x", {2}, zero)) + p.input("z", {2}); });
  CHECK(differences);
  REQUIRE(differences.kinks.size() == 1);
  CHECK(differences.kinks[0].count == 2);
  // a slope that is the same on both sides, even 0, is no kink
  CHECK_FALSE(gradcheck([](Parameters<double> p) {
    const auto x = p.input("x", {2});
    return record("my_flat", Array<double>({2}, {1, 2}),
                  wrt(x, [](const Array<double>& dy) { return 0.5 * dy; }));
  }));
  // of two wrong elements, the one beside the kink is found
  CHECK_FALSE(gradcheck([&](Parameters<double> p) {
    const auto x =
        p.input("x", {2}, [](auto&, std::span<double> numbers) { numbers[0] = 0, numbers[1] = 1; });
    return record("my_relu", relu(x).value(), wrt(x, [](const Array<double>& dy) { return 2 * dy; }));
  }));
}

TEST_CASE("gradcheck: a saturated op is not judged, and the report says so") {
  const auto f = [](auto p) { return tanh(p.input("x", {3}, uniform(10, 15))); };
  const auto report = gradcheck(f);
  CHECK(report.saturated == 1);
  CHECK(contains(to_string(report), "1 ops are saturated"));
  // but small derivatives are judged, if the value is small as well
  const auto tiny = gradcheck([](auto p) {
    const auto x = p.input("x", {3});
    return record("my_scale", 1e-30 * x.value(), wrt(x, [](const auto& dy) { return -1e-30 * dy; }));
  });
  REQUIRE(tiny.failures.size() == 1);
  CHECK(tiny.failures[0].diagnosis.defect == Defect::sign);
}

// A shift changes no softmax: what the derivatives are is rounding, in the sweep and in complex numbers
// alike.
TEST_CASE("gradcheck: derivatives that cancel to nothing are no failure") {
  const auto total = [](auto p) { return sum(softmax(p.input("x", {2}))); };
  const auto shift = [](auto p) { return softmax(take(reshape(p.input("x", {}), {1}), {0, 0, 0, 0})); };
  // Zero times x, and the square of h = 1e-100 where the zero comes from a logarithm.
  const auto product = [](auto p) {
    const auto x = p.input("x", {});
    return 0.075 * (x * log_softmax(reshape(x, {1})));
  };
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const xgrad::GradcheckOptions options{.seed = seed, .exhaustive = true, .differences = true};
    const auto of_total = gradcheck(total, options), of_shift = gradcheck(shift, options),
               of_product = gradcheck(product, options);
    CHECK_MESSAGE(of_total, of_total);
    CHECK_MESSAGE(of_shift, of_shift);
    CHECK_MESSAGE(of_product, of_product);
  }
}

TEST_CASE("gradcheck: the seed chooses the values") {
  std::vector<double> seen;
  const auto f = [&](Parameters<double> p) {
    const auto x = p.input("x", {1});
    if (seen.empty()) seen = numbers(x.value());
    return x * x;
  };
  CHECK(gradcheck(f, {.seed = 4}));
  CHECK(seen == numbers(xgrad::Parameters<double>(4).input("x", {1}).value()));
}

TEST_CASE("gradcheck: checks an existing model at its own values, a float one included") {
  const xgrad::Parameters<float> model(3);
  const auto trained = (model / "rnn").weight("W", {2, 2}, xgrad::constant(0.75));
  std::vector<double> seen;
  const auto f = [&](auto p) {
    const auto W = (p / "rnn").weight("W", {2, 2});
    const auto x = p.input("x", {3, 2});
    seen = numbers(W.value().template cast<double>());
    return tanh(matmul(x, W));
  };
  const auto report = gradcheck(f, {.values = model, .exhaustive = true});
  CHECK(report);
  CHECK(report.compared == 10);
  CHECK(seen == std::vector<double>(4, 0.75));
  CHECK(numbers(trained.value()) == std::vector<float>(4, 0.75F));
  const xgrad::Parameters<double> other;
  (void)(other / "rnn").weight("W", {3, 2});
  CHECK(contains(message_of([&] { gradcheck(f, {.values = other}); }), "has shape (3, 2)"));
}

TEST_CASE("gradcheck: functions that cannot be checked are refused") {
  int runs = 0;
  const auto moving = [&](auto p) { return p.input("x", {}) * (1 + 1e-15 * ++runs); };
  CHECK(contains(message_of([&] { gradcheck(moving); }),
                 "[gradcheck] the function is not repeatable: the same values gave "));
  CHECK(gradcheck(moving, {.repeatable = false}));
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
  runs = 0;
  CHECK(contains(message_of([&] {
                   gradcheck([&](auto p) {
                     const auto x = p.input("x", {2});
                     ++runs;  // the vjp's first two sweeps differ in a bit
                     return record("my_copy", x.value(),
                                   wrt(x, [n = runs](const auto& dy) { return dy * (1 + 1e-15 * (n % 2)); }));
                   });
                 }),
                 "[gradcheck] the gradient is not repeatable: d f / d 'x' (0,) was "));
  CHECK(message_of([] { gradcheck([](auto p) { return p.constant(Array<double>(3)); }); }) ==
        "[gradcheck] the function declares no parameter and no input");
  CHECK(contains(message_of([] {
                   gradcheck([](auto p) {
                     (void)p.input("x", {2});
                     return p.constant(Array<double>(3));
                   });
                 }),
                 "not recorded on this tape"));
}

TEST_CASE("gradcheck: says when every derivative is zero") {
  const auto report = gradcheck([](auto p) { return 0 * p.input("x", {2}); });
  CHECK(report);
  CHECK(report.all_zero);
  CHECK(contains(to_string(report), "every derivative is zero"));
}

TEST_CASE("gradcheck: leaves the thread recording as before") {
  xgrad::Tape<double> tape;
  CHECK(gradcheck([](auto p) { return square(p.input("x", {2})); }));
  CHECK_THROWS(gradcheck([](Parameters<double>) -> Variable<double> { throw std::runtime_error("inside"); }));
  CHECK(xgrad::Tape<double>::current() == &tape);
  CHECK(xgrad::Tape<Complex>::current() == nullptr);
  CHECK(tape.size() == 0);
}
