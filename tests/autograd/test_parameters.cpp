// Parameters: paths and scopes, what is refused and listed, initial values and their reproducibility, and
// assignment that every handle sees.
#include <xgrad/autograd/parameters.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>

#include "errors.hpp"

using xgrad::Array;
using xgrad::Parameters;
using xgrad::Random;
using xgrad::Shape;
using xgrad::Variable;
using namespace xgrad::testing;

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

TEST_CASE("Parameters: the list is shared by all scopes in the order of declaration") {
  const Parameters<double> p;
  const auto scope = p / "z";
  (void)scope.weight("late", {2, 3});
  (void)p.bias("a", {4});
  (void)p.input("x", {0, 5});
  std::vector<std::string> paths;
  for (const auto& parameter : scope.list()) paths.push_back(parameter.parameter()->path);
  CHECK(paths == std::vector<std::string>{"z/late", "a", "x"});
  CHECK(p.count() == 10);
  CHECK(scope.count() == 10);
  CHECK(Parameters<double>().count() == 0);
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
