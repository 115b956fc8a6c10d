// unroll: the same bits as a loop written by hand, values and gradients, for both forms of a cell; an error
// inside the cell names the time step; a sequence of no steps is refused.
#include <xgrad/layers/unroll.hpp>

#include <xgrad/layers/residual.hpp>
#include <xgrad/layers/rnn.hpp>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::identical;
using checks::numbers;

namespace {

template <class T>
struct Memory {
  Variable<T> h, c;
};
template <class T>
Memory(Variable<T>, Variable<T>) -> Memory<T>;

// A cell with a state of two parts and an output that is neither.
template <class T>
struct Leaky {
  Rnn<T> rnn;
  Leaky(const Parameters<T>& p, std::size_t D, std::size_t H) : rnn(p, D, H) {}
  auto operator()(const Variable<T>& x, const Memory<T>& s) const {
    const auto h = rnn(x, s.h);
    const auto c = 0.5 * s.c + h * h;
    return Step{h + c, Memory{h, c}};
  }
};
template <class T>
Leaky(Parameters<T>, std::size_t, std::size_t) -> Leaky<T>;

}  // namespace

TEST_CASE_TEMPLATE("unroll: the same bits as a loop by hand", T, float, double) {
  const Parameters<T> p(4);
  const Rnn cell(p, 3, 4);
  const auto inputs = numbers<T>({5, 2, 3}), start = numbers<T>({2, 4}, -1, 1, 2),
             weights = numbers<T>({5, 2, 4}, -1, 1, 3);
  const auto train = [&](bool by_hand) {
    Tape<T> tape;
    const auto xs = tape.leaf(inputs), h0 = tape.leaf(start);
    Unrolled<T, Variable<T>> run;
    if (by_hand) {
      Variable<T> h = h0;
      std::vector<Variable<T>> ys;
      for (std::ptrdiff_t t = 0; t < 5; ++t) ys.push_back(h = cell(select(xs, t), h));
      run = {stack(ys), h};
    } else {
      run = unroll(cell, xs, h0);
    }
    const auto gradients = tape.gradient(sum(run.ys * Variable<T>(weights)) + sum(run.state));
    return std::vector<Array<T>>{run.ys.value(),     run.state.value(),  gradients[xs],    gradients[h0],
                                 gradients[cell.Wx], gradients[cell.Wh], gradients[cell.b]};
  };
  const auto loop = train(true), unrolled = train(false);
  CHECK(to_string(unrolled[0].shape()) == "(5, 2, 4)");
  CHECK(identical(unrolled[0].row(4), unrolled[1]));
  for (std::size_t i = 0; i < loop.size(); ++i) CHECK(identical(unrolled[i], loop[i]));
}

TEST_CASE("unroll: a state of two parts and its gradients through time") {
  const auto report = checks::prove_function([](auto p) {
    const Leaky cell(p, 3, 2);
    const auto run =
        unroll(cell, p.input("xs", {4, 2, 3}), Memory{p.input("h", {2, 2}), p.input("c", {2, 2})});
    return sum(square(run.ys)) + sum(run.state.h * run.state.c);
  });
  CHECK(report);
  CHECK(report.compared == 2 * (6 + 4 + 2 + 24 + 4 + 4));
  const Parameters<double> p(4);
  const Leaky cell(p, 3, 2);
  const Variable<double> xs = numbers<double>({3, 2, 3}), zero = Array<double>::zeros({2, 2});
  auto state = Memory{zero, zero};
  const auto run = unroll(cell, xs, state);
  for (std::ptrdiff_t t = 0; t < 3; ++t) {
    const auto next = cell(select(xs, t), state);
    CHECK(identical(select(run.ys, t).value(), next.y.value()));
    state = next.state;
  }
  CHECK(identical(run.state.c.value(), state.c.value()));
}

TEST_CASE("unroll: two halves carry the state of the whole") {
  const Parameters<float> p(4);
  const Rnn cell(p, 3, 4);
  const Variable<float> xs = numbers<float>({6, 2, 3}), zero = Array<float>::zeros({2, 4});
  const auto whole = unroll(cell, xs, zero);
  const auto first = unroll(cell, slice(xs, 0, 2), zero);
  const auto second = unroll(cell, slice(xs, 2, 6), first.state);
  CHECK(identical(concat({first.ys, second.ys}).value(), whole.ys.value()));
  CHECK(identical(second.state.value(), whole.state.value()));
}

TEST_CASE("unroll: an error inside the cell names the time step") {
  const auto failing = [](const Variable<double>& x, const Variable<double>& h) {
    return x.value().data()[0] == 2 ? h + Variable<double>(numbers<double>({7})) : h;
  };
  const Variable<double> xs = Array<double>({4, 1, 1}, {0, 1, 2, 3}), h = Array<double>::zeros({1, 3});
  checks::check_error([&] { unroll(failing, xs, h); }, {"[add]", "(1, 3)", "(7,)", "(at time step 2 of 4)"});
  const Parameters<double> p;
  const Rnn cell(p / "rnn", 2, 3);
  checks::check_error([&] { unroll(cell, xs, h); }, {"[affine]", "'rnn/Wx'", "(at time step 0 of 4)"});
}

