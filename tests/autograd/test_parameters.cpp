// Parameters: paths and scopes, what is refused and listed, initial values and their reproducibility, and
// assignment that every handle sees.
#include <xgrad/autograd/parameters.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <xgrad/autograd/gradcheck.hpp>
#include <xgrad/autograd/ops.hpp>
#include <xgrad/training/adam.hpp>
#include <xgrad/training/clipping.hpp>

#include <cmath>

#include "errors.hpp"

using namespace xgrad;
using namespace xgrad::testing;

namespace {

template <class T>
std::vector<std::string> paths_of(const std::vector<Variable<T>>& list) {
  std::vector<std::string> paths;
  for (const auto& parameter : list) paths.push_back(parameter.parameter()->path);
  return paths;
}

}  // namespace

TEST_CASE("Parameters: a path is its scopes and its name") {
  const Parameters<float> p;
  const auto rnn = p / "model" / "rnn";
  const auto W = rnn.weight("Wh", {2, 3});
  REQUIRE(W.parameter() != nullptr);
  CHECK(W.parameter()->path == "model/rnn/Wh");
  CHECK(W.parameter()->value.shares_block_with(W.value()));
  CHECK(p.bias("b", {3}).parameter()->path == "b");
  CHECK((p / "other").input("x", {}).parameter()->path == "other/x");
}

TEST_CASE("Parameters: a handle lists what is below its scope, in the order of declaration") {
  const Parameters<double> p;
  const auto scope = p / "z";
  (void)scope.weight("late", {2, 3});
  (void)p.bias("a", {4});
  (void)(p / "zebra").bias("b", {5});  // begins alike
  (void)p.input("x", {0, 5});
  (void)(scope / "deep").bias("b", {2});
  CHECK(paths_of(p.list()) == std::vector<std::string>{"z/late", "a", "zebra/b", "x", "z/deep/b"});
  CHECK(paths_of(scope.list()) == std::vector<std::string>{"z/late", "z/deep/b"});
  CHECK(paths_of((scope / "deep").list()) == std::vector<std::string>{"z/deep/b"});
  CHECK((p / "none").list().empty());
  CHECK(p.count() == 17);
  CHECK(scope.count() == 8);
  CHECK(Parameters<double>().count() == 0);
  CHECK(scope.path_of(p["z/deep/b"]) == "deep/b");
  CHECK(p.path_of(p["z/deep/b"]) == "z/deep/b");
  CHECK(message_of([&] { (void)scope.path_of(p["a"]); }) ==
        "[parameters] there is no (4,) (parameter 'a') below 'z/'");
  CHECK(contains(message_of([&] { (void)scope.path_of(Variable<double>(1)); }), "there is no () below 'z/'"));
  const auto values = scope.values();
  CHECK(values.size() == 2);
  CHECK(values.at("late").shape() == Shape{2, 3});
  CHECK(values.at("deep/b").shape() == Shape{2});
}

TEST_CASE("freeze: the parameters of a scope are constants, and no gradient is asked for") {
  const Parameters<double> p(3);
  const auto a = (p / "a").weight("w", {2}), b = (p / "b").weight("w", {2});
  p.assign("a/w", Array<double>({2}, {3, -2}));  // small integers: the gradients below are exact
  p.assign("b/w", Array<double>({2}, {-1, 5}));
  const auto loss = [&] { return sum(square(a * b)); };
  freeze(p / "a");
  CHECK(p.count() == 4);
  CHECK(p.count(Which::trained) == 2);
  CHECK(p.count(Which::frozen) == 2);
  CHECK(paths_of(p.list(Which::frozen)) == std::vector<std::string>{"a/w"});
  CHECK(paths_of(p.list(Which::trained)) == std::vector<std::string>{"b/w"});
  {
    Tape<double> tape;
    auto y = loss();
    CHECK(tape.size() == 4);  // b, the product, its square, the sum
    auto gradients = tape.gradient(y);
    CHECK(numbers(gradients[b]) == std::vector<double>{-18, 40});
    CHECK(message_of([&] { (void)gradients[a]; }) ==
          "[gradient] the parameter 'a/w' was frozen, so that no gradient was taken with respect to it; "
          "unfreeze() trains it again");
    CHECK(global_norm(gradients, p) == doctest::Approx(global_norm(gradients, p / "b")));
    const auto a_before = numbers(a.value()), b_before = numbers(b.value());
    clip_global_norm(gradients, p, 1e-3);
    Adam(p, 0.1, {.weight_decay = 0.1}).step(gradients);
    CHECK(numbers(a.value()) == a_before);
    CHECK(numbers(b.value()) != b_before);
  }
  {
    const auto outside = 2 * a;  // nothing records: a constant like a itself
    Tape<double> tape;
    CHECK(message_of([&] { tape.gradient(sum(outside * a)); }).find("it is a constant here") !=
          std::string::npos);
    CHECK(message_of([&] { tape.gradient(sum(a)); }).find("constant") != std::string::npos);
    CHECK(message_of([&] { tape.gradient(a, {.seed = Array<double>::zeros({2})}); }) ==
          "[gradient] the parameter 'a/w' is frozen: a constant to every tape");
  }
  unfreeze(p);
  CHECK(p.count(Which::frozen) == 0);
  p.assign("b/w", Array<double>({2}, {-1, 5}));
  Tape<double> tape;
  CHECK(numbers(tape.gradient(loss())[a]) == std::vector<double>{6, -100});
}

