// check_documented: docs/proof.md shows what the tests print.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

namespace xgrad::faults {

/// docs/proof.md has `text` between ``` lines after the comment `<!-- name -->`. Writes it there if the
/// environment asks for it.
inline void check_documented(const std::string& name, const std::string& text) {
  const std::string path = XGRAD_TEST_DATA "/../docs/proof.md";
  std::stringstream file;
  file << std::ifstream(path).rdbuf();
  std::string page = file.str();
  const std::string opening = "<!-- " + name + " -->\n```\n";
  const auto start = page.find(opening);
  REQUIRE_MESSAGE(start != std::string::npos, "docs/proof.md has no block ", name);
  const auto first = start + opening.size(), last = page.find("\n```", first);
  REQUIRE(last != std::string::npos);
  if (std::getenv("XGRAD_WRITE_DOCS") != nullptr) {
    page.replace(first, last - first, text);
    std::ofstream(path) << page;
    return;
  }
  CHECK_MESSAGE(page.substr(first, last - first) == text, "docs/proof.md shows another ", name,
                " than is printed");
}

}  // namespace xgrad::faults
