// Reads UTF-8 character by character; see quote.hpp.
#include <xgrad/autograd/parameters/quote.hpp>

#include <cstdint>
#include <numeric>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace xgrad {

namespace {

struct Character {
  std::size_t bytes;  // 0: what begins here is not UTF-8
  std::uint32_t code;
};

// The first character of a text that is not empty. Overlong forms and surrogates are not UTF-8.
Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const std::size_t bytes = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (bytes == 0 || text.size() < bytes) return {0, 0};
  std::uint32_t code = lead & (0x7fU >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return {0, 0};
  return {bytes, code};
}

bool is_control(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) ||  // C0, DEL and C1, among which is an ESC of one byte
         (code >= 0x2028 && code < 0x202f) || (code >= 0x2066 && code < 0x206a) ||  // lines, directions
         code == 0x061c || code == 0x200e || code == 0x200f;                        // marks of directions
}

// What stands for each character of a text, and for one of `also` a backslash before it.
void escape(std::string_view text, std::vector<std::string>& shown, std::string_view also = "'\\") {
  while (!text.empty()) {
    const Character c = first_of(text);
    if (c.bytes == 0)
      shown.push_back(fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0])));
    else if (c.code == '\n' || c.code == '\t' || c.code == '\r')
      shown.push_back(c.code == '\n' ? "\\n" : c.code == '\t' ? "\\t" : "\\r");
    else if (also.find(text[0]) != std::string_view::npos)
      shown.push_back({'\\', text[0]});
    else if (is_control(c.code))
      shown.push_back(fmt::format("\\u{:04x}", c.code));
    else
      shown.emplace_back(text.substr(0, c.bytes));
    text.remove_prefix(c.bytes == 0 ? 1 : c.bytes);
  }
}

}  // namespace

std::size_t character_size(std::string_view text) { return first_of(text).bytes; }

std::string escaped(std::string_view text) {
  std::vector<std::string> shown;
  escape(text, shown, "");
  return fmt::format("{}", fmt::join(shown, ""));
}

std::string quote(std::string_view name, std::size_t longest) {
  std::vector<std::string> shown;
  if (name.size() <= 2 * longest) {
    escape(name, shown);
  } else {  // characters that this cuts are in the middle of what is shown, and so left out
    escape(name.substr(0, longest), shown);
    escape(name.substr(name.size() - longest), shown);
  }
  const auto size = std::accumulate(shown.begin(), shown.end(), std::size_t{0},
                                    [](std::size_t sum, const auto& text) { return sum + text.size(); });
  if (size <= longest) return fmt::format("'{}'", fmt::join(shown, ""));
  const std::size_t half = longest / 2;
  auto head = shown.begin(), tail = shown.end();
  for (std::size_t n = 0; (n += head->size()) <= half;) ++head;
  for (std::size_t n = 3; (n += (tail - 1)->size()) <= half;) --tail;  // 3 for the dots
  return fmt::format("'{}...{}'", fmt::join(shown.begin(), head, ""), fmt::join(tail, shown.end(), ""));
}

}  // namespace xgrad
