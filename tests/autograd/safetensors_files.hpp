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

/// Empty, or what makes a message unfit for a terminal: more than 10 lines, a line of more than 300 bytes, or
/// characters that control one.
inline std::string unfit(const std::string& message) {
  std::size_t lines = 1, length = 0;
  for (const char c : message) {
    length = c == '\n' ? 0 : length + 1;
    if (c == '\n' && ++lines > 10) return "more than 10 lines: " + message.substr(0, 2000);
    if (length > 300) return "a long line: " + message.substr(0, 2000);
    if ((c >= 0 && c < ' ' && c != '\n') || c == 0x7f) return "a control character: " + message;
  }
  return "";
}

}  // namespace xgrad::testing
