// Products with the Hessian of a model in training: against differences of gradients, at the values of float
// and double models, the map form, symmetry; penalties on gradients and a step of MAML, whole; and how often
// the function runs.
#include <xgrad/autograd/derivatives.hpp>

#include <cmath>
#include <numeric>

#include <doctest/doctest.h>

#include <xgrad/autograd/ops.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/layers/lstm.hpp>
#include <xgrad/layers/rnn.hpp>
#include <xgrad/layers/unroll.hpp>
#include <xgrad/models/rnnlm.hpp>
#include <xgrad/training/sgd.hpp>

#include "autograd/errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

using D = Array<double>;

const D data({3, 2}, {0.5, -1, 2, 0.25, -0.7, 1.3});
const Ids classes({0, 2, 1}), others({1, 1, 0});

// A net of two layers, its loss on one of two tasks.
auto net(const Ids& targets) {
  return [targets]<class S>(const Parameters<S>& p) {
    const auto h = tanh(affine({p.constant(data), p.weight("W", {2, 4})}, p.weight("b", {4})));
    return softmax_cross_entropy(matmul(h, (p / "out").weight("W", {4, 3})), targets, Reduction::mean);
  };
}

const auto word_model = []<class S>(const Parameters<S>& p) {
  const Ids ids({3, 2}, {1, 4, 0, 4, 2, 1}), targets({3, 2}, {4, 0, 4, 2, 1, 1});
  const auto model = Rnnlm<S, Lstm<S>>(p, 6, 3, 4, {.dropout = 0.3}).for_training(RandomKey(7));
  return model.loss(ids, targets, model.zero(2)).y;
};

template <class T, class F>
Parameters<T> drawn(F f, std::uint32_t seed = 2) {
  Parameters<T> p(seed);
  f(p);
  return p;
}

Values random_values(const Values& like, std::uint32_t seed) {
  Random random(seed);
  Values v;
  for (const auto& [path, value] : like) v.emplace(path, random_direction(value.shape(), random));
  return v;
}

template <class F>
Values gradient_at(F f, const Values& values) {
  Tape<double> tape;
  const Parameters<double> p(values);
  const auto gradients = tape.gradient(f(p), {.unreached = zeros});
  Values result;
  for (const auto& x : p.list()) result.emplace(x.parameter()->path, gradients[x]);
  return result;
}

// d/dt g(values + t v) at t = 0, by differences of order 6.
template <class G>
Values difference(G g, const Values& values, const Values& v, double h = 3e-3) {
  Values sum;
  for (const auto& [step, weight] : {std::pair(1, 45.0), {2, -9.0}, {3, 1.0}})
    for (const int sign : {1, -1}) {
      Values moved;
      for (const auto& [path, value] : values) moved.emplace(path, value + sign * step * h * v.at(path));
      for (const auto& [path, term] : g(moved)) {
        const D part = sign * weight / (60 * h) * term;
        const auto [place, fresh] = sum.try_emplace(path, part);
        if (!fresh) place->second = place->second + part;
      }
    }
  return sum;
}

double size(const D& x) {
  double largest = 0;
  for (const double xi : x) largest = std::max(largest, std::abs(xi));
  return largest;
}

void check_close(const Values& a, const Values& b, double relative) {
  REQUIRE(a.size() == b.size());
  for (const auto& [path, x] : a) {
    const std::string name = path;
    CAPTURE(name);
    REQUIRE(x.shape() == b.at(path).shape());
    CHECK(size(x - b.at(path)) <= relative * std::max(size(b.at(path)), 1e-3));
  }
}

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (const auto& [path, x] : a)
    for (std::size_t i = 0; i < x.size(); ++i) sum += x.data()[i] * b.at(path).data()[i];
  return sum;
}

