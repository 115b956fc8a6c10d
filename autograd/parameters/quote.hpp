// How text that somebody else chose is shown: a tensor's name in a file may be 100 kB long or hold what a
// terminal obeys, and a NUL would end the message.
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

/// The whole text, without quotes, with the same escapes but for quotes and backslashes: for a terminal.
std::string escaped(std::string_view text);

/// The bytes of the character of UTF-8 that a text, which is not empty, begins with; 0 if it begins with
/// none.
std::size_t character_size(std::string_view text);

}  // namespace xgrad
