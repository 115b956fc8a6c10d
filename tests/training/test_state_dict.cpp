// StateDict: entries of every kind, scopes, and what is refused, in a few lines however much differs.
#include <xgrad/training/state_dict.hpp>

#include <algorithm>

#include "autograd/ops/checks.hpp"

using namespace xgrad;
using checks::check_error;
using checks::error_of;
using checks::identical;

TEST_CASE("StateDict: entries of every kind are found again, and are copies") {
  StateDict state;
  Array<float> array({2}, {1, 2});
  state.put("array", array);
  array.mutable_data()[0] = 9;
  state.put("number", 0.1);
  state.put("integer", std::uint64_t{1} << 63);
  state.put("integers", StateDict::Integers{3, 1});
  state.put("text", "{}");
  state.put("small", 5);
  CHECK(identical(state.array<float>("array"), Array<float>({2}, {1, 2})));
  CHECK(state.number("number") == 0.1);
  CHECK(state.integer("integer") == std::uint64_t{1} << 63);
  CHECK(state.integers("integers") == StateDict::Integers{3, 1});
  CHECK(state.text("text") == "{}");
  CHECK(state.integer("small") == 5);
  CHECK(state.contains("text"));
  CHECK(!state.contains("texts"));
  check_error([&] { state.put("text", 1.0); }, {"[state] there are two entries 'text'"});
  check_error([&] { (void)state.text("none"); }, {"[state] there is no 'none'"});
  check_error([&] { (void)state.text("array"); }, {"'array' is of another kind than expected, float (2,)"});
  check_error([&] { (void)state.integer("integers"); }, {"'integers' is 2 integers, expected one"});

  StateDict whole;
  whole.put("a", state);
  whole.put("ab", 1.0);
  CHECK(whole.entries().size() == state.entries().size() + 1);
  CHECK(whole.below("a").text("text") == "{}");
  CHECK(whole.below("a").entries().size() == state.entries().size());
  CHECK(whole.below("b").entries().empty());
}

TEST_CASE("StateDict: all that differs is named, of much the first") {
  StateDict a, b;
  a.put("same", 1.0), b.put("same", 2.0);
  a.put("shape", Array<double>::zeros({2})), b.put("shape", Array<double>::zeros({3}));
  a.put("scalar", Array<float>::zeros({2})), b.put("scalar", Array<double>::zeros({2}));
  a.put("more", std::string()), b.put("less", std::uint64_t{1});
  CHECK(error_of([&] { a.check_like("me", b); }) ==
        "[me] the state does not fit, nothing is changed:\n"
        "  missing: 'less', expected integers\n"
        "  different: 'scalar' is float (2,), expected double (2,)\n"
        "  different: 'shape' is double (2,), expected double (3,)\n"
        "  unexpected: 'more', text");
  CHECK_NOTHROW(a.check_like("me", a));
  for (int k = 0; k < 1000; ++k) a.put("x" + std::to_string(k), 0.0);
  const std::string text = error_of([&] { a.check_like("me", b); });
  CHECK(text.find("unexpected: and 999 more") != std::string::npos);
  CHECK(std::count(text.begin(), text.end(), '\n') <= 9);
}
