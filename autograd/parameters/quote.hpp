// How names that somebody else chose stand in messages: a tensor's name in a file may be 100 kB long or hold
// what a terminal obeys, and a NUL would end the message.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace xgrad {

/// A name in quotes: control characters, those that turn the direction of text, and what is not UTF-8 are
/// escaped as in C++, and the middle is left out where that has more than `longest` bytes.
std::string quote(std::string_view name, std::size_t longest = 64);

/// The same of a file's name, of which messages show more.
inline std::string quote_file(const std::filesystem::path& file) { return quote(file.native(), 80); }

}  // namespace xgrad
