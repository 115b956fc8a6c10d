// The switches themselves; what they switch is compared in layers/test_fast_paths.cpp.
#include <xgrad/autograd/fast_paths.hpp>

#include <doctest/doctest.h>

using namespace xgrad;

TEST_CASE("FastPaths: all on, and switched off until the brace") {
  CHECK(fast_path_names.size() == sizeof(FastPaths) / sizeof(bool));
  for (const auto& entry : fast_path_names) {
    const FastPath path = entry.second;
    CHECK(fast_paths().*path);
    {
      const xgrad::SwitchedOff off({path});
      for (const auto& other : fast_path_names) CHECK(fast_paths().*other.second == (other.second != path));
    }
    CHECK(fast_paths().*path);
  }
}
