// The JSON header of a safetensors file, and the only place that knows JSON: text to entries and back. What
// the entries mean, whether dtypes exist, sizes fit and places adjoin, is checked in safetensors.cpp.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <xgrad/autograd/parameters/quote.hpp>
#include <xgrad/autograd/safetensors.hpp>

namespace xgrad::safetensors {

/// A tensor as the header gives it. Its numbers are at [begin, end) of what follows the header.
struct Entry {
  std::string dtype;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

struct Header {
  std::vector<std::pair<std::string, Entry>> tensors;
  Metadata metadata;
};

/// Throws Error: a message, as for fmt::format, about the file called `file`.
template <class... Args>
[[noreturn]] void refuse(const std::string& file, fmt::format_string<Args...> message, Args&&... args) {
  throw Error("safetensors", quote_file(file) + ": " + fmt::format(message, std::forward<Args>(args)...));
}

/// Throws Error, calling the file `file`, unless `text` is one JSON object of the format's form.
Header parse_header(const std::string& file, std::string_view text);

/// The header's text, tensors in the given order, filled up with spaces to a multiple of 8.
/// Throws Error, calling the file `file`, for text that is not UTF-8 and for a tensor called "__metadata__".
std::string header_text(const std::string& file, const Header& header);

}  // namespace xgrad::safetensors
