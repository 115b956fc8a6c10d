// In time proportional to the product of both lengths, whatever the pattern; see glob.hpp.
#include <xgrad/autograd/parameters/glob.hpp>

#include <vector>

namespace xgrad {

bool matches(std::string_view pattern, std::string_view path) {
  // here[j]: what has been read of the pattern stands for the first j characters of the path.
  std::vector<char> here(path.size() + 1, 0);
  here[0] = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    std::vector<char> next(here.size(), 0);
    if (pattern[i] != '*') {
      for (std::size_t j = 0; j < path.size(); ++j) next[j + 1] = here[j] != 0 && path[j] == pattern[i];
    } else {
      const bool begins = i == 0 || pattern[i - 1] == '/', across = pattern.substr(i, 2) == "**";
      for (std::size_t j = 0; j < here.size(); ++j)
        next[j] = here[j] != 0 || (j > 0 && next[j - 1] != 0 && (across || path[j - 1] != '/'));
      if (across) ++i;
      if (across && begins && pattern.substr(i + 1, 1) == "/") {  // the slash is part of it
        ++i;
        for (std::size_t j = path.size(); j > 0; --j)
          next[j] = here[j] != 0 || (next[j - 1] != 0 && path[j - 1] == '/');
        next[0] = here[0];
      }
    }
    here = next;
  }
  return here.back() != 0;
}

}  // namespace xgrad