TEST_CASE("freeze: an open tape that used the parameter refuses its gradient") {
  const Parameters<float> p;
  const auto w = p.weight("w", {2});
  {
    Tape<float> tape;
    const auto y = sum(w);
    freeze(p);
    CHECK(contains(message_of([&] { tape.gradient(y); }),
                   "the parameter 'w' was frozen after this tape used it"));
  }
  {
    Tape<float> tape;
    const auto x = tape.leaf(Array<float>::zeros({2}));
    const auto y = sum(x * w);
    unfreeze(p);
    CHECK(contains(message_of([&] { tape.gradient(y); }),
                   "the parameter 'w' was unfrozen after this tape used it; call gradient() before that"));
  }
  {
    Tape<float> tape;  // one of its uses is of a constant, but the end is as the beginning
    const auto y = sum(w);
    freeze(p);
    const auto z = sum(w);
    unfreeze(p);
    CHECK(contains(message_of([&] { tape.gradient(y + z); }),
                   "the parameter 'w' was changed after this tape used it"));
  }
  CHECK(message_of([&] { freeze(p / "w"); }) ==
        "[freeze] there is no parameter below this scope; build the model first, and look at p.list()");
  CHECK(contains(message_of([&] { unfreeze(p / "v"); }), "[unfreeze] there is no parameter"));
}

TEST_CASE("freeze: what is frozen is not checked by gradcheck, and all of it is refused") {
  const auto half = []<class S>(const Parameters<S>& p) {
    const auto a = p.input("a", {3}), b = p.input("b", {3});
    const auto c = (p / "cold").input("c", {3});
    freeze(p / "cold");
    return sum(tanh(a * b) * c);
  };
  CHECK(bool(gradcheck(half)));
  const auto all = []<class S>(const Parameters<S>& p) {
    const auto a = p.input("a", {3});
    freeze(p);
    return sum(a);
  };
  CHECK(
      contains(message_of([&] { gradcheck(all); }), "[gradcheck] all that the function declares is frozen"));
}

TEST_CASE("Parameters: a path is declared once") {
  const Parameters<float> p;
  (void)(p / "rnn").weight("W", {2});
  CHECK(contains(message_of([&] { (void)(p / "rnn").bias("W", {3}); }),
                 "[parameters] 'rnn/W' is declared twice"));
  CHECK(p.list().size() == 1);
  CHECK_NOTHROW((void)p.weight("W", {2}));
}

TEST_CASE("Parameters: a name is one word") {
  const Parameters<float> p;
  const std::string text = "[parameters] a name is one non-empty word without '/', got 'a/b'";
  CHECK(contains(message_of([&] { (void)p.weight("a/b", {2}); }), text));
  CHECK(contains(message_of([&] { (void)(p / "a/b"); }), text));
  CHECK(
      contains(message_of([&] { (void)p.bias("", {2}); }), "got ''; scopes are entered with p / \"scope\""));
  CHECK(contains(message_of([&] { (void)(p / ""); }), "got ''"));
  CHECK(p.list().empty());
}

TEST_CASE("Parameters: an empty function is refused before anything is declared") {
  const Parameters<float> p;
  CHECK(message_of([&] { (void)(p / "rnn").weight("W", {2}, xgrad::Initializer()); }) ==
        "[parameters] 'rnn/W' needs an initializer, got an empty function");
  CHECK(message_of([&] { (void)p.derived(nullptr); }) ==
        "[parameters] derived() needs a function that replaces, got an empty one");
  CHECK(p.list().empty());
}

TEST_CASE("Parameters: lookup is by the path below the scope and lists what there is") {
  const Parameters<float> p;
  CHECK(message_of([&] { (void)p["W"]; }) == "[parameters] there is no 'W'; there are: none");
  const auto W = (p / "rnn").weight("W", {2});
  (void)p.bias("b", {2});
  CHECK(p["rnn/W"].parameter() == W.parameter());
  CHECK((p / "rnn")["W"].parameter() == W.parameter());
  CHECK(message_of([&] { (void)(p / "rnn")["b"]; }) ==
        "[parameters] there is no 'rnn/b'; there are: 'rnn/W', 'b'");
}