// dL/dtheta of L(theta), element by element.
template <class L>
Values differences(L loss, const Values& values) {
  Values result;
  for (const auto& [path, value] : values) {
    D g = D::zeros(value.shape());
    for (std::size_t i = 0; i < value.size(); ++i) {
      Values v;
      for (const auto& [other, x] : values) v.emplace(other, D::zeros(x.shape()));
      v.at(path) = unit_direction(value.shape(), i);
      const auto as_values = [&](const Values& at) { return Values{{"L", D(loss(at))}}; };
      g.mutable_data()[i] = difference(as_values, values, v).at("L").item();
    }
    result.emplace(path, g);
  }
  return result;
}

template <class T>
constexpr double exactness = std::is_same_v<T, float> ? 1e-4 : 1e-8;

template <class T>
Gradients<T> direction_of(const Parameters<T>& p, const Values& v) {
  return Gradients<T>(p, v, zeros);
}

}  // namespace

TEST_CASE_TEMPLATE("hvp: of a model is the difference of gradients, symmetric, and the map form", T, float,
                   double) {
  const auto check = [](auto f) {
    const Parameters<T> p = drawn<T>(f);
    const Values values = p.values();
    const Gradients<T> u = direction_of(p, random_values(values, 3)),
                       v = direction_of(p, random_values(values, 4));
    const Values Hv = hvp(f, p, v).values(), Hu = hvp(f, p, u).values();
    check_close(Hv, difference([&](const Values& at) { return gradient_at(f, at); }, values, v.values()),
                exactness<T>);
    check_close(Hv, hvp(f, values, v.values()), std::is_same_v<T, float> ? 1e-7 : 0);
    CHECK(dot(u.values(), Hv) ==
          doctest::Approx(dot(v.values(), Hu)).epsilon(std::is_same_v<T, float> ? 1e-5 : 1e-12));
  };
  check(net(classes));
  check(word_model);  // with an embedding, and dropout by a key
}

TEST_CASE_TEMPLATE("hvp: what f does not declare, freezes, or the direction lacks, counts as 0", T, float,
                   double) {
  const auto f = net(classes);
  Parameters<T> p = drawn<T>(f);
  const auto unused = (p / "unused").weight("W", {2, 3});
  const Values v = random_values(p.values(), 3);
  const Gradients<T> Hv = hvp(f, p, direction_of(p, v));
  CHECK(size(Hv[unused].template cast<double>()) == 0);
  CHECK(Hv.stored(unused) == nullptr);

  const Gradients<T> of_b = direction_of(p, {{"b", v.at("b")}});
  check_close(hvp(f, p, of_b).values(), hvp(f, p, {.directions = of_b.values()}).values(), 0);
  const auto frozen = [&]<class S>(const Parameters<S>& q) {
    const auto all = net(classes);
    all(q);
    return all(q.derived([](const Variable<S>& w) { return w.parameter()->path == "W" ? detach(w) : w; }));
  };
  const Values of_frozen = hvp(frozen, p, direction_of(p, v)).values();
  CHECK(size(of_frozen.at("W")) == 0);
  Values without = v;
  without.erase("W");
  const Values rest = hvp(f, p, direction_of(p, without)).values();
  CHECK(size(of_frozen.at("b") - rest.at("b")) == 0);
  CHECK(size(rest.at("b")) > 0);
}

TEST_CASE("hvp: of the part of a model that is below a scope") {
  const Parameters<double> whole;
  const auto f = net(classes);
  f(whole / "a" / "net");
  const auto head = (whole / "head").weight("W", {2});
  const Parameters<double> alone(((whole / "a") / "net").values());
  f(alone);
  const auto gradient = [&](const Parameters<double>& p) {
    Tape<double> tape;
    const auto W = p["W"], b = p["b"], out = p["out/W"];
    const auto h = tanh(affine({data, W}, b));
    return tape.gradient(softmax_cross_entropy(matmul(h, out), classes, Reduction::mean) + sum(head));
  };
  // Of the head there is a direction, too, which is not below the scope.
  const auto all = gradient(alone).values();
  const Gradients<double> own(alone, {{"W", all.at("W")}, {"b", all.at("b")}, {"out/W", all.at("out/W")}});
  const auto expected = hvp(f, alone, own);
  const auto product = hvp(f, whole / "a" / "net", gradient(whole / "a" / "net"));
  for (const char* path : {"W", "b", "out/W"})
    CHECK(numbers(product[(whole / "a" / "net")[path]]) == numbers(expected[alone[path]]));
}

