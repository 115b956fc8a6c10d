// recompute: the values and gradients of a plain call, to the bit; what is saved; draws by key, several
// results, parts within parts; and what is refused.
#include <xgrad/autograd/ops/recompute.hpp>

#include <xgrad/autograd/derivatives.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/models/rnnlm.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

// A part with three ops on the way, two parameters, one of them used twice.
template <class T>
Variable<T> part(const Parameters<T>& p, const Variable<T>& x) {
  return tanh(matmul(tanh(matmul(x, p["W"]) + p["b"]), p["W"]));
}

template <class T>
Parameters<T> some_parameters() {
  Parameters<T> p(3);
  (void)p.weight("W", {4, 4});
  (void)p.weight("b", {4});
  return p;
}

}  // namespace

TEST_CASE_TEMPLATE("recompute: values and gradients are those of a plain call to the bit", T, float, double) {
  const auto p = some_parameters<T>();
  const auto run = [&](bool again) {
    Tape<T> tape;
    const auto x = tape.leaf(numbers<T>({3, 4}, -1, 1, 2));
    const auto y =
        again ? recompute([&](const auto& a) { return part(p, a); }, square(x)) : part(p, square(x));
    const auto gradients = tape.gradient(sum(y * y));
    return std::vector<Array<T>>{y.value(), gradients[x], gradients[p["W"]], gradients[p["b"]]};
  };
  const auto plain = run(false), again = run(true);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(identical(plain[i], again[i]));
}

TEST_CASE("recompute: the tape keeps nothing but the inputs") {
  const auto p = some_parameters<float>();
  Tape<float> tape;
  const auto x = tape.leaf(numbers<float>({3, 4}));
  const std::size_t before = tape.size();
  const auto y = recompute([&](const auto& a) { return part(p, part(p, part(p, a))); }, x);
  CHECK(tape.size() == before + 3);  // the parameters and the result
  CHECK(tape.nodes().back().op == std::string("recompute"));
  CHECK(tape.gradient(sum(y))[x].size() == 12);
}

TEST_CASE("recompute: several inputs and several results, of which some are not used") {
  const auto f = [](const std::vector<Variable<double>>& xs) {
    return std::vector<Variable<double>>{xs[0] * xs[1], sum(xs[0], {1}), Variable<double>(2.0)};
  };
  const auto run = [&](bool again, bool second) {
    Tape<double> tape;
    const std::vector<Variable<double>> xs{tape.leaf(numbers<double>({2, 3}, -1, 1, 2)),
                                           tape.leaf(numbers<double>({3}, -1, 1, 3))};
    const auto ys = again ? recompute<double>(f, xs) : f(xs);
    REQUIRE(ys.size() == 3);
    CHECK(ys[1].shape() == Shape{2});
    CHECK(ys[2].item() == 2);
    const auto loss = second ? sum(exp(ys[1])) : sum(square(ys[0])) + sum(exp(ys[1])) * ys[2];
    const auto gradients = tape.gradient(loss, {.unreached = zeros});
    return std::vector<Array<double>>{gradients[xs[0]], gradients[xs[1]]};
  };
  for (const bool second : {false, true}) {
    const auto plain = run(false, second), again = run(true, second);
    for (std::size_t i = 0; i < 2; ++i) CHECK(identical(plain[i], again[i]));
  }
}