TEST_CASE("Parameters: assigned numbers are seen by every handle") {
  const Parameters<double> p;
  const auto W = (p / "s").weight("W", {2, 2});
  const auto b = W;
  p.assign("s/W", Array<double>({2, 2}, {1, 2, 3, 4}));
  CHECK(numbers(b.value()) == std::vector<double>{1, 2, 3, 4});
  CHECK(numbers(W.parameter()->value) == std::vector<double>{1, 2, 3, 4});
  CHECK(W.value().version() == 1);
  CHECK(message_of([&] { p.assign("s/W", ramp<double>({4})); }) ==
        "[parameters] 's/W' has shape (2, 2), cannot take values of shape (4,)");
  CHECK(contains(message_of([&] { p.assign("W", ramp<double>({2, 2})); }), "there is no 'W'"));
  CHECK(numbers(b.value()) == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE_TEMPLATE("Parameters: default weights fill plus or minus one over the root of the inputs", T, float,
                   double) {
  const Parameters<T> p(3);
  for (const std::size_t K : {1, 4, 100}) {
    const double bound = 1 / std::sqrt(static_cast<double>(K));
    const auto W = p.weight(fmt::format("W{}", K), {K, 1000 / K});
    double largest = 0, smallest = 0;
    for (const T x : W.value()) {
      largest = std::max(largest, static_cast<double>(x));
      smallest = std::min(smallest, static_cast<double>(x));
    }
    CHECK(largest <= bound);
    CHECK(smallest >= -bound);
    CHECK(largest > 0.98 * bound);
    CHECK(smallest < -0.98 * bound);
  }
  CHECK(std::abs(p.weight("scalar", {}).item()) <= T(1));
  CHECK(p.weight("empty", {0, 3}).size() == 0);
  const auto b = p.bias("b", {5});
  for (const T x : b.value()) CHECK(x == T(0));
}

TEST_CASE("Parameters: the same seed draws the same values in order of declaration") {
  const auto draw = [](std::uint32_t seed) {
    const Parameters<double> p(seed);
    auto result = numbers(p.weight("a", {3}).value());
    (void)p.bias("b", {2});  // draws nothing
    const auto more = numbers((p / "s").input("c", {2}, xgrad::normal(2)).value());
    result.insert(result.end(), more.begin(), more.end());
    return result;
  };
  CHECK(draw(5) == draw(5));
  CHECK(draw(5) != draw(6));
  Random random(5);
  const auto drawn = draw(5);
  const double bound = 1 / std::sqrt(3.0);
  for (std::size_t i = 0; i < 3; ++i) CHECK(drawn[i] == -bound + 2 * bound * random.uniform());
  for (std::size_t i = 3; i < 5; ++i) CHECK(drawn[i] == 2 * random.normal());
}

TEST_CASE("Parameters: float weights are the cast of the double ones") {
  const auto a = Parameters<float>(7).weight("W", {9, 5});
  const auto b = Parameters<double>(7).weight("W", {9, 5});
  CHECK(numbers(a.value()) == numbers(b.value().cast<float>()));
}

TEST_CASE_TEMPLATE("Parameters: values can be given by path", T, float, double) {
  const Array<double> given({2}, {0.1, -3});
  const Parameters<T> p(std::map<std::string, Array<double>>{{"s/W", given}});
  const auto W = (p / "s").weight("W", {2});
  CHECK(numbers(W.value()) == std::vector<T>{T(0.1), T(-3)});
  p.assign("s/W", Array<T>::zeros({2}));
  CHECK(given.data()[0] == 0.1);  // the caller's numbers are not the parameter's block
  CHECK(numbers((p / "s").bias("b", {2}).value()) == std::vector<T>{0, 0});  // not given: drawn as ever
  const auto values = p.values();
  CHECK(values.size() == 2);
  CHECK(numbers(values.at("s/W")) == std::vector<double>{0, 0});
  const Parameters<T> q(std::map<std::string, Array<double>>{{"W", given}});
  CHECK(message_of([&] {
          (void)q.weight("W", {2, 1});
        }) == "[parameters] 'W' is declared with shape (2, 1), but the value given for it has shape (2,)");
}

TEST_CASE_TEMPLATE("Parameters: a constant is data in the function's scalar", T, float, double) {
  const Parameters<T> p;
  const auto c = p.constant(Array<double>({2}, {0.1, 2}));
  CHECK(numbers(c.value()) == std::vector<T>{T(0.1), T(2)});
  CHECK(c.parameter() == nullptr);
  CHECK(p.list().empty());
}
