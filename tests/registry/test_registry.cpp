// The registry is complete and is obeyed: the functions that the op headers declare are its rows, record() refuses an op of
// the library that has none, and every refused call is refused in its row's words.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include <xgrad/autograd/tape.hpp>

#include "registry/registry.hpp"

using registry::Op;
using registry::ops;

namespace {

std::set<std::string> names() {
  std::set<std::string> result;
  for (const Op& op : ops()) result.insert(op.name);
  return result;
}

// The functions that return a Variable, several of them, or a LossSum in autograd/ops/*.hpp, outside of namespace detail.
std::set<std::string> declared() {
  const std::regex function(R"((?:Variable<T>>?|LossSum<T>) (\w+)\()");
  std::set<std::string> result;
  for (const auto& file : std::filesystem::directory_iterator(XGRAD_TEST_DATA "/../autograd/ops")) {
    if (file.path().extension() != ".hpp") continue;
    std::ifstream in(file.path());
    const std::string whole{std::istreambuf_iterator<char>(in), {}},
        text =
            std::regex_replace(whole, std::regex(R"(namespace detail \{[^]*?\}  // namespace detail)"), "");
    for (std::sregex_iterator it(text.begin(), text.end(), function); it != std::sregex_iterator(); ++it)
      result.insert((*it)[1]);
  }
  return result;
}

}  // namespace

TEST_CASE("registry: its rows are the functions that the op headers declare") {
  CHECK(declared().size() >= 65);
  CHECK(declared() == names());
  CHECK(names().size() == ops().size());  // none twice
}

TEST_CASE("registry: an op of the library without a row is refused, one of a user's is not") {
  using namespace xgrad;
  const Variable<double> x = 1;
  const auto same = [](const Array<double>& dy) { return dy; };
  CHECK_THROWS_WITH_AS(record("tahn", x.value(), wrt(x, same)),
                       "[tahn] the library records an op that the registry does not know: add its row",
                       Error);
  CHECK_NOTHROW(record("my_tanh", x.value(), wrt(x, same)));
  CHECK_NOTHROW(record("tanh", x.value(), wrt(x, same)));
}

TEST_CASE("registry: wrong calls are refused in the words of their rows") {
  std::size_t checked = 0;
  for (const Op& op : ops())
    for (const auto& refusal : op.refusals) {
      CAPTURE(op.name);
      CHECK_THROWS_WITH_AS(refusal.call(), refusal.message.c_str(), xgrad::Error);
      ++checked;
    }
  CHECK(checked >= 80);
}
