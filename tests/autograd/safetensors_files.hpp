// Safetensors files in memory, for tests: put together by hand, and what reading them says.
#pragma once

#include <string>
#include <vector>

#include <xgrad/autograd/safetensors.hpp>

#include "errors.hpp"

namespace xgrad::testing {

/// The content of a file with this header and these numbers.
inline std::string content(const std::string& header, const std::string& numbers = "") {
  std::string text;
  for (unsigned i = 0; i < 8; ++i) text += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 0xff);
  return text + header + numbers;
}

inline safetensors::File parse(const std::string& content) {
  const auto* const first = reinterpret_cast<const std::byte*>(content.data());
  return {std::vector<std::byte>(first, first + content.size()), "f"};
}

/// The sentence that refuses a file, or "nothing was thrown".
inline std::string refusal(const std::string& content) {
  return message_of([&] { (void)parse(content); });
}

}  // namespace xgrad::testing