TEST_CASE("recompute: draws by key are the same, and the time step is that of the first run") {
  const Parameters<float> p(1);
  const RecurrentDropout<Lstm<float>> cell(p / "lstm", 4, 4, {.rate = 0.5});
  const auto noisy = for_training(cell, RandomKey(7));
  const auto run = [&](bool again) {
    Tape<float> tape;
    const auto x = tape.leaf(numbers<float>({2, 4}, -1, 1, 2));
    auto state = zero_state<float>(noisy, 2, 4);
    Variable<float> total = 0;
    for (std::size_t t = 0; t < 4; ++t) {
      const TimeStep now(t);
      const auto step_of = [&](const std::vector<Variable<float>>& xs) {
        auto next = step(noisy, xs[0], LstmState<float>{xs[1], xs[2]});
        return std::vector<Variable<float>>{next.y, next.state.h, next.state.c};
      };
      const std::vector<Variable<float>> inputs{x, state.h, state.c};
      const auto ys = again ? recompute<float>(step_of, inputs) : step_of(inputs);
      state = {ys[1], ys[2]};
      total += sum(square(ys[0]));
    }
    const auto gradients = tape.gradient(total);
    return std::vector<Array<float>>{total.value(), gradients[x]};
  };
  const auto plain = run(false), again = run(true);
  CHECK(identical(plain[0], again[0]));
  for (std::size_t i = 0; i < 8; ++i)
    CHECK(again[1].data()[i] == doctest::Approx(plain[1].data()[i]).epsilon(1e-6));
}

TEST_CASE("recompute: the gradient of a table is row-sparse, and that of a frozen parameter is none") {
  const Parameters<float> p(1);
  const auto E = p.weight("E", {50, 3}), W = (p / "out").weight("W", {3, 3});
  const Ids ids({2, 2}, {4, 9, 4, 1});
  const auto f = [&](const auto& x) { return matmul(take(E, ids), W) * x; };
  Tape<float> tape;
  const auto x = tape.leaf(numbers<float>({2, 2, 3}));
  const auto gradients = tape.gradient(sum(recompute(f, x)));
  REQUIRE(gradients.stored(E) != nullptr);
  CHECK(std::holds_alternative<RowSparse<float>>(*gradients.stored(E)));
  CHECK(gradients.reached(W));
  freeze(p / "out");
  Tape<float> second;
  const auto z = second.leaf(numbers<float>({2, 2, 3}));
  CHECK_FALSE(second.gradient(sum(recompute(f, z)), {.unreached = zeros}).reached(W));
}

TEST_CASE("recompute: parts within parts, sweeps that are kept, and second derivatives") {
  const auto p = some_parameters<double>();
  const auto inner = [&](const auto& x) { return part(p, x); };
  const auto outer = [&](const auto& x) { return exp(recompute(inner, x)) + recompute(inner, square(x)); };
  const auto plain = [&](const auto& x) { return exp(inner(x)) + inner(square(x)); };
  const auto gradient = [&](const auto& f) {
    Tape<double> tape;
    const auto x = tape.leaf(numbers<double>({3, 4}, -1, 1, 2));
    const auto y = sum(f(x));
    const auto first = tape.gradient(y, {.keep = true}), second = tape.gradient(y);
    CHECK(identical(first[x], second[x]));
    CHECK(identical(first[p["W"]], second[p["W"]]));
    return first[p["W"]];
  };
  const auto a = gradient([&](const auto&x) { return recompute(outer, x); }), b = gradient(plain);
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK(a.data()[i] == doctest::Approx(b.data()[i]).epsilon(1e-13));
}

TEST_CASE("recompute: gradcheck sees every op of the part, and derivatives along directions go through it") {
  const auto report = checks::prove_function([](auto p) {
    const auto W = p.weight("W", {4, 4});
    return recompute([W](const auto& x) { return tanh(matmul(x, W)); }, p.input("x", {3, 4}));
  });
  CHECK(report);
  CHECK(report.compared == 2 * (16 + 12));
}

TEST_CASE("recompute: a parameter that is used without effect has no gradient, as in a plain call") {
  const auto p = some_parameters<float>();
  const auto f = [&](const auto& x) {
    (void)matmul(x, p["W"]);
    return x + p["b"];
  };
  Tape<float> tape;
  const auto x = tape.leaf(numbers<float>({3, 4}));
  const auto gradients = tape.gradient(sum(recompute(f, x)));
  CHECK(gradients.reached(p["b"]));
  CHECK_FALSE(gradients.reached(p["W"]));
}

