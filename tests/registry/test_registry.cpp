// The registry is complete and is obeyed: the functions that the op headers declare are its rows, so are the
// ops that a watcher sees them record, and every refused call is refused in its row's words.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/watcher.hpp>

#include "registry/checked_call.hpp"
#include "registry/registry.hpp"

using registry::ops;
using registry::Row;

namespace {

std::set<std::string> names() {
  std::set<std::string> result;
  for (const Row& op : ops()) result.insert(op.name);
  return result;
}

// The functions that return a Variable, several of them, or a LossSum in autograd/ops/*.hpp, outside of
// namespace detail.
std::set<std::string> declared() {
  const std::regex function(R"((?:Variable<T>>?|LossSum<T>) (\w+)\()");
  std::set<std::string> result;
  for (const auto& file : std::filesystem::directory_iterator(XGRAD_TEST_DATA "/../autograd/ops")) {
    if (file.path().extension() != ".hpp") continue;
    std::ifstream in(file.path());
    const std::string whole{std::istreambuf_iterator<char>(in), {}},
        text = std::regex_replace(
            whole, std::regex(R"(namespace (?:xgrad::)?detail \{[^]*?\}  // namespace (?:xgrad::)?detail)"),
            "");
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

TEST_CASE("registry: what the library records has a row, an identity of its own and a kind") {
  struct Names : xgrad::Watcher<double> {
    xgrad::Array<double> value(const xgrad::Op& op, std::uint32_t, const xgrad::Array<double>& y,
                               std::span<const xgrad::WatchedInput<double>>) override {
      recorded.emplace(op.name(), op);
      return y;
    }
    std::map<std::string, xgrad::Op> recorded;
  } watcher;
  for (const Row& row : ops()) {
    registry::Draw draw(7);
    for (int k = 0; k < 5; ++k) {
      registry::CheckedCall call{row, row.valid(draw), false};
      xgrad::Tape<double> tape(watcher);
      (void)call(xgrad::Parameters<double>(1));
    }
  }
  CHECK(watcher.recorded.size() >= 55);
  auto known = names();
  known.insert("merge");  // what where() with functions ends with
  for (const auto& recorded : watcher.recorded) {
    const std::string& name = recorded.first;
    CAPTURE(name);
    CHECK(known.contains(name));
    for (const auto& other : watcher.recorded)
      CHECK((recorded.second == other.second) == (name == other.first));
  }
  CHECK(watcher.recorded.at("matmul").kind() == xgrad::OpKind::product);
  CHECK_FALSE(xgrad::Op("matmul") == watcher.recorded.at("matmul"));  // a user's, of the same name
}

TEST_CASE("registry: wrong calls are refused in the words of their rows") {
  std::size_t checked = 0;
  for (const Row& op : ops())
    for (const auto& refusal : op.refusals) {
      CAPTURE(op.name);
      CHECK_THROWS_WITH_AS(refusal.call(), refusal.message.c_str(), xgrad::Error);
      ++checked;
    }
  CHECK(checked >= 80);
}