TEST_CASE_TEMPLATE("hvp: a direction of another list of the same paths, and an optimizer's step", T, float,
                   double) {
  const auto f = word_model;
  const Parameters<T> p = drawn<T>(f), other(p.values());
  f(other);
  const Values v = random_values(p.values(), 3), before = p.values();
  const Gradients<T> Hv = hvp(f, p, direction_of(other, v));
  check_close(Hv.values(), hvp(f, p, direction_of(p, v)).values(), 0);
  Sgd<T>(p, 0.5).step(Hv);
  Values expected;
  for (const auto& [path, value] : before) expected.emplace(path, value - 0.5 * Hv.values().at(path));
  check_close(p.values(), expected, 1e-6);
  CHECK(size(p.values().at("embed/W") - before.at("embed/W")) > 0);
}

TEST_CASE_TEMPLATE("hvp: the gradient of a penalty on the gradient of the input", T, float, double) {
  const auto check = [](auto f, const D& x) {
    const Parameters<double> all =
        drawn<double>([&](const auto& p) { return f(p, p.input("x", x.shape())); });
    Values values = all.values();
    values.erase("x");
    const Parameters<T> p(values);
    f(p, p.constant(x));
    values = p.values();
    const auto with_input = [&](const auto& q) { return f(q, q.input("x", x.shape())); };
    const auto slope_at = [&](const Values& at) {
      Values both = at;
      both.emplace("x", x);
      return gradient_at(with_input, both).at("x");
    };
    const D slope = slope_at(values);
    const Values half = hvp(with_input, p, {.inputs = {{"x", x}}, .directions = {{"x", slope}}}).values();
    Values got;
    for (const auto& [path, g] : half) got.emplace(path, 2 * g);
    const auto penalty = [&](const Values& at) {
      const D g = slope_at(at);
      return std::inner_product(g.begin(), g.end(), g.begin(), 0.0);
    };
    check_close(got, differences(penalty, values), exactness<T>);
  };
  check(
      []<class S>(const Parameters<S>& p, const Variable<S>& x) {
        const auto h = tanh(affine({x, p.weight("W", {2, 4})}, p.weight("b", {4})));
        return sum(matmul(h, p.weight("V", {4, 1})));
      },
      data);
  check(
      []<class S>(const Parameters<S>& p, const Variable<S>& xs) {
        const Rnn<S> cell(p / "cell", 2, 3);
        return sum(square(unroll(cell, xs, zero_state<S>(cell, 2, 3)).ys));
      },
      D({2, 2, 2}, {0.5, -1, 2, 0.25, -0.7, 1.3, 0.1, -0.4}));
}

TEST_CASE_TEMPLATE("hvp: the gradient through a step of gradient descent", T, float, double) {
  constexpr double rate = 0.3;
  const auto first = net(classes), second = net(others);
  const Parameters<T> p = drawn<T>(first);
  const auto stepped = [&](const Values& at, const Values& g) {
    Values moved;
    for (const auto& [path, value] : at) moved.emplace(path, value - rate * g.at(path));
    return moved;
  };
  Gradients<T> g;
  {
    Tape<T> tape;
    g = tape.gradient(first(p.derived([](const auto& w) { return w; })));
  }
  Tape<T> tape;
  const auto g2 = tape.gradient(second(Parameters<T>(stepped(p.values(), g.values()))));
  const Values H_g2 = hvp(first, p, g2).values();
  Values meta;
  for (const auto& [path, x] : g2.values()) meta.emplace(path, x - rate * H_g2.at(path));
  const auto whole = [&](const Values& at) {
    const Parameters<double> q(stepped(at, gradient_at(first, at)));
    return second(q).item();
  };
  check_close(meta, differences(whole, p.values()), exactness<T>);
}

