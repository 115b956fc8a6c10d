// The words of a text and how often each occurs, by as many threads as there are, in bounded memory: a table
// that has grown too large goes to a temporary file in the order of its words, and at the end these files are
// merged, so that every count is exact. Start with `count_words`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad {

/// A word, its count, and where in the text it comes first.
struct CountedWord {
  std::string word;
  std::uint64_t count = 0, first = 0;
};

/// The text in pieces, none of which ends within a token: between characters, for words beside a blank. The
/// views of a piece's tokens take some megabytes.     result: ends, ascending, the last that of the text
std::vector<std::size_t> cut_points(std::string_view text, const std::string& level, std::size_t piece);
/// The same in pieces of a suitable size.
inline std::vector<std::size_t> cut_points(std::string_view text, const std::string& level) {
  return cut_points(text, level, level == "word" ? std::size_t{1} << 20 : std::size_t{1} << 18);
}

/// Calls f(piece, thread) for each piece [first, last) of the text, on several threads, of which each takes
/// the pieces in their order. An exception that f throws is thrown here, that of the earliest piece.
void for_pieces(const std::vector<std::size_t>& ends,
                const std::function<void(std::size_t piece, std::size_t thread)>& f);

/// The words that occur `min_count` times at least, the `most` most frequent of them (0: all), of equally
/// frequent ones those that come first, in the order in which they come first. Tables take about `memory`
/// bytes; what does not fit goes to files in `folder`. Throws BadData for what is no text, OutputError if
/// such a file cannot be written.
std::vector<CountedWord> count_words(std::string_view text, const std::string& level, std::size_t most,
                                     std::size_t min_count, std::size_t memory, const std::string& folder);

}  // namespace xgrad
