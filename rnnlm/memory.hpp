// One message where memory runs out, which says for what, and what to do.
#pragma once

#include <new>
#include <stdexcept>
#include <string>

namespace xgrad {

/// There was not enough memory.
struct OutOfMemory {
  std::string message;
};

/// Calls f; throws OutOfMemory if that runs out of memory: "there is not enough memory for WHAT; ADVICE".
template <class F>
auto with_memory_for(const std::string& what, const std::string& advice, F f) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    throw OutOfMemory{"there is not enough memory for " + what + "; " + advice};
  } catch (const std::length_error&) {
    throw OutOfMemory{"there is not enough memory for " + what + "; " + advice};
  }
}

}  // namespace xgrad