TEST_CASE("unroll: a state whose number of parts changes on the way is refused") {
  using State = std::vector<Variable<double>>;
  const Variable<double> xs = numbers<double>({4, 2, 3}), h = numbers<double>({2, 3});
  struct Growing {
    std::size_t from;  // the step in which the state has one part more
    auto operator()(const Variable<double>& x, State state) const {
      if (*TimeStep::current() >= from) state.push_back(x);
      return Step{x, state};
    }
  };
  checks::check_error([&] { unroll(Growing{0}, xs, State{h}); },
                      {"[unroll]", "a state of 1 parts and returned one of 2", "at time step 0 of 4"});
  checks::check_error(
      [&] {
        unroll(Growing{2}, xs, State{h}, {.mask = length_mask({4, 1}, 4)});
      },
      {"[combine]", "2 parts", "one of 1", "at time step 2 of 4"});
  struct Beginning {  // with two parts, where it is given one
    auto operator()(const Variable<double>& x, const State& state) const { return Step{x, state}; }
    State zero(std::size_t N) const { return State(2, Array<double>::zeros({N, 3})); }
  };
  checks::check_error(
      [&] {
        unroll(Beginning(), xs, State{h}, {.reset = Ids({4, 2}, {0, 0, 1, 0, 0, 0, 0, 0})});
      },
      {"[combine]", "2 parts", "one of 1", "at time step 1 of 4"});
}

TEST_CASE("unroll: a sequence of no steps is refused") {
  const Parameters<double> p;
  const Rnn cell(p, 3, 4);
  const Variable<double> h = Array<double>::zeros({2, 4});
  const auto run = [&](const Shape& shape) {
    return [&cell, &h, shape] { unroll(cell, Variable<double>(Array<double>::zeros(shape)), h); };
  };
  checks::check_error(run({0, 2, 3}), {"[unroll]", "at least one step", "(0, 2, 3)"});
  checks::check_error(run({3}), {"[unroll]", "xs: (T, N, D)", "(3,)"});
  checks::check_error(run({}), {"[unroll]", "()"});
}

TEST_CASE("length_mask: a number of steps that no array has is refused") {
  for (const std::size_t T : {std::size_t{1} << 32, std::size_t{1} << 63, ~std::size_t{0}})
    checks::check_error([=] { length_mask({1, 1}, T); }, {"[shape]", "axis 0", "less than 2^32"});
}

TEST_CASE("unroll: the state of a row that is only padding enters no gradient") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double x : {nan, std::numeric_limits<double>::infinity(), 1e200}) {
    CAPTURE(x);
    const Parameters<double> p(4);
    const Rnn cell(p, 1, 1, {.nonlinearity = Nonlinearity::relu});
    const Variable<double> xs = Array<double>({2, 2, 1}, {0.5, x, nan, nan});
    Tape<double> tape;
    const auto h0 = tape.leaf(Array<double>({2, 1}, {0.25, x}));
    const auto run = unroll(cell, xs, h0, {.mask = Ids({2, 2}, {1, 0, 0, 0})});
    const auto alone = cell(Variable<double>(0.5) + Array<double>::zeros({1, 1}), slice(h0, 0, 1));
    const auto gradients = tape.gradient(sum(run.ys), {.keep = true}),
               expected = tape.gradient(sum(alone), {.keep = true});
    CHECK(sum(run.ys).item() == sum(alone).item());
    for (const auto& parameter : p.list()) CHECK(identical(gradients[parameter], expected[parameter]));
    CHECK(identical(gradients[h0], expected[h0]));
  }
}

TEST_CASE("unroll: what comes back to padding enters no gradient either") {
  const Parameters<double> p(4);
  const Projected<Rnn<double>> cell(p, 3, 4, ProjectedOptions{.width = 2});
  const Variable<double> xs = numbers<double>({2, 2, 3});
  const auto weighed = [&](double at_padding) {
    Tape<double> tape;
    const auto ys = unroll(cell, xs, cell.zero(2), {.mask = length_mask({2, 1}, 2)}).ys;
    const Variable<double> weights = Array<double>({2, 2, 1}, {1, 2, 3, at_padding});
    const auto gradients = tape.gradient(sum(ys * weights));
    std::vector<Array<double>> all;
    for (const auto& parameter : p.list()) all.push_back(gradients[parameter]);
    return all;
  };
  const auto expected = weighed(0), got = weighed(std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(identical(got[i], expected[i]));
}
