// Large counts as people read them.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/format.h>

namespace xgrad {

/// `count` with a decimal prefix and three digits: "16 kB", "1.23 MB", "999 B"; "0" for none.
inline std::string with_unit(std::uint64_t count, const char* unit) {
  if (count == 0) return "0";
  if (count < 1000) return fmt::format("{} {}", count, unit);
  auto value = static_cast<double>(count);
  const char* prefix = " kMGTPE";
  for (; value >= 999.5; ++prefix) value /= 1000;
  return fmt::format("{:.3g} {}{}", value, *prefix, unit);
}

}  // namespace xgrad