TEST_CASE("recompute: a window of a language model") {
  const Parameters<float> p(5);
  const Rnnlm<float, Lstm<float>> model(p, 20, 6, 8);
  const Ids inputs({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), targets({4, 2}, {3, 4, 5, 6, 7, 8, 9, 10});
  const auto run = [&](bool again) {
    Tape<float> tape;
    const auto loss = [&](const std::vector<Variable<float>>& s) {
      return model.loss(inputs, targets, LstmState<float>{s[0], s[1]}).y;
    };
    const auto zero = model.zero(2);
    const std::vector<Variable<float>> state{zero.h, zero.c};
    const auto y = again ? recompute<float>(loss, state) : loss(state);
    return tape.gradient(y);
  };
  const auto plain = run(false), again = run(true);
  for (const auto& w : p.list()) CHECK(identical(plain[w], again[w]));
}

TEST_CASE("recompute: without a tape, without anything to differentiate, and the identity") {
  const auto twice = [](const auto& x) { return 2 * x; };
  CHECK(recompute(twice, Variable<double>(3.0)).item() == 6);
  const Parameters<double> p(1);
  const auto W = p.weight("W", {2});
  Tape<double> tape;
  CHECK(recompute(twice, Variable<double>(3.0)).item() == 6);
  CHECK(tape.size() == 0);
  const auto x = tape.leaf(numbers<double>({2}));
  const auto constant = recompute([](const auto&) { return Variable<double>(5.0); }, x);
  CHECK(tape.node(constant) == no_node);
  Tape<Complex> complex;  // where a constant may carry a derivative
  const auto carried = recompute([](const auto& a) { return 2 * a; }, Variable<Complex>(Complex(3, 1)));
  CHECK(carried.item() == Complex(6, 2));
  const auto same = recompute([](const auto& a) { return a; }, x);
  CHECK(tape.gradient(sum(same), {.keep = true})[x].data()[0] == 1);
  const auto parameter = recompute([&](const auto&) { return W; }, x);
  CHECK(tape.gradient(sum(parameter), {.unreached = zeros})[W].data()[1] == 1);
  CHECK(recompute<double>([](const auto&) { return std::vector<Variable<double>>(); }, {x}).empty());
}

TEST_CASE("recompute: a variable of the tape that the part uses and that is no input has its gradient") {
  const auto p = some_parameters<double>();
  const auto run = [&](bool again) {
    Tape<double> tape;
    const auto x = tape.leaf(numbers<double>({3, 4}, -1, 1, 2)),
               y = tape.leaf(numbers<double>({3, 4}, -1, 1, 3)), number = sum(y), used = exp(y);
    const auto f = [&](const auto& a) {
      const auto deeper = [&](const auto& b) { return b * used + part(p, y); };
      return recompute(deeper, a * number) + used;
    };
    const auto z = again ? recompute(f, x) : f(x);
    const auto gradients = tape.gradient(sum(square(z)), {.of = {used, number}});
    return std::vector<Array<double>>{z.value(),         gradients[x],    gradients[y],
                                      gradients[number], gradients[used], gradients[p["W"]]};
  };
  const auto plain = run(false), again = run(true);
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(checks::distance(again[i], plain[i]) < 1e-14);
}

TEST_CASE("recompute: a variable of a tape that was opened later, and a changed parameter, are refused") {
  Tape<double> tape;
  const auto x = tape.leaf(numbers<double>({2}));
  std::optional<Variable<double>> kept;
  recompute([&](const auto& a) { return *(kept = 2 * a); }, x);
  checks::check_error([&] { sum(*kept * x); }, {"was opened after this one and has ended"});
  CHECK(tape.gradient(sum(x * x))[x].data()[0] == 2 * x.value().data()[0]);
  const Parameters<double> p(1);
  const auto W = p.weight("W", {2});
  Tape<double> second;
  const auto z = second.leaf(numbers<double>({2}));
  const auto loss = sum(recompute([&](const auto& a) { return a * W; }, z));
  p.assign("W", numbers<double>({2}, 5, 6));
  checks::check_error([&] { second.gradient(loss); }, {"'W' was changed after this tape used it"});
}
