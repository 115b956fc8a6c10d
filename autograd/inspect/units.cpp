// See units.hpp.
#include <xgrad/autograd/inspect/units.hpp>

#include <fmt/format.h>

namespace xgrad {

std::string with_unit(std::uint64_t count, const char* unit) {
  if (count == 0) return "0";
  if (count < 1000) return fmt::format("{} {}", count, unit);
  auto value = static_cast<double>(count);
  const char* prefix = " kMGTPE";
  for (; value >= 999.5; ++prefix) value /= 1000;
  return fmt::format("{:.3g} {}{}", value, *prefix, unit);
}

}  // namespace xgrad