TEST_CASE("hvp: of a function with kinks it is that of the side it is on") {
  const auto f = [](const auto& p) {
    const auto h = relu(affine({p.constant(data), p.weight("W", {2, 4})}, p.weight("b", {4})));
    return softmax_cross_entropy(matmul(h, p.weight("V", {4, 3})), classes, Reduction::mean);
  };
  const Parameters<double> p = drawn<double>(f);
  const Values v = random_values(p.values(), 3);
  check_close(hvp(f, p, direction_of(p, v)).values(),
              difference([&](const Values& at) { return gradient_at(f, at); }, p.values(), v, 1e-3), 1e-8);
}

TEST_CASE("hvp: what is exactly 0 costs no second run, unless a number was lost below the smallest") {
  int runs = 0;
  const auto counted = [&](auto g) {
    return [&runs, g](const auto& p) {
      ++runs;
      return g(p);
    };
  };
  const auto runs_of = [&](auto g) {
    const auto p = drawn<double>(g);
    runs = 0;
    hvp(counted(g), p, direction_of(p, random_values(p.values(), 3)));
    return runs;
  };
  CHECK(runs_of(word_model) == 1);   // rows of the embedding that are not read
  CHECK(runs_of([](const auto& p) {  // units that are off, weights that a loss does not bend with
          const auto h = relu(p.weight("W", {2, 4}) - 10);
          return sum(square(h)) + sum(p.weight("b", {4}));
        }) == 1);
  // x^3 h is nothing at 1e-75
  const auto f = [](const auto& p) {
    const auto x = p.weight("x", {1});
    return sum(x * square(square(x)));
  };
  const Values at{{"x", D({1}, {1e-75})}}, along{{"x", D({1}, {1})}};
  runs = 0;
  CHECK(hvp(counted(f), at, along).at("x").item() == doctest::Approx(20e-225).epsilon(1e-12));
  CHECK(runs > 1);
}

TEST_CASE("hvp: of a model, what does not fit is named") {
  const auto f = net(classes);
  const Parameters<float> p = drawn<float>(f);
  const auto message = [&](const HvpInputs& at) { return message_of([&] { hvp(f, p, at); }); };
  CHECK(message({.directions = {{"c", D({4}, {1, 2, 3, 4})}}}) ==
        "[hvp] there is a direction of 'c', which has no value");
  CHECK(message({.directions = {{"b", D({1}, {1})}}}) ==
        "[hvp] the direction of 'b' has shape (1,), expected that of its value, (4,)");
  CHECK(message({.directions = {{"b", D({4}, {1, 2, NAN, 4})}}}) ==
        "[hvp] the direction of 'b' is nan at (2,), expected finite elements");
  CHECK(message({.inputs = {{"b", D({4}, {1, 2, 3, 4})}}}) ==
        "[hvp] 'b' is an input and a parameter of the list, expected one of them");
  CHECK(message({.inputs = {{"x", D({1}, {1})}}}) == "[hvp] the function does not declare the input 'x'");
  const Parameters<float> some;
  some.weight("W", {2, 4});
  CHECK(message_of([&] { hvp(f, some, HvpInputs{}); }) ==
        "[hvp] the function declares 'b', which is neither a parameter of the list nor an input");
  const Parameters<float> another;
  const auto w = another.weight("w", {1});
  CHECK(message_of([&] {
          hvp(f, p, direction_of(another, {{"w", D({1}, {1})}}));
        }) == "[hvp] there is a direction of 'w', which has no value");
}
