// What libFuzzer calls: the one target that the program is linked with; see fuzz.hpp.
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Target::all().front().run({reinterpret_cast<const char*>(data), size});
  return 0;
}
