// Patterns of paths: what each stands for.
#include <xgrad/autograd/parameters/glob.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace xgrad;

TEST_CASE("glob: what patterns stand for, and what not") {
  const std::vector<std::string> paths = {"W", "rnn/W", "rnn/b", "rnn/0/W", "rnn/10/W", "rnnlm/W", "a*b"};
  const auto chosen = [&](const std::string& pattern) {
    std::string result;
    for (const auto& path : paths)
      if (matches(pattern, path)) result += (result.empty() ? "" : " ") + path;
    return result;
  };
  CHECK(chosen("**") == "W rnn/W rnn/b rnn/0/W rnn/10/W rnnlm/W a*b");
  CHECK(chosen("*") == "W a*b");
  CHECK(chosen("") == "");
  CHECK(chosen("W") == "W");
  CHECK(chosen("rnn") == "");
  CHECK(chosen("rnn/") == "");
  CHECK(chosen("rnn/*") == "rnn/W rnn/b");
  CHECK(chosen("rnn/**") == "rnn/W rnn/b rnn/0/W rnn/10/W");
  CHECK(chosen("rnn**") == "rnn/W rnn/b rnn/0/W rnn/10/W rnnlm/W");
  CHECK(chosen("*/W") == "rnn/W rnnlm/W");
  CHECK(chosen("**/W") == "W rnn/W rnn/0/W rnn/10/W rnnlm/W");
  CHECK(chosen("**W") == "W rnn/W rnn/0/W rnn/10/W rnnlm/W");
  CHECK(chosen("rnn/**/W") == "rnn/W rnn/0/W rnn/10/W");
  CHECK(chosen("rnn/*/W") == "rnn/0/W rnn/10/W");
  CHECK(chosen("rnn/1*/W") == "rnn/10/W");
  CHECK(chosen("**/**/W") == "W rnn/W rnn/0/W rnn/10/W rnnlm/W");
  CHECK(chosen("rnn**/W") == "rnn/W rnn/0/W rnn/10/W rnnlm/W");  // behind "rnn" the slash must be there
  CHECK(chosen("*n*/*") == "rnn/W rnn/b rnnlm/W");
  CHECK(chosen("r?n/[W]") == "");  // they stand for themselves
  CHECK(chosen("a*b") == "a*b");
}

TEST_CASE("glob: a pattern of many stars takes no longer for it") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "*a";
  CHECK(!matches(pattern + "b", std::string(2000, 'a')));
  CHECK(matches(pattern, std::string(2000, 'a')));
}

TEST_CASE("glob: as words of three letters in all ways") {  // beside a search that tries everything
  const auto slow = [](const auto& self, std::string_view p, std::string_view s, bool begins) -> bool {
    if (p.empty()) return s.empty();
    if (p.starts_with("**/") && begins && self(self, p.substr(3), s, true)) return true;
    if (p[0] == '*') {
      const bool across = p.starts_with("**");
      for (std::size_t n = 0; n <= s.size(); ++n) {
        if (n > 0 && !across && s[n - 1] == '/') break;
        if (self(self, p.substr(across ? 2 : 1), s.substr(n), false)) return true;
      }
      return false;
    }
    return !s.empty() && p[0] == s[0] && self(self, p.substr(1), s.substr(1), p[0] == '/');
  };
  const auto words = [](const std::string& letters, std::size_t longest) {
    std::vector<std::string> result = {""};
    for (std::size_t i = 0; i < result.size() && result[i].size() < longest; ++i)
      for (const char c : letters) result.push_back(result[i] + c);
    return result;
  };
  std::size_t right = 0;
  const auto patterns = words("a/*", 6), paths = words("a/", 5);
  for (const auto& pattern : patterns)
    for (const auto& path : paths) {
      const bool match = matches(pattern, path);
      right += match ? 1 : 0;
      if (match != slow(slow, pattern, path, true)) FAIL_CHECK(pattern << " for " << path);
    }
  CHECK(right > 1000);
}
