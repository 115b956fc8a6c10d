// Large counts as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace xgrad {

/// `count` with a decimal prefix and three digits: "16 kB", "1.23 MB", "999 B"; "0" for none.
std::string with_unit(std::uint64_t count, const char* unit);

}  // namespace xgrad
